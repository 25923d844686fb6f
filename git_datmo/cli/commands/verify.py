"""The `git datmo verify` command."""

import argparse
from typing import TYPE_CHECKING, Any

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.history.record_signatures import Verified

DESCRIPTION = """\
Check the signatures of experiments, of the receipts, model tests and feedback on them, and of the
checks of their data against contracts, with git's own means. The trusted keys are those of
gpg.ssh.allowedSignersFile, or those that GnuPG trusts. You sign records with --sign of 'run',
'snapshot' and 'reproduce', or always if datmo.sign is true.

The exit code is 1 if an experiment that you name has no good signature, or if any signature is
bad.

With --complete, git-datmo checks instead that the remote has everything that the commits of a
range need. The data of each commit must be in a record, and the remote must have the record and
everything that it names. The exit code is 2 if something is missing, and the hint says whom to
ask."""
EXAMPLES = """
git datmo verify HEAD
git datmo verify 3f9c2a --json
git datmo verify --complete origin/main..HEAD
git datmo verify --complete --all
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo verify` to its parser."""
    parser.add_argument(
        "names", nargs="*", default=["HEAD"], metavar="REV|ID", help="commits or snapshots (HEAD)"
    )
    parser.add_argument(
        "--complete", action="store_true", help="ask the remote for the data of a revision range"
    )
    parser.add_argument("--all", action="store_true", help="with --complete: check all branches")
    parser.add_argument("--json", action="store_true", help="print one JSON object a record")


def run(options: argparse.Namespace, console: Console) -> int:
    """Check signatures and return 0 if all are good, else 1.

    An experiment needs a good signature; an unsigned record about it is no failure. Raises
    `UsageError` for `--all` without `--complete`.
    """
    from git_datmo.history.experiments import History
    from git_datmo.history.record_signatures import verify
    from git_datmo.report.experiment_checks import ExperimentChecks
    from git_datmo.repository.workspace import open_workspace

    console.use_colours()
    if options.complete:
        return _complete(options, console)
    if options.all:
        from git_datmo.errors import UsageError

        raise UsageError(
            "'--all' needs '--complete'", "name the commits to verify, or add '--complete'"
        )
    holds = True
    with open_workspace(console.environ, console.cwd) as ws:
        history = History(ws)
        checks = ExperimentChecks(ws, history)
        for name in options.names:
            found = history.resolve(name)
            rows = checks.rows(str(found.id), found.commit)
            for verified in verify(ws, history.catalog, found.id, rows):
                holds = (
                    holds and not verified.bad and (verified.good or verified.kind != "snapshot")
                )
                if options.json:
                    console.print_json(_document(verified))
                else:
                    _print(verified, console)
    return 0 if holds else 1


def _complete(options: argparse.Namespace, console: Console) -> int:
    """Check that a remote has the data of commits.

    Raises `Incomplete` if any of them are missing.
    """
    from dataclasses import asdict

    from git_datmo.errors import Incomplete
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.space.data_completeness import all_branches, check_complete

    with open_workspace(console.environ, console.cwd) as ws:
        done = check_complete(
            ws,
            all_branches(ws.repo.git) if options.all else options.names,
            progress=console.progress(),
        )
    if options.json:
        missing = [asdict(gap) for gap in done.gaps]
        console.print_json({"remote": done.remote, "snapshots": done.snapshots, "missing": missing})
    else:
        for gap in done.gaps:
            snapshot = f", snapshot {gap.record[:10]}" if gap.record else ""
            console.print(f"commit {gap.commit[:10]}{snapshot}: {gap.what}")
    if done.gaps:
        who = ", ".join(sorted({gap.author for gap in done.gaps}))
        count = f"{len(done.gaps)} snapshot{'s are' if len(done.gaps) > 1 else ' is'}"
        raise Incomplete(
            f"{count} not complete on '{done.remote}'",
            f"ask {who} to run 'git datmo push' in the clone that made them",
        )
    return 0


def _print(verified: "Verified", console: Console) -> None:
    """Print the signatures of a record."""
    from git_datmo.cli.text_tables import shorten

    author = f"{verified.author.name} <{verified.author.email}>"
    title = f" ({shorten(verified.title)})" if verified.title else ""
    head = f"{verified.kind} {str(verified.id)[:10]}{title} by {author}"
    if not verified.signatures:
        console.print(f"{head}: not signed")
    for signature in verified.signatures:
        colour = "green" if signature.state == "good" else "red"
        by = f" of {signature.signer}" if signature.signer else ""
        key = f", key {signature.key}" if signature.key else ""
        console.print(f"{head}: {console.paint(colour, f'signature {signature.state}{by}{key}')}")


def _document(verified: "Verified") -> dict[str, Any]:
    """Return the JSON document of a record's signatures."""
    signatures = [
        {"state": s.state.name.lower(), "signer": s.signer, "key": s.key}
        for s in verified.signatures
    ]
    author = {"name": verified.author.name, "email": verified.author.email}
    return {
        "id": str(verified.id),
        "kind": verified.kind,
        "title": verified.title,
        "author": author,
        "signatures": signatures,
    }
