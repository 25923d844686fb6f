"""git datmo reproduce."""

import argparse
from typing import TYPE_CHECKING, Any

from git_datmo.cli.console import Console
from git_datmo.cli.rerunning import add_means, open_means

if TYPE_CHECKING:
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Reruns an experiment in a fresh folder made from what the snapshot names alone: rebuilds the
environment, runs the command in a container without network, compares metrics as numbers and
outputs byte for byte, or where these differ, by what they hold; says what could explain a
difference, and records a receipt.

A tolerance for a metric says that the metrics decide: outputs without a tolerance of their own
then have to be there, but may differ. Where none is given for it, datmo.tolerance in git's
config holds (NAME=X, any number of them), then the snapshot's own.

With --with, one part is another experiment's, and there is no receipt, since it is no
reproduction: 'code', 'data' (what was there before the run), 'env' (packages and variables),
'params' (the words of the command).

The command of a snapshot that was not made here is shown, and asked about once. Outside a
container that holds for your own from elsewhere too: anybody can write your name.

Of several, each is rerun after the other, and has its verdict and its receipt; one that cannot
be tried does not stop the others. With --cluster they go to the workers of a Dask cluster, which
need git-datmo[cluster] and get code and data from the git remote, each with its own credentials:
push first. A worker shares its receipts by itself, and hands them back too.

Verdicts: identical, within tolerance (exit 0); different, failed, nothing to compare (exit 1). A
verdict says how many metrics and outputs it rests on. Where the run recorded neither, there is
nothing to compare, and no receipt. Where the command failed in the run, the rerun has to fail
for the same reason: its exception, or else the last line that it printed, is compared too."""
EXAMPLES = """
git datmo reproduce HEAD
git datmo reproduce 3f9c2a --tolerance accuracy=0.002
git datmo reproduce HEAD --tolerance predictions.npy=1e-6 --repeat 3
git datmo reproduce HEAD --with data=HEAD~1
git datmo reproduce HEAD --engine venv --trust
git datmo reproduce HEAD --on ssh://trainer.example
git datmo reproduce 3f9c2a 81d04e v1.0 --cluster tcp://scheduler.example:8786
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", nargs="+", metavar="REV|ID", help="a commit or snapshot, or several"
    )
    add_means(parser)
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=X",
        help="how far a metric or output may be off; may be repeated",
    )
    parser.add_argument(
        "--repeat",
        type=int,
        default=1,
        metavar="N",
        help="rerun it N times, and say what differs between them (1)",
    )
    parser.add_argument(
        "--with",
        dest="swapped",
        action="append",
        default=[],
        metavar="PART=REV|ID",
        help="take code, data, env or params from another; may be repeated",
    )
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="rerun on a Dask cluster; ADDRESS is its scheduler's"
    )
    parser.add_argument(
        "--sign", action="store_true", help="sign the receipt with git's own key (datmo.sign)"
    )
    parser.add_argument("--dir", metavar="DIR", help="rerun in this new folder and keep it")
    parser.add_argument("--json", action="store_true", help="print each receipt as one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace

    console.use_colours()
    if options.repeat < 1:
        raise UsageError("--repeat takes a number of 1 or more")
    many = len(options.names) > 1
    for here, word in ((options.swapped, "--with"), (options.dir, "--dir"), (options.on, "--on")):
        if here and (options.cluster or (many and word != "--on")):
            raise UsageError(
                f"{word} goes with one rerun here",
                "leave out " + ("--cluster" if options.cluster else word),
            )
    with open_workspace(console.environ, console.cwd) as ws:
        if many or options.cluster:
            from git_datmo.cli.many import reproduce_many

            return reproduce_many(options, console, ws)
        return _reproduce(options, console, ws)


def _reproduce(options: argparse.Namespace, console: Console, ws: "Workspace") -> int:
    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.cli.verdicts import GOOD, receipt_document, verdict_lines
    from git_datmo.errors import UsageError
    from git_datmo.history.experiments import History
    from git_datmo.payloads.checkout_target import find_experiment
    from git_datmo.runs.reproduce import reproduce
    from git_datmo.runs.rerun import parts_of, require_whole, swap
    from git_datmo.runs.rerun_folder import scratch_folder
    from git_datmo.runs.tolerances import find_tolerances, parse_tolerances

    asked, swapped = parse_tolerances(options.tolerance), parse_swaps(options.swapped)
    history = History(ws)
    found = find_experiment(ws, history, options.names[0], progress=console.progress())
    others = {part: history.resolve(name) for part, name in swapped.items()}
    parts = parts_of(found)
    for part, other in others.items():
        parts = swap(parts, part, parts_of(other))
    require_whole(parts)
    tolerances = find_tolerances(ws, found.snapshot, asked)
    with (
        open_means(
            options, console, ws, [found, *others.values()], copy_to_errors, folder=options.dir
        ) as means,
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
        document: dict[str, Any] = {
            "id": str(done.id) if done.id else None,
            **receipt_document(done.receipt),
        }
        if others:
            document["with"] = {part: str(other.id) for part, other in others.items()}
        console.print_json(document)
    else:
        for line in verdict_lines(done.receipt, console):
            console.print(line)
        for part, other in others.items():
            console.tell(
                f"the {part} was that of snapshot {str(other.id)[:10]}: no receipt is left"
            )
    return 0 if done.receipt.verdict in GOOD else 1


def parse_swaps(words: list[str]) -> dict[str, str]:
    """What `--with PART=REV` gives."""
    from git_datmo.errors import UsageError
    from git_datmo.runs.rerun import PARTS

    found: dict[str, str] = {}
    for word in words:
        part, _, name = word.partition("=")
        if part not in PARTS or not name:
            raise UsageError(
                f"'{word}' is not of the form PART=REV", f"the parts are {', '.join(PARTS)}"
            )
        if part in found:
            raise UsageError(f"the {part} can be taken from one snapshot alone")
        found[part] = name
    return found
