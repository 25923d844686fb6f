"""git datmo verify."""

import argparse
from typing import TYPE_CHECKING, Any

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.flows.signing import Verified

DESCRIPTION = """\
Checks the signatures of experiments and of their receipts, with git's own means: whose keys are
trusted is what gpg.ssh.allowedSignersFile, or GnuPG, says. Records are signed by --sign of 'run',
'snapshot' and 'reproduce', or always where datmo.sign is true.

Exits with 1 where a named experiment has no good signature, or any of the signatures is bad."""
EXAMPLES = """
git datmo verify HEAD
git datmo verify 3f9c2a --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", default=["HEAD"], metavar="REV|ID", help="commits or snapshots (HEAD)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a record")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.flows.history import History
    from git_datmo.flows.signing import verify
    from git_datmo.flows.workspace import open_workspace

    console.use_colours()
    holds = True
    with open_workspace(console.environ, console.cwd) as ws:
        history = History(ws)
        for name in options.names:
            for verified in verify(ws, history, history.resolve(name)):
                holds = holds and not verified.bad and (verified.good or verified.kind != "snapshot")
                if options.json:
                    console.print_json(_document(verified))
                else:
                    _print(verified, console)
    return 0 if holds else 1


def _print(verified: "Verified", console: Console) -> None:
    from git_datmo.cli.plain import plain

    author = f"{verified.author.name} <{verified.author.email}>"
    head = f"{verified.kind} {str(verified.id)[:10]} by {author}"
    if not verified.signatures:
        console.print(plain(f"{head}: not signed"))
    for signature in verified.signatures:
        colour = "green" if signature.state == "good" else "red"
        by = f" of {signature.signer}" if signature.signer else ""
        key = f", key {signature.key}" if signature.key else ""
        console.print(f"{plain(head)}: {console.paint(colour, plain(f'signature {signature.state}{by}{key}'))}")


def _document(verified: "Verified") -> dict[str, Any]:
    signatures = [{"state": s.state.name.lower(), "signer": s.signer, "key": s.key} for s in verified.signatures]
    author = {"name": verified.author.name, "email": verified.author.email}
    return {"id": str(verified.id), "kind": verified.kind, "author": author, "signatures": signatures}
