"""Print experiments as `git datmo log` does without another form."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from git_datmo.cli.annotation_lines import annotation_keys, annotation_lines
from git_datmo.cli.check_lines import check_documents, check_lines
from git_datmo.cli.console import Console
from git_datmo.cli.feedback_lines import learned_keys, learned_lines
from git_datmo.cli.model_test_lines import model_test_documents, model_test_summaries
from git_datmo.cli.render import DOCUMENTS, LINES, headline, listed_document, painted, with_tags
from git_datmo.cli.verdicts import receipts_line
from git_datmo.history.annotations import shown_tags_of
from git_datmo.history.commit_data import Claim
from git_datmo.history.experiments import History
from git_datmo.history.taken_feedback import TakenFeedback
from git_datmo.report.experiment_checks import ExperimentChecks
from git_datmo.report.model_tests_shown import newest_tests
from git_datmo.repository.workspace import Workspace


def print_entries(
    ws: Workspace, history: History, claims: Iterator[Claim], console: Console, *, as_json: bool
) -> bool:
    """Print each experiment as it is read; return True if there was one."""
    blank = ""
    checks = ExperimentChecks(ws, history)
    taken = TakenFeedback(history)
    for claim, text in history.render(claims, DOCUMENTS if as_json else LINES):
        record = claim.row.record
        receipts = history.receipts(record)
        checked = checks.of(record, claim.commit)
        tests = newest_tests(history, record)
        learned = taken.of_record(record)
        if as_json:
            document = listed_document(claim, text, receipts)
            document["checks"] = check_documents(checked)
            document["tests"] = model_test_documents(tests)
            document |= annotation_keys(history, record, document)
            console.print_json(document | learned_keys(learned))
        else:
            below = f"\n    {receipts_line(receipts)}" if receipts else ""
            more = (
                *check_lines(checked),
                *model_test_summaries(tests),
                *learned_lines(learned),
                *annotation_lines(history, record),
            )
            below += "".join(f"\n    {line}" for line in more)
            shown = with_tags(text, partial(shown_tags_of, history.catalog, record))
            lines = f"{headline(claim, console)}\n{painted(shown, console)}{below}"
            console.print_lines(f"{blank}{lines}")
        blank = "\n"
    return bool(blank)
