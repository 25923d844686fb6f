"""Which experiments belong to a commit: by its note, else by its tree, else by its patch."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import NamedTuple, TypeVar

from git_datmo.errors import Damaged, DatmoError
from git_datmo.flows.workspace import Workspace
from git_datmo.git.refs import read_refs
from git_datmo.git.run import failure
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog, Row
from git_datmo.records.ledger import NOTES_REF, RECORDS_REF, Tips, record_ids
from git_datmo.records.types import Receipt, Snapshot

_T = TypeVar("_T")

# Records that are read at once.
TOGETHER = 512

REMOTE_REFS = "refs/datmo-remotes/"
_ID = re.compile(r"[0-9a-f]{4,64}\Z")


@dataclass(frozen=True, slots=True)
class Found:
    """A snapshot that belongs to `commit`; `way` says by what: 'note', 'tree' or 'patch'."""

    id: Oid
    snapshot: Snapshot
    commit: Oid
    way: str


class Claim(NamedTuple):
    """That a snapshot belongs to `commit`, and by what."""

    row: Row
    commit: Oid
    way: str


@dataclass(frozen=True, slots=True)
class Heads:
    """The records and notes of this repository, and of each remote as it was last fetched or pushed."""

    here: Tips
    remotes: dict[str, Tips]

    def of(self, remote: str) -> Tips:
        return self.remotes.get(remote, Tips(None, None))


def read_heads(ws: Workspace) -> Heads:
    refs = read_refs(ws.repo.git, RECORDS_REF, NOTES_REF, REMOTE_REFS)
    return Heads(Tips(refs.pop(RECORDS_REF, None), refs.pop(NOTES_REF, None)), _by_remote(refs))


def _by_remote(refs: dict[str, Oid]) -> dict[str, Tips]:
    names = {ref[len(REMOTE_REFS) :].rpartition("/")[0] for ref in refs}
    return {
        name: Tips(refs.get(f"{REMOTE_REFS}{name}/records"), refs.get(f"{REMOTE_REFS}{name}/notes")) for name in names
    }


def unshared(ws: Workspace, heads: Heads, remote: str) -> set[Oid]:
    """The records that `remote` lacked when it was last heard of."""
    here, there = heads.here, heads.of(remote)
    if here.records == there.records:
        return set()
    mine = record_ids(ws.repo.git, str(here.records)) if here.records else set()
    return mine - (record_ids(ws.repo.git, str(there.records)) if there.records else set())


def unite_remotes(ws: Workspace) -> Heads:
    """Take in what `git fetch` brought."""
    heads = read_heads(ws)
    changed = [ws.ledger.unite(tips) for tips in heads.remotes.values() if tips != heads.here]
    return replace(heads, here=ws.ledger.tips()) if any(changed) else heads


class History:
    """The experiments of a repository, as of when it was opened.

    `warnings` collects what a stranger's broken record or note made unreadable; it never stops a reader.
    """

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self.warnings: list[str] = []
        self.heads = unite_remotes(ws)
        self.catalog: Catalog = ws.catalog(self.heads.here)

    def _rows_of_note(self, commit: Oid) -> list[Row]:
        note = self.catalog.notes.get(str(commit))
        if note is None:
            return []
        rows = []
        for record in note.records:
            row = self.catalog.get(record)
            if row is not None and not row.kind:
                self._warn(f"record {record} on commit {str(commit)[:10]} is not one that this version reads")
            elif row is not None and row.kind == "snapshot":
                rows.append(row)
            elif row is None and record not in self.catalog.dropped:
                self._warn(f"the note on commit {str(commit)[:10]} names the unknown record {record}")
        return sorted(rows, key=lambda row: row.order) if len(rows) > 1 else rows

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def rows(self, commit: Oid, tree: str) -> tuple[list[Row], str]:
        """The snapshots that belong to a commit, oldest first, and by what they were found."""
        rows = self._rows_of_note(commit)
        if rows:
            return rows, "note"
        rows = self.catalog.with_tree(tree)
        if rows:
            return rows, "tree"
        if self._lost:
            rows = self._lost.get(self._ws.repo.patch_id(commit), [])
        return rows, "patch"

    @cached_property
    def _lost(self) -> dict[str, list[Row]]:
        """Snapshots whose commit is no part of HEAD's history any more, by their patch."""
        rows = [row for row in self.catalog.rows if row.patch]
        if not rows:
            return {}
        git = self._ws.repo.git
        names = "".join(f"{row.commit}\n" for row in rows).encode()
        outside = (
            git.finish("rev-list", "--ignore-missing", "--stdin", stdin=b"^HEAD\n" + names).stdout.decode().split()
        )
        answers = git.text("cat-file", "--batch-check", stdin=names).splitlines()
        lost = {*outside, *(answer.split()[0] for answer in answers if answer.endswith(" missing"))}
        found: dict[str, list[Row]] = {}
        for row in rows:
            if row.commit in lost:
                found.setdefault(row.patch, []).append(row)
        return found

    def _read(self, claims: Sequence[Claim]) -> Iterator[Found]:
        """The snapshots of some claims; a warning for each that cannot be read."""
        oids = [Oid.parse(claim.row.record) for claim in claims]
        for claim, oid, record in zip(claims, oids, self._ws.ledger.checked_records(oids), strict=True):
            if isinstance(record, Damaged):
                self._warn(record.what)
            elif isinstance(record, Snapshot):
                yield Found(oid, record, claim.commit, claim.way)

    def receipts(self, found: Found) -> tuple[Receipt, ...]:
        """Who reran a snapshot, and how it came out; oldest first."""
        rows = self.catalog.about(str(found.id), "receipt")
        records = (self._ws.ledger.record(Oid.parse(row.record), checked=True) for row in rows)
        return tuple(record for record in records if isinstance(record, Receipt))

    def walk(self, arguments: tuple[str, ...] = ("HEAD",), *, first_parent: bool = False) -> Iterator[Found]:
        """The snapshots of the commits of a revision range, newest first.

        A snapshot that several commits can claim is given once, to the newest that has it by note.
        """
        for claims in _growing(self._claims(arguments, first_parent=first_parent)):
            yield from self._read(claims)

    def _claims(self, arguments: tuple[str, ...], *, first_parent: bool) -> Iterator[Claim]:
        seen: set[str] = set()
        for commit, tree in self._commits(arguments, first_parent=first_parent):
            rows, way = self.rows(commit, tree)
            for row in reversed(rows):
                if row.record not in seen:
                    seen.add(row.record)
                    yield Claim(row, commit, way)

    def _commits(self, arguments: tuple[str, ...], *, first_parent: bool) -> Iterator[tuple[Oid, str]]:
        options = ["--first-parent"] if first_parent else []
        argv = ["rev-list", "--format=%H %T", "--no-commit-header", *options, "--end-of-options", *arguments, "--"]
        with self._ws.repo.git.start(*argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            try:
                for line in child.stdout:
                    commit, _, tree = line.decode().strip().partition(" ")
                    yield Oid.parse(commit), tree
                said = child.stderr.read()
                if child.wait():
                    raise failure(argv, child.returncode, said)
            finally:
                child.terminate()

    def nearest(self, commit: Oid) -> Found | None:
        """What says which data a commit has: the newest snapshot of itself or its nearest first-parent ancestor."""
        if not self.catalog.rows:
            return None
        return next(self.walk((str(commit),), first_parent=True), None)

    def resolve(self, name: str) -> Found:
        """The snapshot that a person names, by its id (or the start of it) or by a commit that has one."""
        if _ID.match(name):
            rows = [row for row in self.catalog.starting(name) if row.kind == "snapshot"]
            if len(rows) > 1:
                raise DatmoError(f"'{name}' is the start of {len(rows)} snapshots' ids", "give more of the id")
            for found in self._read([Claim(row, Oid.parse(row.commit), "note") for row in rows]):
                return found
        commit = self._ws.repo.resolve(name)
        tree = str(self._ws.repo.resolve(str(commit), "tree"))
        rows, way = self.rows(commit, tree)
        for found in self._read([Claim(row, commit, way) for row in reversed(rows)]):
            return found
        raise DatmoError(f"commit '{name}' has no snapshot", "'git datmo log' lists those that have one")


def _growing(items: Iterator[_T]) -> Iterator[list[_T]]:
    """Items in groups that double: who wants the first waits for no others, who wants all has them read together."""
    size = 1
    while group := list(islice(items, size)):
        yield group
        size = min(2 * size, TOGETHER)
