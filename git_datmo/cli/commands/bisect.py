"""The `git datmo bisect` command."""

import argparse
from typing import TYPE_CHECKING, Any

from git_datmo.cli.console import Console
from git_datmo.cli.rerun_options import add_means, open_means

if TYPE_CHECKING:
    from git_datmo.runs.bisect import Bisected, Step

DESCRIPTION = """\
Find the commit that made a metric bad. 'git bisect' chooses the commits, in a working tree of
its own, so your files stay as they are.

The metric of a commit comes from its experiment if this ran the command of BAD on the commit's
own code. The run must have succeeded, or ended as BAD did. Otherwise git-datmo reruns the
command of BAD, with the commit's code and the data that belonged to it. It skips a commit if the
rerun does not end as BAD did.

The exit code is 1 if several commits are left, because the commits between them had to be
skipped."""
EXAMPLES = """
git datmo bisect --metric accuracy --below 0.9 v1.0 HEAD
git datmo bisect --metric loss --above 0.2 --recorded main~20 main
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo bisect` to its parser."""
    parser.add_argument("--metric", required=True, metavar="NAME", help="the metric to test")
    parser.add_argument(
        "--below", type=float, metavar="X", help="the metric is bad below this value"
    )
    parser.add_argument(
        "--above", type=float, metavar="X", help="the metric is bad above this value"
    )
    parser.add_argument(
        "--recorded",
        action="store_true",
        help="do not rerun; skip commits without the metric",
    )
    add_means(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("good", metavar="GOOD", help="a commit with a good metric")
    parser.add_argument("bad", metavar="BAD", help="a later commit or snapshot with a bad metric")


def run(options: argparse.Namespace, console: Console) -> int:
    """Find the first bad commit; return 0 if it is a single commit, else 1.

    Raises `UsageError` without a bound.
    """
    from git_datmo.engines.engine_contract import silent
    from git_datmo.errors import UsageError
    from git_datmo.history.experiments import History
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.runs.bisect import Bound, bisect
    from git_datmo.runs.rerun_parts import parts_of, require_whole

    if options.below is None and options.above is None:
        raise UsageError("there is no limit for the metric", "give --below X or --above X")
    bound = Bound(options.metric, options.below, options.above)

    def notify(step: "Step") -> None:
        value = "unknown" if step.value is None else f"{step.value:.6g} ({step.way})"
        verdict = "skipped" if step.bad is None else "bad" if step.bad else "good"
        console.tell(f"{str(step.commit)[:10]}  {verdict:<4}  {options.metric}: {value}")

    with open_workspace(console.environ, console.cwd) as ws:
        history = History(ws)
        bad = history.resolve(options.bad)
        if options.recorded:
            found = bisect(ws, history, options.good, bad, bound, None, notify=notify)
        else:
            # A command with a masked secret is refused before an engine is opened.
            require_whole(parts_of(bad))
            with open_means(options, console, ws, [bad], silent) as rerun_options:
                found = bisect(ws, history, options.good, bad, bound, rerun_options, notify=notify)
        subjects = [ws.repo.git.text("log", "-1", "--format=%s", str(oid)) for oid in found.first]
    if options.json:
        console.print_json(_document(found))
    else:
        _print(found, subjects, console)
    return 0 if len(found.first) == 1 else 1


def _print(found: "Bisected", subjects: list[str], console: Console) -> None:
    """Print the first bad commit, or all candidates with their subjects."""
    if len(found.first) > 1:
        console.print(
            "the first bad commit is one of these; the commits between them could not be tested:"
        )
    for oid, subject in zip(found.first, subjects, strict=True):
        say = f"{oid} is the first bad commit" if len(found.first) == 1 else str(oid)
        console.print(f"{say}: {subject}")


def _document(found: "Bisected") -> dict[str, Any]:
    """Return the JSON document of a bisection."""
    steps = [
        {"commit": str(s.commit), "value": s.value, "way": s.way, "bad": s.bad} for s in found.steps
    ]
    return {"first_bad": [str(oid) for oid in found.first], "steps": steps}
