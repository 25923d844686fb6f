"""The `git datmo report` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Report what changed in experiments, and whether it is better, as markdown for a pull request or as a
page of HTML. Each metric is better, worse or the same as in the base. The record or the name of a
metric tells if less or more is better (losses and errors, accuracies and scores); where neither
does, the report says so. Then come the differences of command, parameters, environment, data and
code.

A word is a commit or the beginning of a snapshot's id: its newest experiment is reported. Texts of
records are shortened and escaped."""
EXAMPLES = """
git datmo report
git datmo report HEAD --base origin/main
git datmo report --base main --format html
git datmo report --base origin/main --json | jq .counts
"""
FORMATS = ("markdown", "html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo report` to its parser."""
    parser.add_argument(
        "revisions", nargs="*", metavar="REV|ID", help="experiments to report (HEAD)"
    )
    parser.add_argument(
        "--base",
        default="",
        metavar="REV",
        help="compare with the newest experiment of this revision; without it, with the newest one"
        " before the experiment's commit",
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument(
        "--format", choices=FORMATS, default="markdown", help="format to print (markdown)"
    )
    forms.add_argument("--json", action="store_true", help="print one JSON object an experiment")


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the report of experiments and return 0."""
    from git_datmo.cli.markdown_report import write_markdown, write_page
    from git_datmo.cli.report_documents import report_document
    from git_datmo.history.experiments import History
    from git_datmo.history.unprepared_clone import refuse_unprepared
    from git_datmo.report.experiment_report import report_experiments
    from git_datmo.report.report_blocks import report_blocks
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        refuse_unprepared(ws)
        history = History(ws)
        revisions = options.revisions or ["HEAD"]
        progress = console.progress()
        reports = list(report_experiments(ws, history, revisions, options.base, progress=progress))
    if options.json:
        for report in reports:
            console.print_json(report_document(report))
    else:
        write = write_page if options.format == "html" else write_markdown
        for line in write(report_blocks(reports)):
            console.print_lines(line)
    for warning in history.warnings:
        console.warn(warning)
    return 0
