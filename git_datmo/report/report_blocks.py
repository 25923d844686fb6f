"""Arrange a report of an experiment as headings, tables, lists and code, for any format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from git_datmo.environments.environment_diff import PackageChange
from git_datmo.history.experiments import Found
from git_datmo.history.taken_feedback import LearnedFrom
from git_datmo.records.model_test_record import ModelTest
from git_datmo.records.record_values import Value, show_value
from git_datmo.report.check_words import check_words, describe_first
from git_datmo.report.data_changes import DataChange, DataFile
from git_datmo.report.experiment_checks import ContractCheck
from git_datmo.report.experiment_diff import ValueChange
from git_datmo.report.experiment_report import (
    BETTER,
    CHANGED,
    MISSING,
    NEW,
    SAME,
    UNKNOWN,
    WORSE,
    ExperimentReport,
    JudgedMetric,
)
from git_datmo.report.model_tests_shown import problems_of, summary_words
from git_datmo.sizes import show_count, show_size
from git_datmo.terminal_text import make_printable

TEXT_WIDTH, CODE_WIDTH = 120, 300
ROWS, CODE_LINES = 50, 400
NOTHING = "-"
GOALS = {"min": "less", "max": "more", "": "unknown"}
ORDER = (BETTER, WORSE, SAME, UNKNOWN, CHANGED, NEW, MISSING)


@dataclass(frozen=True, slots=True)
class Foreign:
    """Text of a record on one line, shortened, without control characters; not yet escaped."""

    text: str


# A word of git-datmo, or text of a record.
Piece = str | Foreign


@dataclass(frozen=True, slots=True)
class Heading:
    """Title of a part."""

    text: str
    level: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words in a line."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Table with a header."""

    header: tuple[str, ...]
    rows: tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Patch of code, folded under a title."""

    title: str
    lines: tuple[str, ...]


Block = Heading | Paragraph | ReportTable | CodeBlock


def foreign(text: str, width: int = TEXT_WIDTH) -> Foreign:
    """Return text of a record as one short line without control characters."""
    # A long text is cut first, since splitting all of it would be wasted.
    line = make_printable(" ".join(text[: 4 * width].split()))
    return Foreign(line if len(line) <= width else f"{line[: width - 1]}…")


def report_blocks(reports: Iterable[ExperimentReport]) -> Iterator[Block]:
    """Yield the blocks of reports."""
    yield Heading("Experiments", 2)
    for report in reports:
        yield from _blocks_of(report)


def _blocks_of(report: ExperimentReport) -> Iterator[Block]:
    """Yield the blocks of one experiment: verdict, metrics, and what changed."""
    yield Heading(f"Experiment {str(report.found.id)[:10]}", 3)
    yield Paragraph(("", *_described(report.found)))
    for check in report.checks:
        yield Paragraph(tuple(_check_pieces(check)))
    if report.feedback:
        yield Paragraph(tuple(_learned(report.feedback)))
    for test in report.tests:
        yield from _test_blocks(test)
    if report.base is None:
        yield Paragraph(("There is no earlier experiment to compare with.",))
    elif report.base.id == report.found.id:
        yield Paragraph(("The base has this experiment too: there is no newer one.",))
        return
    else:
        base = f"Compared with {str(report.base.id)[:10]}: "
        yield Paragraph((base, *_described(report.base)))
        yield Paragraph((_verdict_sentence(report),))
    if report.metrics:
        yield _metric_table(report.metrics)
    if report.changes is not None:
        yield from _change_blocks(report)


def _described(found: Found) -> Iterator[Piece]:
    """Yield commit, author and message of an experiment."""
    snapshot = found.snapshot
    yield f"commit {str(found.commit)[:10]}, by "
    yield foreign(snapshot.author.name, 40)
    if snapshot.message:
        yield ", "
        yield foreign(snapshot.message.partition("\n")[0])


def _check_pieces(check: ContractCheck) -> Iterator[Piece]:
    """Yield the contract, the verdict, the counts and the first finding of a check."""
    yield "Contract "
    yield foreign(check.file, 60)
    yield ": "
    yield foreign(check_words(check))
    first = describe_first(check)
    if first:
        yield "; "
        yield foreign(first)
    yield "."


def _learned(feedback: Iterable[LearnedFrom]) -> Iterator[Piece]:
    """Yield the batches of feedback that an experiment learned from, each with its payload."""
    separator = "Learned from feedback: "
    for each in feedback:
        yield f"{separator}{each.batch[:10]} in "
        yield foreign(each.path)
        if each.dropped:
            yield " (dropped)"
        separator = ", "


def _test_blocks(test: ModelTest) -> Iterator[Block]:
    """Yield the verdict of a model's test, and a table of the results that are not passed."""
    words = (foreign(summary_words(test)), ", by ", foreign(test.author.name, 40), ".")
    yield Paragraph(("Test of the model ", *words))
    rows = [
        (
            foreign(each.outcome, 20),
            foreign(each.kind, 20),
            foreign(each.name),
            foreign(each.message) if each.message else NOTHING,
        )
        for each in problems_of(test)
    ]
    if rows:
        yield _table(("outcome", "kind", "test", "message"), rows)


