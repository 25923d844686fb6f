"""The `git datmo show` command."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.history.experiments import Found, History
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Show an experiment in full: the newest snapshot of a commit, or the snapshot with an id. With
--log, print what its run printed. With --code, print the code that it ran, all files or those
behind '--'. Objects that are missing are fetched. Recorded checks of its data against contracts,
and tests of its model, are shown, too.

The id of a batch of feedback, as 'git datmo feedback collect' prints it, shows its events in
figures, and the data that were made of it."""
EXAMPLES = """
git datmo show HEAD
git datmo show --log
git datmo show main --code -- train.py
git datmo show 3f9c2a --json
git datmo show 81d7e0b3c5
"""


BEHIND = "paths"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo show` to its parser."""
    parser.add_argument(
        "name",
        nargs="?",
        default="HEAD",
        metavar="REV|ID",
        help="a commit, snapshot or batch (HEAD)",
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--log", action="store_true", help="print the log of the run")
    forms.add_argument("--code", action="store_true", help="print the stored code")
    forms.add_argument(
        "--json",
        action="store_true",
        help="print the record's own keys and its id as one JSON object",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Print an experiment with its receipts, and return 0."""
    from git_datmo.cli.annotation_lines import annotation_keys, annotation_lines
    from git_datmo.cli.attempt_lines import attempt_lines, attempts_document
    from git_datmo.cli.check_lines import check_documents, check_lines
    from git_datmo.cli.feedback_lines import learned_keys, learned_lines
    from git_datmo.cli.model_test_lines import model_test_documents, model_test_lines
    from git_datmo.cli.render import snapshot_details, snapshot_document
    from git_datmo.cli.verdicts import receipt_document
    from git_datmo.errors import UsageError
    from git_datmo.history.annotations import shown_tags_of
    from git_datmo.history.experiments import History
    from git_datmo.history.named_batch import is_batch_name
    from git_datmo.history.taken_feedback import TakenFeedback
    from git_datmo.history.unprepared_clone import refuse_unprepared
    from git_datmo.report.attempt_summary import summarise_attempts
    from git_datmo.report.experiment_checks import ExperimentChecks
    from git_datmo.report.model_tests_shown import newest_tests
    from git_datmo.repository.workspace import open_workspace

    if options.paths and not options.code:
        raise UsageError("only --code takes paths", f"git datmo show {options.name} --code -- PATH")
    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws, console.paged():
        refuse_unprepared(ws)
        history = History(ws)
        if is_batch_name(ws, history, options.name):
            _print_batch(options, ws, history, console)
            return 0
        found = history.resolve(options.name)
        if options.log or options.code:
            _print_stored(options, ws, found, console)
            return 0
        receipts = history.receipts(str(found.id))
        attempts = summarise_attempts(ws, history, found, console.progress())
        checks = ExperimentChecks(ws, history).of(str(found.id), found.commit)
        learned = TakenFeedback(history).of_snapshot(found.snapshot)
        tests = newest_tests(history, str(found.id))
        if options.json:
            document = snapshot_document(found)
            document |= annotation_keys(history, str(found.id), document)
            document |= learned_keys(learned)
            document |= {
                "receipts": [receipt_document(receipt) for receipt in receipts],
                "checks": check_documents(checks),
                "tests": model_test_documents(tests),
                "attempts": attempts_document(attempts),
            }
            console.print_json(document)
        else:
            tags = shown_tags_of(history.catalog, str(found.id), found.snapshot.tags)
            more = [*snapshot_details(found, tags, receipts, console)]
            more += [f"contract:    {line}" for line in check_lines(checks)]
            more += [*model_test_lines(tests), *learned_lines(learned), *attempt_lines(attempts)]
            more += annotation_lines(history, str(found.id))
            for line in more:
                console.print(line)
    for warning in history.warnings:
        console.warn(warning)
    return 0


def _print_batch(
    options: argparse.Namespace, ws: "Workspace", history: "History", console: Console
) -> None:
    """Print a batch of feedback; raise `UsageError` for parts that it does not have."""
    from git_datmo.cli.feedback_status_lines import batch_lines
    from git_datmo.errors import UsageError
    from git_datmo.report.shown_batch import batch_document, read_shown_batch

    if options.log or options.code:
        raise UsageError(
            "a batch of feedback has neither log nor code",
            "leave out --log and --code, or name an experiment",
        )
    batch = read_shown_batch(ws, history, options.name, console.progress())
    if options.json:
        console.print_json(batch_document(batch))
        return
    for line in batch_lines(batch, console):
        console.print(line)


def _print_stored(
    options: argparse.Namespace, ws: "Workspace", found: "Found", console: Console
) -> None:
    """Print the log or the code of an experiment."""
    from git_datmo.report.stored_files import code_files, run_log
    from git_datmo.terminal_text import make_printable

    progress = console.progress()
    if options.log:
        rest = b""
        for piece in run_log(ws, found, progress):
            # A piece may end within a line.
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                console.print(line.decode("utf-8", "replace").rstrip("\r"))
        if rest:
            console.print(rest.decode("utf-8", "replace"))
        return
    paths = [ws.relative(path) for path in options.paths]
    for file, text in code_files(ws, found, paths, progress):
        console.print(console.paint("bold", f"==> {make_printable(file.path)} <=="))
        for line in b"(binary)".splitlines() if text is None else text.splitlines():
            console.print(line.decode("utf-8", "replace"))
