"""The `git datmo explain` command."""

import argparse
from typing import TYPE_CHECKING, Any

from git_datmo.cli.console import Console
from git_datmo.cli.rerun_options import add_means, open_means

if TYPE_CHECKING:
    from git_datmo.runs.explain import Explained

DESCRIPTION = """\
Find out how much of each metric's change from experiment A to B is due to code, data, env and
params. 'data' are the payloads before the run, 'env' are packages and variables, and 'params'
are the words of the command.

git-datmo reruns A with every combination of the parts of B that differ. It attributes the
changes by Shapley values: the effect of a part is its mean over all orders in which the parts
can change. Four parts take 16 reruns, two take 4.

With --quick, git-datmo follows only two orders, and takes the results of A and B from their
records. Four parts then take 6 reruns. If a combination fails, the orders that contain it are
left out. Nothing is recorded."""
EXAMPLES = """
git datmo explain HEAD~1 HEAD
git datmo explain main feature --metric accuracy --quick
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo explain` to its parser."""
    parser.add_argument("one", metavar="A", help="a commit or snapshot")
    parser.add_argument("other", metavar="B", help="the commit or snapshot with other results")
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME",
        help="a metric to explain (all); may be repeated",
    )
    parser.add_argument("--quick", action="store_true", help="follow two orders instead of all")
    add_means(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    """Rerun combinations of two experiments, and print each part's effect on the metrics.

    Returns 1 if no metric has a number in both experiments, or if a metric cannot be explained.
    """
    from git_datmo.engines.engine_contract import silent
    from git_datmo.history.experiments import History
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.runs.explain import explain
    from git_datmo.runs.rerun_parts import parts_of, require_whole

    console.use_colours()

    def notify(place: int, count: int, combination: frozenset[str]) -> None:
        console.tell(
            f"rerun {place} of {count}: {', '.join(sorted(combination)) or 'nothing'} of B"
        )

    with open_workspace(console.environ, console.cwd) as ws:
        history = History(ws)
        one, other = history.resolve(options.one), history.resolve(options.other)
        for each in (one, other):
            require_whole(parts_of(each))
        with open_means(options, console, ws, [one, other], silent) as rerun_options:
            found = explain(
                ws,
                one,
                other,
                rerun_options,
                metrics=options.metric,
                quick=options.quick,
                notify=notify,
            )
    if options.json:
        console.print_json({"a": str(one.id), "b": str(other.id), **_document(found)})
    else:
        _print(found, console)
    return 0 if found.metrics and all(due.of for due in found.metrics.values()) else 1


def _print(found: "Explained", console: Console) -> None:
    """Print the effect of each part on each metric, and the combinations that failed."""
    from git_datmo.runs.rerun_parts import PARTS

    for metric, due in found.metrics.items():
        one, other = found.ends(metric)
        if due.of is None or one is None or other is None:
            console.print(f"{metric}: cannot be explained, since too many combinations failed")
            continue
        console.print(
            console.paint("bold", f"{metric}: {one:.6g} -> {other:.6g} ({other - one:+.6g})")
        )
        for part in PARTS:
            is_fixed = part in found.fixed
            same = "differs, but the engine cannot change it" if is_fixed else "the same in both"
            shown = f"{due.of[part]:+.6g}" if part in due.of else same
            console.print(f"  {part:<6}  {shown}")
        if due.used < due.orders:
            console.print(
                f"  by {due.used} of {due.orders} orders: the others need a combination that failed"
            )
    for tried in found.tried:
        if tried.metrics is None:
            of = ", ".join(sorted(tried.combination)) or "nothing"
            console.print(f"failed with {of} of B: exit code {tried.exit_code}")
    if not found.metrics:
        console.print("no metric has a number in both experiments")


def _document(found: "Explained") -> dict[str, Any]:
    """Return the JSON document of an explanation."""
    metrics = {}
    for metric, due in found.metrics.items():
        one, other = found.ends(metric)
        metrics[metric] = {
            "a": one,
            "b": other,
            "due_to": dict(due.of) if due.of else None,
            "orders": due.orders,
            "orders_used": due.used,
        }
    tried = [
        {
            "of_b": sorted(each.combination),
            "metrics": None
            if each.metrics is None
            else {n: each.metrics[n] for n in found.metrics if n in each.metrics},
            "exit_code": each.exit_code,
        }
        for each in found.tried
    ]
    return {
        "parts": list(found.parts),
        "fixed": list(found.fixed),
        "metrics": metrics,
        "combinations": tried,
    }
