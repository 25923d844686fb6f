"""Print lists of experiments as tables, CSV, single lines and lines of a user's format."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.cli.text_tables import CELL_WIDTH, Cell, layout_table, shorten
from git_datmo.errors import UsageError
from git_datmo.query.aggregate import Summary
from git_datmo.query.evaluate import Row
from git_datmo.query.names import METRICS, Names, is_of_curve
from git_datmo.query.tags import TAGS, show_tags, split_tags
from git_datmo.records.record_values import Value, show_value
from git_datmo.report.experiment_list import ExperimentList, GroupedList
from git_datmo.terminal_text import make_printable

IDS = frozenset({"id", "commit", "tree", "code", "environment"})
ID_LENGTH = 10
MESSAGE_WIDTH = 50
FIRST_LINE, ALL_LINES = -1, -2
# Means with more decimals are written with an exponent.
MOST_DECIMALS = 8
# Git's placeholders for the values of an experiment.
PLACEHOLDERS = {
    "H": ("commit", 0),
    "h": ("commit", ID_LENGTH),
    "an": ("author", 0),
    "ae": ("email", 0),
    "aI": ("created", 0),
    "ad": ("created", 19),
}
_PLACEHOLDER = re.compile(
    r"%(?:(%|n|H|h|an|ae|aI|ad|s|B|x[0-9A-Fa-f]{2})|\(([^()]*?)(?::(\d{1,9}))?\))"
)


def short_value(name: str, value: Value | None) -> str:
    """Return a value for a narrow cell: ids and times are cut, and texts are one line."""
    if value is None:
        return ""
    if name in IDS or name.startswith("data."):
        return str(value)[:ID_LENGTH]
    if name == "created":
        return str(value)[:19].replace("T", " ")
    if name == TAGS:
        return show_tags(str(value))
    lines = show_value(value).splitlines()
    return lines[0] if lines else ""


def plain_value(row: Row, name: str) -> Value | None:
    """Return a value of an experiment for programs; tags are joined by commas."""
    value = row.get(name)
    return show_tags(str(value)) if name == TAGS and value is not None else value


def column_document(row: Row, columns: Sequence[str]) -> dict[str, Any]:
    """Return the JSON document of an experiment with these columns."""
    values: dict[str, Any] = {name: row.get(name) for name in columns}
    if values.get(TAGS) is not None:
        values[TAGS] = list(split_tags(str(values[TAGS])))
    return {"id": row["id"], "values": values}


def short_names(names: Sequence[str]) -> list[str]:
    """Return names without their prefix where that leaves them different."""
    bare = [name.partition(".")[2] or name for name in names]
    return [
        short if bare.count(short) == 1 and short not in names else name
        for name, short in zip(names, bare, strict=True)
    ]


def print_table(listed: ExperimentList, columns: Sequence[str], console: Console) -> None:
    """Print the experiments as a table with these columns."""
    rows = [
        [Cell.of(short_value(name, row.get(name)), row.get(name)) for name in columns]
        for row in listed.rows
    ]
    print_rows(short_names(columns), rows, console)


def print_groups(grouped: GroupedList, console: Console) -> None:
    """Print each group with the mean and standard deviation of its metrics."""
    titles = [*short_names(grouped.keys), "n", *short_names(grouped.metrics)]
    rows = [
        [
            *(
                Cell.of(short_value(name, value) or "-", value)
                for name, value in zip(grouped.keys, group.values, strict=True)
            ),
            Cell(str(len(group.rows)), is_number=True),
            *(Cell(show_summary(summaries[name]), is_number=True) for name in grouped.metrics),
        ]
        for group, summaries in grouped.groups
    ]
    print_rows(titles, rows, console)


def print_rows(titles: Sequence[str], rows: Sequence[Sequence[Cell]], console: Console) -> None:
    head, *lines = layout_table(titles, rows)
    console.print(console.paint("bold", head))
    for line in lines:
        console.print(line)


def show_summary(summary: Summary | None) -> str:
    """Return a summary as `mean ± deviation`.

    The deviation has two significant digits, and the mean as many decimals: the others are noise.
    """
    if summary is None:
        return ""
    mean, deviation = summary.mean, summary.deviation
    if deviation is None:
        return show_value(mean)
    if not (deviation > 0 and math.isfinite(deviation) and math.isfinite(mean)):
        return f"{show_value(mean)} ± {show_value(deviation)}"
    decimals = 1 - math.floor(math.log10(deviation))
    if 0 <= decimals <= MOST_DECIMALS:
        return f"{mean:.{decimals}f} ± {deviation:.{decimals}f}"
    return f"{show_value(mean)} ± {deviation:.2g}"


def print_csv(header: Sequence[str], rows: Iterable[Sequence[Any]], console: Console) -> None:
    """Print rows as CSV (RFC 4180) with full names and values, each on one line."""
    console.print(_csv_line(header))
    for row in rows:
        console.print(_csv_line(row))


def _csv_line(cells: Sequence[Any]) -> str:
    out = io.StringIO()
    exact = (exact_value(cell) for cell in cells)
    one_line = [_one_line(cell) if isinstance(cell, str) else cell for cell in exact]
    # The console ends the line.
    csv.writer(out, lineterminator="").writerow(one_line)
    return out.getvalue()


def _one_line(text: str) -> str:
    """Return a text as one line without control characters.

    A line of a stranger's text could pass for a line of git-datmo.
    """
    return make_printable(" ".join(text.splitlines()))


def exact_value(value: Any) -> Any:
    """Return a value as CSV and JSON programs read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return show_value(value)
    return value


