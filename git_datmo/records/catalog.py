"""A table of all records, so that finding one does not read them all; it is made anew when it is lost."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from git_datmo import fsio
from git_datmo.errors import Damaged
from git_datmo.git.run import Git
from git_datmo.model import Oid
from git_datmo.records.ledger import Ledger, record_ids
from git_datmo.records.types import Drop, Receipt, Record, Snapshot

HEADER = "git-datmo catalog 1"


@dataclass(frozen=True, slots=True)
class Row:
    """What the table says of one record; `kind` is '' for a blob that is no record that this version reads.

    `about` are the records that a receipt, annotation or drop speaks of.
    """

    record: str
    kind: str
    commit: str = ""
    tree: str = ""
    patch: str = ""
    created: str = ""
    about: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[str, str]:
        """Oldest first; a time without a fraction of a second comes before those with one."""
        return self.created.removesuffix("Z"), self.record


def make_row(oid: Oid, record: Record) -> Row:
    tree = patch = ""
    about: tuple[str, ...] = ()
    match record:
        case Snapshot():
            tree, patch = str(record.tree), record.patch
        case Receipt():
            about = (str(record.snapshot),)
        case Drop():
            about = tuple(map(str, record.records))
        case _:
            about = (str(record.record),)
    return Row(str(oid), record.kind, str(record.commit), tree, patch, record.created, about)


class Catalog:
    """All local records, oldest first, without those that were dropped."""

    def __init__(self, rows: Iterable[Row]) -> None:
        every = sorted(rows, key=lambda row: row.order)
        self.dropped = frozenset(oid for row in every if row.kind == "drop" for oid in row.about)
        self.rows = tuple(row for row in every if row.record not in self.dropped)
        self.unreadable = tuple(row.record for row in self.rows if not row.kind)
        self._by_id = {row.record: row for row in self.rows}
        self._about: dict[str, list[Row]] = {}
        self._by_tree: dict[str, list[Row]] = {}
        self._by_patch: dict[str, list[Row]] = {}
        for row in self.rows:
            for oid in row.about:
                self._about.setdefault(oid, []).append(row)
            if row.kind == "snapshot":
                self._by_tree.setdefault(row.tree, []).append(row)
                if row.patch:
                    self._by_patch.setdefault(row.patch, []).append(row)

    def get(self, oid: str) -> Row | None:
        return self._by_id.get(oid)

    def starting(self, prefix: str) -> list[Row]:
        return [row for row in self.rows if row.record.startswith(prefix)]

    def about(self, oid: str, kind: str) -> list[Row]:
        """The records of a kind that speak of the record `oid`."""
        return [row for row in self._about.get(oid, ()) if row.kind == kind]

    def with_tree(self, tree: str) -> list[Row]:
        return self._by_tree.get(tree, [])

    def with_patch(self, patch: str) -> list[Row]:
        return self._by_patch.get(patch, [])


def read_catalog(git: Git, ledger: Ledger, tip: Oid | None, path: Path) -> Catalog:
    """The table of what the records commit `tip` holds, brought up to date in the file `path`."""
    if tip is None:
        return Catalog(())
    stored_tip, rows = _load(path)
    if stored_tip != str(tip):
        present = {str(oid) for oid in record_ids(git, str(tip))}
        known = {row.record: row for row in rows if row.record in present}
        for text in present - known.keys():
            known[text] = _row(ledger, Oid.parse(text))
        rows = tuple(known.values())
        lines = [f"{HEADER} {tip}", *(json.dumps(asdict(row)) for row in rows)]
        fsio.write_file(path, "\n".join(lines).encode())
    return Catalog(rows)


def _row(ledger: Ledger, oid: Oid) -> Row:
    try:
        return make_row(oid, ledger.record(oid))
    except Damaged:
        return Row(str(oid), "")


def _load(path: Path) -> tuple[str, tuple[Row, ...]]:
    try:
        head, *lines = path.read_text("utf-8").split("\n")
        header, _, tip = head.rpartition(" ")
        if header != HEADER:
            return "", ()
        rows = [json.loads(line) for line in lines]
        return tip, tuple(Row(**{**row, "about": tuple(row["about"])}) for row in rows)
    except (FileNotFoundError, ValueError, TypeError, LookupError):
        return "", ()
