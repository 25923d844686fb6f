"""Table of all records and notes for fast lookup."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from git_datmo.model import Oid
from git_datmo.records.contents import list_objects
from git_datmo.records.data_graph import DataGraph
from git_datmo.records.drop_record import Drop
from git_datmo.records.record_registry import KINDS, Record, find_kind
from git_datmo.records.snapshot_record import Snapshot

# Prefix of the kind of a record that a newer git-datmo wrote.
NEWER = "?"


class Row(NamedTuple):
    """Row of the table for a record.

    `kind` is '' for an unreadable blob and begins with `NEWER` for an unknown kind. `about` has the
    records that a receipt, image, annotation or drop refers to, or the data and the contract of a
    check. For a snapshot, `data` is the id of its payloads and `parents` are its parent snapshots.
    `side` is '1' if it does not define its
    commit's data, and `follows` is '1' if it only follows the data and is no experiment. `keeps` is
    '1' for a record that keeps objects. `tags` are the tags that an annotation adds ('+') or takes
    away ('-'). For a drop, `redacted` has each redacted record, a colon, and its parents with
    commas. The class is a tuple for speed, since every command reads all rows.
    """

    record: str
    kind: str
    commit: str = ""
    tree: str = ""
    patch: str = ""
    created: str = ""
    data: str = ""
    side: str = ""
    follows: str = ""
    keeps: str = ""
    tags: str = ""
    about: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    redacted: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[str, str]:
        """Return the sort key: oldest first, then by id.

        A time without a fraction of a second comes before times with a fraction.
        """
        return self.created.removesuffix("Z"), self.record

    @property
    def redacted_parents(self) -> dict[str, tuple[str, ...]]:
        """Return the parents of each record that this drop redacts."""
        entries = (entry.partition(":") for entry in self.redacted)
        return {record: tuple(filter(None, ids.split(","))) for record, _, ids in entries}

    @property
    def is_data(self) -> bool:
        """Return True if the record is a snapshot that can define its commit's data."""
        return self.kind == Snapshot.kind and not self.side


def make_row(oid: Oid, record: Record) -> Row:
    """Return the row of a record."""
    kind = find_kind(record.kind)
    row = Row(
        str(oid),
        record.kind if record.kind in KINDS else f"{NEWER}{record.kind}",
        str(record.commit),
        created=record.created,
        keeps="1" if list_objects(record) else "",
        about=tuple(map(str, kind.about(record))),
    )
    return row._replace(**kind.columns(record))


class Note(NamedTuple):
    """Note on a commit.

    `blob` has its blob ids, joined with a plus sign. `named` has its record ids, joined with a
    space.
    """

    blob: str
    named: str

    @property
    def records(self) -> list[str]:
        """Return the ids of the records that the note names."""
        return self.named.split()


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Return the rows sorted, oldest first."""
    return sorted(rows, key=lambda row: row.order)


class Catalog:
    """All local records that were not dropped, in the given order.

    `notes` has the note of each commit. Drops in `ignored` have no effect.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        notes: Mapping[str, Note] | None = None,
        ignored: Container[str] = (),
    ) -> None:
        every = tuple(rows)
        self.notes: Mapping[str, Note] = notes or {}
        self.drops = tuple(row for row in every if row.kind == Drop.kind)
        obeyed = [row for row in self.drops if row.record not in ignored]
        self.dropped = frozenset(oid for row in obeyed for oid in row.about)
        self.redactions = tuple(row for row in obeyed if row.redacted)
        self.rows = (
            # Every command reads all rows, so they are copied only if a record is dropped.
            tuple(row for row in every if row.record not in self.dropped) if self.dropped else every
        )
        self._every = every

    def ignoring(self, drops: Container[str]) -> Catalog:
        """Return the same table, in which the given drops have no effect."""
        return Catalog(self._every, self.notes, drops)

    @cached_property
    def graph(self) -> DataGraph:
        """Return the graph of all snapshots, including dropped and redacted snapshots."""
        parents: dict[str, tuple[str, ...]] = {}
        # A redacted snapshot has no row of its own, and its drop keeps the graph whole.
        for row in self.drops:
            parents |= row.redacted_parents
        # Rows come last: a record that is present counts more than the copy in a drop.
        parents |= {row.record: row.parents for row in self._every if row.kind == Snapshot.kind}
        return DataGraph(parents)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Return the ids of the blobs that are not readable records."""
        return tuple(row.record for row in self.rows if not row.kind)

    @cached_property
    def _by_id(self) -> dict[str, Row]:
        return {row.record: row for row in self.rows}

    @cached_property
    def _about(self) -> dict[str, list[Row]]:
        return _group((oid, row) for row in self.rows for oid in row.about)

    @cached_property
    def _by_tree(self) -> dict[str, list[Row]]:
        return _group((row.tree, row) for row in self.rows if row.kind == "snapshot")

    @cached_property
    def _by_commit(self) -> dict[str, list[Row]]:
        return _group((row.commit, row) for row in self.rows if row.kind == "snapshot")

    @cached_property
    def _by_data(self) -> dict[str, list[Row]]:
        return _group((row.data, row) for row in self.rows if row.is_data)

    @cached_property
    def _by_patch(self) -> dict[str, list[Row]]:
        return _group((row.patch, row) for row in self.rows if row.kind == "snapshot" and row.patch)

    def get(self, oid: str) -> Row | None:
        """Return the row of a record, or None."""
        return self._by_id.get(oid)

    def starting(self, prefix: str) -> list[Row]:
        """Return the rows whose record id starts with `prefix`."""
        return [row for row in self.rows if row.record.startswith(prefix)]

    def every_about(self, oid: str) -> list[Row]:
        """Return the records that refer to the record `oid`, dropped ones included."""
        return [row for row in self._every if oid in row.about]

    def dropped_starting(self, prefix: str) -> list[Row]:
        """Return the rows of dropped records whose id starts with `prefix`."""
        return [
            row
            for row in self._every
            if row.record in self.dropped and row.record.startswith(prefix)
        ]

    def about(self, oid: str, kind: str) -> list[Row]:
        """Return the records of a kind that refer to the record `oid`."""
        return [row for row in self._about.get(oid, ()) if row.kind == kind]

    @cached_property
    def tagged(self) -> frozenset[str]:
        """Return the ids of the records whose tags annotations change."""
        return frozenset(oid for row in self.rows if row.tags for oid in row.about)

    def with_tree(self, tree: str) -> list[Row]:
        """Return the snapshots whose commit has the tree `tree`."""
        return self._by_tree.get(tree, [])

    def of_commit(self, commit: str) -> list[Row]:
        """Return the snapshots that name `commit`, oldest first."""
        return self._by_commit.get(commit, [])

    def with_data(self, data: str) -> list[Row]:
        """Return the snapshots, without side snapshots, whose payloads have the id `data`."""
        return self._by_data.get(data, [])

    def has_known_data(self, data: str) -> bool:
        """Return True if any record, even a dropped record, has payloads with the id `data`."""
        return bool(self.with_data(data)) or any(row.data == data for row in self._every)

    def with_patch(self, patch: str) -> list[Row]:
        """Return the snapshots with the patch id `patch`."""
        return self._by_patch.get(patch, [])


def _group(pairs: Iterable[tuple[str, Row]]) -> dict[str, list[Row]]:
    """Return the rows grouped by key."""
    grouped: dict[str, list[Row]] = {}
    for key, row in pairs:
        grouped.setdefault(key, []).append(row)
    return grouped