def group_cells(grouped: GroupedList) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the rows of groups for CSV."""
    header = [*grouped.keys, "n"]
    for name in grouped.metrics:
        header += [f"{name}.mean", f"{name}.std"]
    rows: list[list[Any]] = []
    for group, summaries in grouped.groups:
        row: list[Any] = [*group.values, len(group.rows)]
        for name in grouped.metrics:
            found = summaries[name]
            row += [found.mean, found.deviation] if found else [None, None]
        rows.append(row)
    return header, rows


def group_documents(grouped: GroupedList) -> Iterator[dict[str, Any]]:
    """Yield the JSON document of each group."""
    for group, summaries in grouped.groups:
        yield {
            "by": dict(zip(grouped.keys, group.values, strict=True)),
            "experiments": [str(row["id"]) for row in group.rows],
            "metrics": {
                name: summary_document(summary)
                for name, summary in summaries.items()
                if summary is not None
            },
        }


def summary_document(summary: Summary) -> dict[str, Any]:
    """Return the JSON document of a summary."""
    figures = {
        "mean": summary.mean,
        "std": summary.deviation,
        "min": summary.low,
        "max": summary.high,
    }
    return {"count": summary.count, **{name: exact_value(value) for name, value in figures.items()}}


def print_oneline(row: Row, console: Console, before: str = "") -> None:
    """Print an experiment as one line: id, message or command, and metrics."""
    oid = console.paint("yellow", str(row["id"])[:ID_LENGTH])
    what = short_value("message", row.get("message")) or short_value("command", row.get("command"))
    words = [shorten(what, MESSAGE_WIDTH)] if what else []
    figures = (
        f"{shorten(name.removeprefix(METRICS), CELL_WIDTH)}"
        f"={shorten(short_value(name, value), CELL_WIDTH)}"
        for name, value in row.items()
        if name.startswith(METRICS) and not is_of_curve(name, row)
    )
    shown = "  ".join([*words, *figures])
    console.print(f"{before}{oid} {shown or '(only data)'}")


def make_format(text: str, names: Names) -> Callable[[Row], str]:
    """Return the function that writes an experiment in the user's format.

    Raises `UsageError` for an unknown placeholder.
    """
    pieces: list[str | tuple[str, int]] = []
    position = 0
    for found in _PLACEHOLDER.finditer(text):
        pieces.append(_plain_piece(text[position : found.start()]))
        pieces.append(_piece(found, names))
        position = found.end()
    pieces.append(_plain_piece(text[position:]))

    def write(row: Row) -> str:
        return "".join(
            piece if isinstance(piece, str) else _placed(plain_value(row, piece[0]), piece[1])
            for piece in pieces
        )

    return write


def _plain_piece(text: str) -> str:
    if "%" in text:
        raise UsageError(
            f"--format: unknown placeholder at '{text[text.index('%') :][:20]}'",
            "placeholders are %(NAME), %H, %h, %an, %ae, %ad, %aI, %s, %B, %n, %xNN and %%",
        )
    return text


def _piece(found: re.Match[str], names: Names) -> str | tuple[str, int]:
    """Return the text of a placeholder, or the name and length of its value."""
    letter, name, length = found.groups()
    if name is not None:
        return names.find(name), int(length or 0)
    if letter in ("%", "n"):
        return "\n" if letter == "n" else "%"
    if letter.startswith("x"):
        return make_printable(chr(int(letter[1:], 16)))
    if letter in ("s", "B"):
        return "message", FIRST_LINE if letter == "s" else ALL_LINES
    return PLACEHOLDERS[letter]


def _placed(value: Value | None, length: int) -> str:
    """Return a value as text on one line, cut to `length` unless it is 0.

    `FIRST_LINE` stands for the first line of a text, and `ALL_LINES` for all its lines.
    """
    if value is None:
        return ""
    shown = str(exact_value(value))
    if length == ALL_LINES:
        return "\n".join(map(make_printable, shown.splitlines()))
    if length == FIRST_LINE:
        shown = shown.partition("\n")[0]
    shown = _one_line(shown)
    return shown[:length] if length > 0 else shown
