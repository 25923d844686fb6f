"""Count the rows and columns of tables in text: CSV, TSV and JSON Lines."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# The most bytes of a table that are read.
TABLE_LIMIT = 256 << 20
FIELD_LIMIT = 1 << 20
DELIMITERS = {".csv": ",", ".tsv": "\t"}
LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class TableShape:
    """Rows of a table, without its header, and the names of its columns."""

    rows: int
    columns: tuple[str, ...]


def is_table(path: str) -> bool:
    """Return True if the suffix of a path is that of a table in text."""
    return _suffix(path) in (*DELIMITERS, *LINES)


def _suffix(path: str) -> str:
    return path[path.rfind(".") :].lower() if "." in path else ""


def read_shape(path: str, pieces: Iterable[bytes]) -> TableShape | None:
    """Return the shape of a table; None for content that is no table, or larger than the limit."""
    lines = text_lines(pieces)
    try:
        if _suffix(path) in LINES:
            return _json_shape(lines)
        return _csv_shape(lines, DELIMITERS[_suffix(path)])
    except (ValueError, csv.Error, RecursionError):
        return None


def text_lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of UTF-8 text; raise `ValueError` for other bytes, and beyond the limit."""
    return _lines(limited_pieces(pieces))


def limited_pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces; raise `ValueError` beyond the limit."""
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > TABLE_LIMIT:
            raise ValueError("too large")
        yield piece


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of UTF-8 text with their ends; raise `ValueError` for other bytes."""
    # A piece may end within a character.
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + decoder.decode(piece)).split("\n")
        yield from (f"{line}\n" for line in lines)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _csv_shape(lines: Iterator[str], delimiter: str) -> TableShape:
    with wide_fields():
        rows = csv.reader(lines, delimiter=delimiter)
        header = next(rows, [])
        # The reader returns an empty list for a blank line.
        return TableShape(sum(bool(row) for row in rows), tuple(header))


@contextmanager
def wide_fields() -> Iterator[None]:
    """Let a field of CSV be no longer than `FIELD_LIMIT`."""
    # This limit is one of the whole process, so it is restored.
    before = csv.field_size_limit(FIELD_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _json_shape(lines: Iterator[str]) -> TableShape:
    """Return the shape of JSON Lines; the columns are the keys of the first object."""
    columns: tuple[str, ...] = ()
    rows = 0
    for line in lines:
        if not line.strip():
            continue
        if rows == 0:
            first = json.loads(line)
            columns = tuple(first) if isinstance(first, dict) else ()
        rows += 1
    return TableShape(rows, columns)
