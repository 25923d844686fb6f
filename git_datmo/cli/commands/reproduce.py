"""git datmo reproduce."""

import argparse
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.cli.rerunning import add_means, open_means

DESCRIPTION = """\
Reruns an experiment in a fresh folder made from what the snapshot names alone: rebuilds the
environment, runs the command in a container without network, compares metrics as numbers and
outputs byte for byte, or where these differ, by what they hold; says what could explain a
difference, and records a receipt.

A tolerance for a metric says that the metrics decide: outputs without a tolerance of their own then
have to be there, but may differ. Where none is given for it, datmo.tolerance in git's config holds
(NAME=X, any number of them), then the snapshot's own.

With --with, one part is another experiment's, and there is no receipt, since it is no reproduction:
'code', 'data' (what was there before the run), 'env' (packages and variables), 'params' (the words of
the command).

The command of a snapshot that was not made here is shown, and asked about once. Outside a container
that holds for your own from elsewhere too: anybody can write your name.

Verdicts: identical, within tolerance (exit 0); different, failed (exit 1)."""
EXAMPLES = """
git datmo reproduce HEAD
git datmo reproduce 3f9c2a --tolerance accuracy=0.002
git datmo reproduce HEAD --tolerance predictions.npy=1e-6 --repeat 3
git datmo reproduce HEAD --with data=HEAD~1
git datmo reproduce HEAD --engine venv --trust
git datmo reproduce HEAD --on ssh://trainer.example
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="REV|ID", help="a commit or snapshot")
    add_means(parser)
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=X",
        help="how far a metric or output may be off; may be repeated",
    )
    parser.add_argument(
        "--repeat", type=int, default=1, metavar="N", help="rerun it N times, and say what differs between them (1)"
    )
    parser.add_argument(
        "--with",
        dest="swapped",
        action="append",
        default=[],
        metavar="PART=REV|ID",
        help="take code, data, env or params from another; may be repeated",
    )
    parser.add_argument("--sign", action="store_true", help="sign the receipt with git's own key (datmo.sign)")
    parser.add_argument("--dir", metavar="DIR", help="rerun in this new folder and keep it")
    parser.add_argument("--json", action="store_true", help="print the receipt as one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.cli.verdicts import GOOD, receipt_document, verdict_lines
    from git_datmo.errors import UsageError
    from git_datmo.flows.history import History
    from git_datmo.flows.running.reproduce import reproduce
    from git_datmo.flows.running.rerun import parts_of, swap
    from git_datmo.flows.running.scratch import scratch_folder
    from git_datmo.flows.running.tolerances import find_tolerances, parse_tolerances
    from git_datmo.flows.workspace import open_workspace

    console.use_colours()
    asked, swapped = parse_tolerances(options.tolerance), parse_swaps(options.swapped)
    if options.repeat < 1:
        raise UsageError("--repeat takes a number of 1 or more")
    with open_workspace(console.environ, console.cwd) as ws:
        history = History(ws)
        found = history.resolve(options.name)
        others = {part: history.resolve(name) for part, name in swapped.items()}
        parts = parts_of(found)
        for part, other in others.items():
            parts = swap(parts, part, parts_of(other))
        tolerances = find_tolerances(ws, found.snapshot, asked)
        with (
            open_means(options, console, ws, [found, *others.values()], copy_to_errors, folder=options.dir) as means,
            scratch_folder(ws, options.dir) as folder,
        ):
            if means.fixed and others.keys() & set(means.fixed):
                raise UsageError(f"'{means.engine.name}' has one env", "give --engine docker or venv")
            done = reproduce(
                ws,
                found,
                means,
                folder=folder,
                tolerances=tolerances,
                repeat=options.repeat,
                parts=parts if others else None,
                sign=options.sign,
            )
    for warning in done.warnings:
        console.warn(warning)
    if options.json:
        document: dict[str, Any] = {"id": str(done.id) if done.id else None, **receipt_document(done.receipt)}
        if others:
            document["with"] = {part: str(other.id) for part, other in others.items()}
        console.print_json(document)
    else:
        for line in verdict_lines(done.receipt, console):
            console.print(line)
        for part, other in others.items():
            console.tell(f"the {part} was that of snapshot {str(other.id)[:10]}: no receipt is left")
    return 0 if done.receipt.verdict in GOOD else 1


def parse_swaps(words: list[str]) -> dict[str, str]:
    """What `--with PART=REV` gives."""
    from git_datmo.errors import UsageError
    from git_datmo.flows.running.rerun import PARTS

    found: dict[str, str] = {}
    for word in words:
        part, _, name = word.partition("=")
        if part not in PARTS or not name:
            raise UsageError(f"'{word}' is not of the form PART=REV", f"the parts are {', '.join(PARTS)}")
        if part in found:
            raise UsageError(f"the {part} can be taken from one snapshot alone")
        found[part] = name
    return found
