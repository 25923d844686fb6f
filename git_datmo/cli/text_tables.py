"""Lay out tables of text for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from git_datmo.records.record_values import Value
from git_datmo.terminal_text import make_printable

CELL_WIDTH = 40
# Columns of a name or value in a line of text.
TEXT_WIDTH = 200
LETTERS_PER_COLUMN = 4
GAP = "  "


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of a cell; a number is aligned to the right."""

    text: str
    is_number: bool = False

    @staticmethod
    def of(text: str, value: Value | None) -> Cell:
        """Return the cell of a value that is shown as `text`."""
        return Cell(text, isinstance(value, int | float) and not isinstance(value, bool))


def layout_table(titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Return the lines of a table, the titles first. Long texts are cut."""
    cells = [[Cell(cut(make_printable(cell.text)), cell.is_number) for cell in row] for row in rows]
    heads = [cut(make_printable(title)) for title in titles]
    columns = list(zip(*cells, strict=True)) if cells else [() for _ in heads]
    widths = [
        max([text_width(head), *(text_width(cell.text) for cell in column)])
        for head, column in zip(heads, columns, strict=True)
    ]
    right = [any(cell.is_number for cell in column) for column in columns]
    first = [Cell(head, is_number) for head, is_number in zip(heads, right, strict=True)]
    return [_join(row, widths) for row in (first, *cells)]


def _join(row: Sequence[Cell], widths: Sequence[int]) -> str:
    """Return a line of a table."""
    padded = []
    for cell, width in zip(row, widths, strict=True):
        space = " " * (width - text_width(cell.text))
        padded.append(space + cell.text if cell.is_number else cell.text + space)
    return GAP.join(padded).rstrip()


def cut(text: str, width: int = CELL_WIDTH) -> str:
    """Return a text that takes at most `width` columns, with an ellipsis if it was longer.

    Marks above and below letters take no column, so their number has a limit, too.
    """
    head = text[: LETTERS_PER_COLUMN * width]
    if len(head) == len(text) and text_width(text) <= width:
        return text
    kept = ""
    # The ellipsis takes one column.
    used = 1
    for letter in head:
        used += text_width(letter)
        if used > width:
            break
        kept += letter
    return f"{kept}…"


def shorten(text: str, width: int = TEXT_WIDTH) -> str:
    """Return a text of a record as a short line without control characters."""
    # Most of a long text need not be looked at.
    return cut(make_printable(text[: LETTERS_PER_COLUMN * width + 1]), width)


def text_width(text: str) -> int:
    """Return the number of columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_letter_width, text))


def _letter_width(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1
