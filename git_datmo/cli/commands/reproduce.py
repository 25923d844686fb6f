"""The `git datmo reproduce` command."""

import argparse
from typing import TYPE_CHECKING, Any

from git_datmo.cli.console import Console
from git_datmo.cli.rerun_options import add_means, open_means

if TYPE_CHECKING:
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Rerun an experiment in a new folder that contains only what its snapshot names. git-datmo
rebuilds the environment and runs the command in a container without network. It compares metrics
as numbers. It compares outputs byte for byte and, if these differ, by their content. It prints
what could explain a difference, and records a receipt.

If you give a tolerance for a metric, the metrics decide: outputs without a tolerance of their
own must then exist, but may differ. Without --tolerance, the tolerance comes from
datmo.tolerance in git's configuration (NAME=X, which you can set several times), else from the
snapshot.

With --with, a part of the rerun comes from another experiment: 'code', 'data' (the payloads
before the run), 'env' (packages and variables) or 'params' (the words of the command). This is
no reproduction, so git-datmo records no receipt.

git-datmo shows you the command of a snapshot that was not made in this clone, and asks once
before it runs. Outside a container, it also asks for your own snapshots from other clones,
because anyone can use your name.

Contracts of the snapshot's own code, in its folder contracts, are checked first, and then the
data that it reads. git-datmo refuses the rerun before anything is computed if they do not fit,
unless --no-contract is given: see docs/CONTRACTS.md.

If you name several snapshots, git-datmo reruns them in order, each with its own verdict and
receipt. If a snapshot cannot be rerun, the others still are. With --cluster, the workers of a
Dask cluster rerun them. The workers need git-datmo[cluster], and get code and data from the git
remote with their own credentials, so push first. A worker shares its receipts itself, and
returns them to you too.

The verdicts are: identical, within tolerance (exit code 0); different, failed, nothing to
compare (exit code 1). A verdict says how many metrics and outputs it is based on. If the run
recorded neither, git-datmo compares the logs; unless they are the same, it finds nothing to
compare and records no receipt. If the command failed in the run, the rerun must fail for the
same reason. git-datmo then compares the exception, or else the last line of the log."""
EXAMPLES = """
git datmo reproduce HEAD
git datmo reproduce 3f9c2a --tolerance accuracy=0.002
git datmo reproduce HEAD --tolerance predictions.npy=1e-6 --repeat 3
git datmo reproduce HEAD --with data=HEAD~1
git datmo reproduce HEAD --engine venv --trust
git datmo reproduce HEAD --no-contract
git datmo reproduce HEAD --on ssh://trainer.example
git datmo reproduce 3f9c2a 81d04e v1.0 --cluster tcp://scheduler.example:8786
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo reproduce` to its parser."""
    parser.add_argument("names", nargs="+", metavar="REV|ID", help="commits or snapshots")
    add_means(parser)
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=X",
        help="allowed difference of a metric or output; may be repeated",
    )
    parser.add_argument(
        "--repeat",
        type=int,
        default=1,
        metavar="N",
        help="rerun N times, and show what differs among the reruns (1)",
    )
    parser.add_argument(
        "--with",
        dest="swapped",
        action="append",
        default=[],
        metavar="PART=REV|ID",
        help="take code, data, env or params from another experiment; may be repeated",
    )
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="rerun on a Dask cluster with this scheduler"
    )
    parser.add_argument(
        "--sign",
        action="store_true",
        help="sign the receipt with your git signing key (datmo.sign)",
    )
    parser.add_argument(
        "--dir", metavar="DIR", help="rerun in this new folder, and do not delete it"
    )
    parser.add_argument(
        "--no-contract",
        action="store_true",
        help="rerun although contracts do not fit; the receipt has the tag 'no-contract'",
    )
    parser.add_argument("--json", action="store_true", help="print each receipt as one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    """Rerun snapshots and return 0 if all verdicts are good, 1 otherwise.

    A snapshot that cannot be rerun gives the exit code of its error. Raises `UsageError` for
    options that do not fit together.
    """
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace

    console.use_colours()
    if options.repeat < 1:
        raise UsageError("--repeat takes a number of 1 or more")
    many = len(options.names) > 1
    for given, word in ((options.swapped, "--with"), (options.dir, "--dir"), (options.on, "--on")):
        if given and options.cluster:
            raise UsageError(f"{word} cannot be used with --cluster", "leave out one of them")
        # An engine on another machine can rerun any number of snapshots.
        if given and many and word != "--on":
            raise UsageError(f"{word} takes one snapshot", f"leave out {word}")
    with open_workspace(console.environ, console.cwd) as ws:
        if many or options.cluster:
            from git_datmo.cli.many_reruns import reproduce_many

            return reproduce_many(options, console, ws)
        return _reproduce(options, console, ws)


def _reproduce(options: argparse.Namespace, console: Console, ws: "Workspace") -> int:
    """Rerun a single snapshot, print its verdict, and return the exit code."""
    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.cli.verdicts import GOOD, receipt_document, verdict_lines
    from git_datmo.errors import UsageError
    from git_datmo.history.experiments import History
    from git_datmo.payloads.checkout_target import find_experiment
    from git_datmo.runs.reproduce import reproduce
    from git_datmo.runs.rerun_folder import scratch_folder
    from git_datmo.runs.rerun_parts import parts_of, require_whole, swap
    from git_datmo.runs.tolerances import find_tolerances, parse_tolerances

    given_tolerances, swapped = parse_tolerances(options.tolerance), parse_swaps(options.swapped)
    history = History(ws)
    found = find_experiment(ws, history, options.names[0], progress=console.progress())
    others = {part: history.resolve(name) for part, name in swapped.items()}
    parts = parts_of(found)
    for part, other in others.items():
        parts = swap(parts, part, parts_of(other))
    require_whole(parts)
    tolerances = find_tolerances(ws, found.snapshot, given_tolerances)
    with (
        open_means(
            options, console, ws, [found, *others.values()], copy_to_errors, folder=options.dir
        ) as rerun_options,
        scratch_folder(ws, options.dir) as folder,
    ):
        if rerun_options.fixed and others.keys() & set(rerun_options.fixed):
            raise UsageError(
                f"the engine '{rerun_options.engine.name}' cannot change the env",
                "give --engine docker or venv",
            )
        done = reproduce(
            ws,
            found,
            rerun_options,
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
            console.tell(f"the {part} came from snapshot {str(other.id)[:10]}: no receipt was made")
    return 0 if done.receipt.verdict in GOOD else 1


def parse_swaps(words: list[str]) -> dict[str, str]:
    """Parse values of `--with PART=REV` into names by part.

    Raises `UsageError` for an unknown or repeated part.
    """
    from git_datmo.errors import UsageError
    from git_datmo.runs.rerun_parts import PARTS

    found: dict[str, str] = {}
    for word in words:
        part, _, name = word.partition("=")
        if part not in PARTS or not name:
            raise UsageError(
                f"'{word}' is not of the form PART=REV", f"the parts are {', '.join(PARTS)}"
            )
        if part in found:
            raise UsageError(f"the {part} is given twice")
        found[part] = name
    return found
