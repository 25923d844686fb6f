"""git datmo verify."""

import argparse
from typing import TYPE_CHECKING, Any

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.history.record_signatures import Verified

DESCRIPTION = """\
Checks the signatures of experiments and of their receipts, with git's own means: whose keys are
trusted is what gpg.ssh.allowedSignersFile, or GnuPG, says. Records are signed by --sign of 'run',
'snapshot' and 'reproduce', or always where datmo.sign is true.

Exits with 1 where a named experiment has no good signature, or any of the signatures is bad.

With --complete it asks the remote instead whether everything that the commits of a range need can
be had from it: their data are in a record, the record is there, and so is what it names. Exits
with 2 where something is missing, and says whom to ask."""
EXAMPLES = """
git datmo verify HEAD
git datmo verify 3f9c2a --json
git datmo verify --complete origin/main..HEAD
git datmo verify --complete --all
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", nargs="*", default=["HEAD"], metavar="REV|ID", help="commits or snapshots (HEAD)"
    )
    parser.add_argument(
        "--complete", action="store_true", help="ask the remote for the data of a revision range"
    )
    parser.add_argument("--all", action="store_true", help="with --complete: of all branches")
    parser.add_argument("--json", action="store_true", help="print one JSON object a record")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.history.experiments import History
    from git_datmo.history.record_signatures import verify
    from git_datmo.repository.workspace import open_workspace

    console.use_colours()
    if options.complete:
        return _complete(options, console)
    if options.all:
        from git_datmo.errors import UsageError

        raise UsageError(
            "'--all' goes with '--complete'", "name the commits to verify, or add '--complete'"
        )
    holds = True
    with open_workspace(console.environ, console.cwd) as ws:
        history = History(ws)
        for name in options.names:
            for verified in verify(ws, history, history.resolve(name)):
                holds = (
                    holds and not verified.bad and (verified.good or verified.kind != "snapshot")
                )
                if options.json:
                    console.print_json(_document(verified))
                else:
                    _print(verified, console)
    return 0 if holds else 1


def _complete(options: argparse.Namespace, console: Console) -> int:
    from dataclasses import asdict

    from git_datmo.errors import Incomplete
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.space.data_completeness import all_branches, check_complete

    with open_workspace(console.environ, console.cwd) as ws:
        done = check_complete(
            ws, all_branches(ws) if options.all else options.names, progress=console.progress()
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

    author = f"{verified.author.name} <{verified.author.email}>"
    head = f"{verified.kind} {str(verified.id)[:10]} by {author}"
    if not verified.signatures:
        console.print(f"{head}: not signed")
    for signature in verified.signatures:
        colour = "green" if signature.state == "good" else "red"
        by = f" of {signature.signer}" if signature.signer else ""
        key = f", key {signature.key}" if signature.key else ""
        console.print(f"{head}: {console.paint(colour, f'signature {signature.state}{by}{key}')}")


def _document(verified: "Verified") -> dict[str, Any]:
    signatures = [
        {"state": s.state.name.lower(), "signer": s.signer, "key": s.key}
        for s in verified.signatures
    ]
    author = {"name": verified.author.name, "email": verified.author.email}
    return {
        "id": str(verified.id),
        "kind": verified.kind,
        "author": author,
        "signatures": signatures,
    }
