"""git datmo drop."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Gives snapshots up: 'log' shows them no more, here and, once shared, for everybody. 'git datmo gc'
then frees what they alone needed."""
EXAMPLES = """
git datmo drop 3f9c2a1b
git datmo drop 3f9c2a1b 77d0e5 --why "the labels were wrong"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="a snapshot's id, or the start of it")
    parser.add_argument("--why", default="", metavar="TEXT", help="the reason for it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.flows.drop import drop
    from git_datmo.flows.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        done = drop(ws, options.ids, why=options.why)
    if options.json:
        dropped = [str(oid) for oid in done.records]
        console.print_json({"id": str(done.id), "dropped": dropped, "remarks": list(done.remarks)})
        return 0
    for oid in done.records:
        console.print(f"dropped: {oid}")
    for remark in done.remarks:
        console.tell(remark)
    return 0
