"""Keep the catalog of records and notes in a file, and renew it.

The file is a cache and can be rebuilt at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from git_datmo import __version__, fsio
from git_datmo.errors import Damaged
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog, Note, Row, in_order, make_row
from git_datmo.records.ledger import Ledger, Tips
from git_datmo.records.record_registry import KINDS

_T = TypeVar("_T")

HEADER = "git-datmo catalog 8"


def read_catalog(ledger: Ledger, tips: Sequence[Tips], path: Path) -> Catalog:
    """Return the table of all records and notes at `tips`.

    The cache file `path` is updated if it is outdated. The union is computed in memory, so reading
    does not change any ref.
    """
    records = sorted({tip.records for tip in tips if tip.records is not None})
    notes_tips = sorted({tip.notes for tip in tips if tip.notes is not None})
    if not records:
        return Catalog(())
    # The header names the tips that the table was made from.
    head = f"{_header()} {' '.join(map(str, records))} {' '.join(map(str, notes_tips))}"
    stored, rows, notes = _load(path)
    if stored != head:
        rows = in_order(_renew_rows(ledger, tips, rows))
        notes = _renew_notes(ledger, tips, notes)
        # A user without write access rebuilds the table on each call.
        with suppress(OSError):
            fsio.write_file(path, "\n".join([head, *_columns(rows, notes), ""]).encode())
            # After the table is written, every id in that file has a row.
            ledger.written.clear()
    return Catalog(rows, notes)


def _renew_rows(ledger: Ledger, tips: Sequence[Tips], rows: list[Row]) -> list[Row]:
    """Return the rows of all records at `tips`; read only records without a row."""
    listed = _each_readable(tips, lambda tip: ledger.records(tip.records))
    present = {str(oid): oid for oids in listed for oid in oids}
    known = {row.record: row for row in rows if row.record in present}
    return [
        *known.values(),
        *_read_rows(ledger, [oid for text, oid in present.items() if text not in known]),
    ]


def _each_readable(tips: Sequence[Tips], read: Callable[[Tips], _T]) -> Iterator[_T]:
    """Yield what `read` returns for each of `tips` but those of remotes for which it raises
    `Damaged`."""
    for number, tip in enumerate(dict.fromkeys(tips)):
        try:
            yield read(tip)
        except Damaged:
            # The first tips are those of this repository, whose damage must be reported.
            if number == 0:
                raise


def _read_rows(ledger: Ledger, oids: Iterable[Oid]) -> Iterator[Row]:
    """Yield the row of each record; an unreadable record has an empty kind."""
    for oid, record in ledger.each_record(oids, ledger.written.read()):
        yield Row(str(oid), "") if isinstance(record, Damaged) else make_row(oid, record)


def _renew_notes(
    ledger: Ledger, tips: Sequence[Tips], notes: Mapping[str, Note]
) -> dict[str, Note]:
    """Return the note of each commit, with the records of all its note blobs."""
    blobs: dict[str, list[Oid]] = {}
    for listed in _each_readable(tips, lambda tip: ledger.notes(tip.notes)):
        for commit, blob in listed.items():
            blobs.setdefault(str(commit), []).append(blob)
    # The order of the tips must not change the name of a note's blobs.
    sorted_blobs = {commit: sorted(set(each)) for commit, each in blobs.items()}
    made = {
        commit: notes[commit]
        for commit, each in sorted_blobs.items()
        if commit in notes and notes[commit].blob == _name_blobs(each)
    }
    changed = {commit: each for commit, each in sorted_blobs.items() if commit not in made}
    lines = dict(ledger.each_note({blob for each in changed.values() for blob in each}))
    for name, each in changed.items():
        named = dict.fromkeys(str(line.record) for blob in each for line in lines[blob])
        made[name] = Note(_name_blobs(each), " ".join(named))
    return made


def _name_blobs(blobs: Sequence[Oid]) -> str:
    """Return the ids of the blobs of a note in one word."""
    return "+".join(map(str, blobs))


def _columns(rows: Sequence[Row], notes: Mapping[str, Note]) -> Iterator[str]:
    """Yield a line for each field of all rows, then a line for each field of all notes.

    Reading columns takes a sixth of the time of reading a line per row. Each value ends with a tab;
    values contain no tab or line end.
    """
    for name in Row._fields:
        column = (getattr(row, name) for row in rows)
        yield "".join(
            f"{value if isinstance(value, str) else ' '.join(value)}\t" for value in column
        )
    for values in (
        notes,
        (note.blob for note in notes.values()),
        (note.named for note in notes.values()),
    ):
        yield "".join(f"{value}\t" for value in values)


def _header() -> str:
    """Return the start of the first line of the cache file.

    It changes with the version and the known kinds, because the rows are of records that this
    version has checked. Another version reads and checks all records again.
    """
    return f"{HEADER} {__version__} {'+'.join(KINDS)}"


def _load(path: Path) -> tuple[str, list[Row], dict[str, Note]]:
    """Return the header, rows and notes of the cache file.

    They are empty if the file is missing or damaged.
    """
    try:
        head, *lines, end = path.read_text("utf-8").split("\n")
        if not head.startswith(_header() + " ") or end:
            return "", [], {}
        # The order is that of `_columns`. The last three fields of a row are lists.
        *fields, about, parents, redacted, commits, blobs, named = map(_values, lines)
        lists = ([tuple(ids.split()) for ids in column] for column in (about, parents, redacted))
        rows = [Row(*values) for values in zip(*fields, *lists, strict=True)]
        notes = {commit: Note(*note) for commit, *note in zip(commits, blobs, named, strict=True)}
    except (FileNotFoundError, ValueError, TypeError):
        return "", [], {}
    return head, rows, notes


def _values(line: str) -> list[str]:
    """Return the values of a line. Raises `ValueError` if the line is truncated."""
    *values, end = line.split("\t")
    if end:
        raise ValueError("cut off")
    return values