def _verdict_sentence(report: ExperimentReport) -> str:
    """Return how many metrics are better, worse and so on."""
    counts = report.counts
    words = [f"{counts[verdict]} {verdict}" for verdict in ORDER if counts[verdict]]
    total = show_count(len(report.metrics), "metric")
    return f"{total}: {', '.join(words)}." if words else "The experiments have no metrics."


def _metric_table(metrics: tuple[JudgedMetric, ...]) -> ReportTable:
    rows = [
        (
            foreign(metric.name, 60),
            _shown(metric.before),
            _shown(metric.after),
            "" if metric.difference is None else f"{metric.difference:+.6g}",
            GOALS[metric.goal],
            metric.verdict,
        )
        for metric in metrics
    ]
    return _table(("metric", "base", "this", "difference", "better is", "verdict"), rows)


def _change_blocks(report: ExperimentReport) -> Iterator[Block]:
    """Yield a part for each section that changed."""
    changes = report.changes
    assert changes is not None
    if replace(changes, metrics=()).is_empty:
        yield Paragraph(("Parameters, data, environment, code and command are the same.",))
        return
    for title, values in (("Command", changes.command), ("Parameters", changes.parameters)):
        if values:
            yield Heading(title, 4)
            yield _table(("name", "base", "this"), [_value_row(value) for value in values])
    if changes.environment:
        yield Heading("Environment", 4)
        yield _table(("name", "base", "this"), [_package_row(c) for c in changes.environment])
    if changes.environment_note:
        yield Paragraph((f"Environment: {changes.environment_note}.",))
    if changes.data:
        yield Heading("Data", 4)
        yield _table(
            ("path", "base", "this"), [row for each in changes.data for row in _data_rows(each)]
        )
    if changes.code:
        yield Heading("Code", 4)
        yield _code_block(changes.code)


def _table(header: tuple[str, ...], rows: Sequence[tuple[Piece, ...]]) -> ReportTable:
    """Return a table of the first rows, and a last row that counts the others."""
    left = len(rows) - ROWS
    shown = list(rows[:ROWS])
    if left > 0:
        shown.append((f"and {left} more", *("" for _ in header[1:])))
    return ReportTable(header, tuple(shown))


def _value_row(change: ValueChange) -> tuple[Piece, ...]:
    return foreign(change.name, 60), _shown(change.before), _shown(change.after)


def _shown(value: Value | None) -> Piece:
    """Return a value; numbers need no escaping."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    # A record can have an integer of any length.
    if isinstance(value, int) and abs(value) < 10**20:
        return str(value)
    return show_value(value) if isinstance(value, float) else foreign(show_value(value))


def _package_row(change: PackageChange) -> tuple[Piece, ...]:
    name = change.name if change.kind == "package" else f"{change.kind} {change.name}".rstrip()
    sides = (foreign(each) if each else NOTHING for each in (change.before, change.after))
    return foreign(name, 60), *sides


def _data_rows(change: DataChange) -> Iterator[tuple[Piece, ...]]:
    """Yield the row of a payload, and one for each file that differs."""
    sides = (
        NOTHING
        if payload is None
        else f"{show_count(payload.content.files, 'file')}, {show_size(payload.content.size)}"
        for payload in (change.before, change.after)
    )
    yield (foreign(change.path), *sides)
    for file in change.files or ():
        # A payload that is a single file has its row already.
        if file.path != change.path:
            yield (foreign(file.path), _file_side(file, 0), _file_side(file, 1))


def _file_side(file: DataFile, side: int) -> str:
    size, shape = file.sizes[side], file.shapes[side]
    words = [show_size(size)] if size is not None else []
    if shape is not None:
        words.append(show_count(shape.rows, "row"))
        words.append(show_count(len(shape.columns), "column"))
    return ", ".join(words) or NOTHING


def _code_block(patch: str) -> CodeBlock:
    """Return a patch of at most `CODE_LINES` lines."""
    lines = patch.splitlines()
    # Lines of content begin with a blank, plus or minus, so they are not counted.
    files = sum(line.startswith("diff --git ") for line in lines)
    shown = [
        make_printable(line if len(line) <= CODE_WIDTH else f"{line[: CODE_WIDTH - 1]}…")
        for line in lines[:CODE_LINES]
    ]
    if len(lines) > CODE_LINES:
        shown.append(f"… {show_count(len(lines) - CODE_LINES, 'more line')}")
    return CodeBlock(show_count(files, "changed file"), tuple(shown))
