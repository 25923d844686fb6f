"""Print a comparison of experiments as tables that fit the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from git_datmo.cli.console import Console
from git_datmo.cli.log_formats import ID_LENGTH, print_groups, print_rows, show_summary
from git_datmo.cli.text_tables import GAP, Cell, cut, layout_table, text_width
from git_datmo.records.record_values import Value, show_value
from git_datmo.report.experiment_comparison import ExperimentComparison, MetricRow
from git_datmo.report.value_rows import ValueRow
from git_datmo.sizes import show_count
from git_datmo.terminal_text import make_printable

# Rows of a section that are shown, and columns of a value.
SHOWN = 100
WIDTH = 30
BEST = " *"
GOALS = {"min": "less is better", "max": "more is better", "": "direction unknown"}
# Nouns of a section's values.
NOUNS = {
    "command": "property of the command",
    "parameters": "parameter",
    "environment": "part of the environment",
    "data": "payload",
}
PLURALS = {
    "command": "properties of the command",
    "environment": "parts of the environment",
}


@dataclass(frozen=True, slots=True)
class _Line:
    """A value of all experiments; `title` is '' for a line that only opens a section."""

    section: str
    title: str
    cells: tuple[Cell, ...]


def print_comparison(found: ExperimentComparison, console: Console, *, with_equal: bool) -> None:
    """Print what differs, the metrics, groups, and what is equal."""
    _print_experiments(found, console)
    lines = [*_value_lines(found.different), *_metric_lines(found.metrics)]
    if lines:
        _print_lines(found, lines, console)
    if found.metrics:
        _print_summaries(found, console)
    if found.groups is not None:
        console.print()
        print_groups(found.groups, console)
    _print_equal(found, console, with_values=with_equal)


def _print_experiments(found: ExperimentComparison, console: Console) -> None:
    """Print one line for each experiment: id, time, author and message."""
    rows = []
    for each in found.founds:
        snapshot = each.snapshot
        when = snapshot.created[:16].replace("T", " ")
        title = snapshot.message.partition("\n")[0]
        words = (str(each.id)[:ID_LENGTH], when, cut(snapshot.author.name, 20), title)
        rows.append(list(map(Cell, words)))
    for line in layout_table([""] * 4, rows)[1:]:
        console.print(console.paint("yellow", line[:ID_LENGTH]) + line[ID_LENGTH:])


def _value_lines(rows: Sequence[ValueRow]) -> Iterator[_Line]:
    """Yield the lines of values that differ; of a long section, the first ones."""
    counts = Counter(row.section for row in rows)
    seen = Counter[str]()
    for row in rows:
        seen[row.section] += 1
        if seen[row.section] <= SHOWN:
            yield _Line(row.section, row.name, tuple(map(_cell, row.values)))
        elif seen[row.section] == SHOWN + 1:
            left = show_count(counts[row.section] - SHOWN, "more row")
            yield _Line(row.section, f"({left}: see --json)", tuple(Cell("") for _ in row.values))


def _metric_lines(rows: Sequence[MetricRow]) -> Iterator[_Line]:
    """Yield the last values of each metric, and those of its curve."""
    for row in rows:
        last = tuple(
            _cell(each.last if each else None, BEST if index == row.best else "")
            for index, each in enumerate(row.values)
        )
        yield _Line("metrics", row.name, last)
        if row.has_curve:
            for which in ("min", "max", "best"):
                values = [getattr(each, which) if each else None for each in row.values]
                if any(value is not None for value in values):
                    yield _Line("metrics", f"{row.name}.{which}", tuple(map(_cell, values)))


def _cell(value: Value | None, mark: str = "") -> Cell:
    """Return the cell of a value; '-' for a missing one."""
    if value is None:
        return Cell("-")
    return Cell(cut(make_printable(show_value(value)), WIDTH) + mark)


def _print_lines(found: ExperimentComparison, lines: Sequence[_Line], console: Console) -> None:
    """Print values in one column an experiment, or in one line each if the columns do not fit."""
    ids = [str(each.id)[:ID_LENGTH] for each in found.founds]
    wide = _by_columns(ids, lines)
    # A single experiment has one column of values in the other layout, too.
    if max(map(text_width, wide)) <= console.width() or len(ids) == 1:
        console.print()
        for number, line in enumerate(wide):
            is_title = number == 0 or not line.startswith(" ")
            console.print(console.paint("bold", line) if is_title else line)
        return
    for block in _by_lines(ids, lines, console.width()):
        console.print()
        for number, line in enumerate(block):
            console.print(console.paint("bold", line) if number == 0 else line)


def _by_columns(ids: Sequence[str], lines: Sequence[_Line]) -> list[str]:
    """Return the lines of a table with a column for each experiment."""
    titled: list[tuple[str, tuple[Cell, ...]]] = []
    section = ""
    for line in lines:
        if line.section != section:
            section = line.section
            titled.append((section, tuple(Cell("") for _ in ids)))
        titled.append((f"  {line.title}", line.cells))
    return layout_table(["", *ids], [[Cell(title), *cells] for title, cells in titled])


def _by_lines(ids: Sequence[str], lines: Sequence[_Line], width: int) -> Iterator[list[str]]:
    """Yield tables with a line for each experiment, each with as many values as fit."""
    # Lines in parentheses only count the rows that are left out.
    named = [line for line in lines if not line.title.startswith("(")]
    counts = Counter(line.title for line in named)
    columns = [
        (
            line.title if counts[line.title] == 1 else f"{line.section}.{line.title}",
            line.cells,
        )
        for line in named
    ]
    block: list[tuple[str, tuple[Cell, ...]]] = []
    used = ID_LENGTH
    for title, cells in columns:
        shown = cut(make_printable(title))
        needed = max(text_width(shown), *(text_width(cell.text) for cell in cells))
        used += len(GAP) + needed
        if block and used > width:
            yield _table_of(ids, block)
            block, used = [], ID_LENGTH + len(GAP) + needed
        block.append((title, cells))
    if block:
        yield _table_of(ids, block)


def _table_of(ids: Sequence[str], block: Sequence[tuple[str, tuple[Cell, ...]]]) -> list[str]:
    rows = [[Cell(oid), *(cells[index] for _, cells in block)] for index, oid in enumerate(ids)]
    return layout_table(["", *(title for title, _ in block)], rows)


def _print_summaries(found: ExperimentComparison, console: Console) -> None:
    """Print each metric over all experiments."""
    rows = []
    for row in found.metrics:
        summary = row.summary
        if summary is None:
            continue
        figures = (show_value(summary.low), show_value(summary.high), show_summary(summary))
        best = ""
        if row.best is not None:
            best = f"in {str(found.founds[row.best].id)[:ID_LENGTH]} ({GOALS[row.goal]})"
        elif not row.goal:
            best = f"({GOALS['']})"
        cells = [Cell(str(summary.count), is_number=True)]
        cells += [Cell(figure, is_number=True) for figure in figures]
        rows.append([Cell(row.name), *cells, Cell(best)])
    # Over a single experiment, each figure would be the value itself.
    if rows and len(found.founds) > 1:
        console.print()
        print_rows(["last values", "n", "min", "max", "mean ± std", "best"], rows, console)


def _print_equal(found: ExperimentComparison, console: Console, *, with_values: bool) -> None:
    """Print the equal values, or how many there are in each section."""
    if not found.equal:
        return
    console.print()
    if not with_values:
        counts = Counter(row.section for row in found.equal)
        words = [_count(section, number) for section, number in counts.items()]
        console.print(f"equal: {', '.join(words)} ('--equal' shows them)")
        return
    console.print(console.paint("bold", "equal"))
    section = ""
    for row in found.equal:
        if row.section != section:
            section = row.section
            console.print(section)
        console.print(f"  {cut(make_printable(row.name))}  {_cell(row.values[0]).text}")


def _count(section: str, number: int) -> str:
    """Return the number of equal values of a section."""
    if section == "code":
        return "code"
    if number > 1 and section in PLURALS:
        return f"{number} {PLURALS[section]}"
    return show_count(number, NOUNS[section])
