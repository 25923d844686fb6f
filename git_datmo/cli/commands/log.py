"""The `git datmo log` command."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console
from git_datmo.cli.experiment_choice import add_choice_arguments, choice_of

if TYPE_CHECKING:
    from git_datmo.history.experiments import History
    from git_datmo.report.experiment_list import ExperimentList, ListOptions
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Show the experiments in the history of HEAD or in a revision range, newest first: message,
reason, parameters, metrics, payload sizes, and how often others reproduced them. If a commit was
rewritten or squashed, its experiment appears with the new commit. The headline then says how it
was found: by the same tree, the same change, or the change of its whole branch. Snapshots that
only follow the data (without a run, message, parameter or metric) are left out.

A condition of --where compares values by =, !=, <, <=, >, >=, ~ (contains) and !~. It also takes
'NAME in (A, B)' and a name alone, which an experiment with that value meets. Join conditions by
'and', 'or', 'not' and parentheses. Texts with blanks stand in quotes. A comparison with a missing
value is false.

Names are those of metrics and parameters. 'metrics.NAME' and 'params.NAME' tell them apart,
'params["odd name"]' takes any name, and 'data.PATH' is the id of a payload. Each experiment has
id, commit, created, author, email, message, why, command, status, exit_code, seconds, engine,
clean, tags, tree, code and environment. A metric with a curve also has NAME.min, NAME.max and,
if it is known which values are better, NAME.best and NAME.goal ('min' or 'max'). For tags, '='
tests whether the experiment has a tag, and '~' whether a tag contains a text.

The placeholders of --format are %(NAME) and %(NAME:LENGTH) for a value, and those of git: %H and
%h (commit), %an, %ae, %ad, %aI, %s (first line of the message), %B, %n, %xNN and %%."""
EXAMPLES = """
git datmo log
git datmo log -5 --oneline main..feature
git datmo log --where 'accuracy>0.9 and params.lr<=0.01' --sort -accuracy
git datmo log --columns id,params.lr,accuracy --since '2 weeks ago'
git datmo log --best accuracy
git datmo log --group-by params.lr
git datmo log --format '%h %an %(accuracy)' -- data
git datmo log --json | jq .metrics
"""
BEHIND = "paths"
INTERMIXED = True
SIGNED = ("--sort",)
_CHANGES = "git datmo diff A B"
# Options of `git log` and their counterparts.
OF_GIT = {
    "--grep": '--where "message ~ TEXT"',
    "--reverse": "--sort created",
    "-p": _CHANGES,
    "--patch": _CHANGES,
    "--stat": _CHANGES,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo log` to its parser."""
    parser.add_argument(
        "range",
        nargs="*",
        metavar="REVRANGE",
        help="as 'git log' takes it (HEAD); -N shows at most N experiments, and behind '--' stand"
        " paths of code or payloads that an experiment must change",
    )
    parser.add_argument(
        "-n", "--max-count", type=int, metavar="N", help="show at most N experiments"
    )
    add_choice_arguments(parser)
    parser.add_argument(
        "--sort",
        default="",
        metavar="[-]NAME,...",
        help="sort by values, in falling order with '-'; missing values come last",
    )
    parser.add_argument(
        "--best",
        default="",
        metavar="[min:|max:]METRIC",
        help="show the experiment with the best value; 'min:' or 'max:' is needed only if neither"
        " an experiment nor the name ('loss', 'accuracy') says which values are better",
    )
    parser.add_argument(
        "--group-by",
        default="",
        metavar="NAME,...",
        help="show groups with mean ± standard deviation of each metric, or of --columns",
    )
    parser.add_argument(
        "--columns", default="", metavar="NAME,...", help="show a table of these values"
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--oneline", action="store_true", help="show one line an experiment")
    forms.add_argument(
        "--graph", action="store_true", help="draw the commits, and one line an experiment"
    )
    forms.add_argument(
        "--format",
        metavar="FORMAT",
        help="print each experiment in a format of placeholders",
    )
    forms.add_argument(
        "--csv", action="store_true", help="print CSV with all figures or --columns, one line each"
    )
    forms.add_argument("--json", action="store_true", help="print one JSON object an experiment")


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the experiments of revisions and return 0."""
    from git_datmo.history.experiments import History
    from git_datmo.repository.workspace import open_workspace

    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws:
        history = History(ws)
        asked = _list_options(options, ws)
        _check_form(options)
        with console.paged():
            printed = _print(options, asked, ws, history, console)
        for warning in history.warnings:
            console.warn(warning)
        # With `-n 0`, an empty list needs no explanation.
        if not printed and asked.limit != 0:
            _tell_none(asked, ws, history, console)
    return 0


def _list_options(options: argparse.Namespace, ws: "Workspace") -> "ListOptions":
    """Return the options of the list; '-N' among the revisions is a limit, as in git."""
    from dataclasses import replace

    return replace(
        choice_of(options, options.range, ws),
        paths=tuple(map(ws.relative, options.paths)),
        sort=options.sort,
        best=options.best,
        names_values=bool(options.columns or options.format or options.group_by),
    )


def _check_form(options: argparse.Namespace) -> None:
    """Raise `UsageError` for options that do not go together."""
    from git_datmo.errors import UsageError

    pairs = (
        ("graph", ("sort", "best", "group_by", "columns")),
        ("oneline", ("group_by", "columns")),
        ("format", ("group_by", "columns")),
        ("group_by", ("best", "sort")),
    )
    for one, others in pairs:
        for other in others:
            if getattr(options, one) and getattr(options, other):
                words = [f"--{name.replace('_', '-')}" for name in (one, other)]
                raise UsageError(f"{words[0]} and {words[1]} exclude each other", "leave out one")


def _print(
    options: argparse.Namespace,
    asked: "ListOptions",
    ws: "Workspace",
    history: "History",
    console: Console,
) -> bool:
    """Print the list in the form that the options ask for; return True if it has an experiment."""
    from git_datmo.cli.log_entries import print_entries
    from git_datmo.cli.text_tables import shorten
    from git_datmo.report.experiment_list import iterate_claims, list_experiments

    if not (asked.revisions.arguments or asked.revisions.refs):
        return False
    has_form = (
        options.oneline
        or options.graph
        or options.format is not None
        or options.csv
        or options.columns
        or options.group_by
    )
    # Without values, experiments are printed while the history is still walked.
    if not (has_form or asked.needs_values):
        return print_entries(
            ws, history, iterate_claims(history, asked), console, as_json=options.json
        )
    listed = list_experiments(ws, history, asked)
    if listed.best_by:
        direction = "highest" if listed.best_by[1] == "max" else "lowest"
        console.tell(f"best by the {direction} '{shorten(listed.best_by[0])}'")
    if has_form and listed.rows:
        _print_form(options, asked, listed, ws, console)
    elif listed.rows:
        print_entries(ws, history, iter(listed.claims), console, as_json=options.json)
    return bool(listed.rows)


def _print_form(
    options: argparse.Namespace,
    asked: "ListOptions",
    listed: "ExperimentList",
    ws: "Workspace",
    console: Console,
) -> None:
    """Print a list as groups, a graph, lines or a table."""
    from git_datmo.cli import log_formats

    if options.group_by:
        _print_groups(options, listed, console)
    elif options.graph:
        from git_datmo.cli.log_graph import print_graph

        print_graph(ws, asked.revisions, listed.rows, console)
    elif options.oneline:
        for row in listed.rows:
            log_formats.print_oneline(row, console)
    elif options.format is not None:
        write = log_formats.make_format(options.format, listed.names)
        for row in listed.rows:
            console.print_lines(write(row))
    else:
        _print_columns(options, listed, console)


def _print_columns(options: argparse.Namespace, listed: "ExperimentList", console: Console) -> None:
    """Print columns of a list as a table, CSV or JSON."""
    from git_datmo.cli import log_formats
    from git_datmo.report.experiment_list import choose_columns

    columns = choose_columns(listed, options.columns)
    if options.csv:
        cells = ([log_formats.plain_value(row, each) for each in columns] for row in listed.rows)
        log_formats.print_csv(columns, cells, console)
    elif options.json:
        for row in listed.rows:
            console.print_json(log_formats.column_document(row, columns))
    else:
        log_formats.print_table(listed, columns, console)


def _print_groups(options: argparse.Namespace, listed: "ExperimentList", console: Console) -> None:
    """Print groups of a list as a table, CSV or JSON."""
    from git_datmo.cli import log_formats
    from git_datmo.report.experiment_list import choose_columns, group_experiments

    metrics = choose_columns(listed, options.columns) if options.columns else ()
    grouped = group_experiments(listed, options.group_by, metrics)
    if options.csv:
        log_formats.print_csv(*log_formats.group_cells(grouped), console)
    elif options.json:
        for document in log_formats.group_documents(grouped):
            console.print_json(document)
    else:
        log_formats.print_groups(grouped, console)


def _tell_none(asked: "ListOptions", ws: "Workspace", history: "History", console: Console) -> None:
    """Print why the list is empty.

    Raises `DatmoError` in an uninitialised clone whose remote has experiments.
    """
    from git_datmo.history.unprepared_clone import refuse_unprepared
    from git_datmo.sizes import show_count

    refuse_unprepared(ws)
    snapshots = [row for row in history.catalog.rows if row.kind == "snapshot"]
    following = sum(bool(row.follows) for row in snapshots)
    where = " ".join((*asked.revisions.refs, *asked.revisions.arguments))
    if len(snapshots) > following or (snapshots and asked.follows):
        chosen = " that the options choose" if asked.needs_values else ""
        console.tell(f"no experiments in '{where}'{chosen}")
        return
    console.tell("no experiments yet")
    if following:
        verb = "follows" if following == 1 else "follow"
        console.tell(
            f"({show_count(following, 'snapshot')} only {verb} the data: 'git datmo log --data'"
            " shows those of HEAD)"
        )
