"""Find the experiments of commits: by record, by note, or because the commit was rewritten."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from git_datmo.errors import Damaged, DatmoError
from git_datmo.history.commit_data import Claim, CommitData, DataFinder, walk_commits
from git_datmo.history.record_heads import read_all, read_heads
from git_datmo.history.render_cache import RenderCache, TextFormat
from git_datmo.history.rewritten_commits import Commit, Rewritten
from git_datmo.model import Oid
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.catalog import NEWER, Catalog, Row
from git_datmo.records.model_test_record import ModelTest
from git_datmo.records.receipt_record import Receipt
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace

_T = TypeVar("_T")
_R = TypeVar("_R", Annotation, ModelTest, Receipt, Snapshot)

# The number of records that are read at once.
TOGETHER = 512
# Fewer records than this are read faster than the render cache.
MANY = 16

_ID = re.compile(r"[0-9a-f]{4,64}\Z")


@dataclass(frozen=True, slots=True)
class Found:
    """A snapshot that belongs to `commit`; `way` is the proof, as in `Claim`."""

    id: Oid
    snapshot: Snapshot
    commit: Oid
    way: str


@dataclass(frozen=True, slots=True)
class Revisions:
    """Commits to walk: revisions as `git rev-list` takes them, and its options for refs."""

    arguments: tuple[str, ...] = ("HEAD",)
    refs: tuple[str, ...] = ()


class History:
    """The experiments of a repository at the time when it was opened.

    `warnings` collects records and notes that cannot be read. They never stop a reader.
    """

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self.warnings: list[str] = []
        self.heads = read_heads(ws)
        self.catalog: Catalog = read_all(ws, self.heads)
        self._data: dict[Oid, CommitData] = {}

    def _own_rows(self, commit: Oid) -> list[Row]:
        """Return the snapshots that name the commit or that its note names, oldest first."""
        rows = list(self.catalog.of_commit(str(commit)))
        # A commit may have thousands of experiments, so rows are not compared one by one.
        listed = {row.record for row in rows}
        note = self.catalog.notes.get(str(commit))
        for record in note.records if note is not None else ():
            row = self.catalog.get(record)
            if row is not None and row.kind.startswith(NEWER):
                self._warn(
                    f"record {record} on commit {str(commit)[:10]} was made by a newer git-datmo"
                    f" (kind '{row.kind.removeprefix(NEWER)}')"
                )
            elif row is not None and not row.kind:
                self._warn(
                    f"record {record} on commit {str(commit)[:10]} is not one that this version"
                    " reads"
                )
            elif row is not None and row.kind == "snapshot" and record not in listed:
                rows.append(row)
                listed.add(record)
            elif row is None and record not in self.catalog.dropped:
                self._warn(
                    f"the note on commit {str(commit)[:10]} names the unknown record {record}"
                )
        return sorted(rows, key=lambda row: row.order) if len(rows) > 1 else rows

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _read(self, claims: Sequence[Claim]) -> Iterator[Found]:
        """Yield the snapshots of some claims; warn of each that cannot be read."""
        oids = [Oid.parse(claim.row.record) for claim in claims]
        for claim, oid, record in zip(
            claims, oids, self._ws.ledger.checked_records(oids), strict=True
        ):
            if isinstance(record, Damaged):
                self._warn(record.what)
            elif isinstance(record, Snapshot):
                yield Found(oid, record, claim.commit, claim.way)

    def receipts(self, snapshot: str) -> tuple[Receipt, ...]:
        """Return the receipts of a snapshot, oldest first."""
        return self.about(snapshot, Receipt)

    def about(self, snapshot: str, kind: type[_R]) -> tuple[_R, ...]:
        """Return the records of the class `kind` about a snapshot, oldest first."""
        rows = self.catalog.about(snapshot, kind.kind)
        records = (self._ws.ledger.record(Oid.parse(row.record), checked=True) for row in rows)
        return tuple(record for record in records if isinstance(record, kind))

    def every(self, kind: type[_R]) -> Iterator[_R]:
        """Yield the records of the class `kind` that can be read, oldest first."""
        wanted = [Oid.parse(row.record) for row in self.catalog.rows if row.kind == kind.kind]
        for record in self._ws.ledger.checked_records(wanted):
            if isinstance(record, kind):
                yield record

    def walk(self, arguments: tuple[str, ...] = ("HEAD",)) -> Iterator[Found]:
        """Yield the snapshots of a revision range, newest first.

        A commit has the snapshots that name it, those that its note names, and those of lost
        commits that it was made from.
        """
        yield from self.read_each(self.claims(Revisions(arguments)))

    def read_each(self, claims: Iterable[Claim]) -> Iterator[Found]:
        """Yield the snapshots of claims as they are found; warn of each that cannot be read."""
        for group in _growing(iter(claims)):
            yield from self._read(group)

    def render(self, claims: Iterator[Claim], style: TextFormat) -> Iterator[tuple[Claim, str]]:
        """Yield claims, each with its rendered text; leave out those that cannot be read."""
        cache = RenderCache(self._ws.rendered_records, style)

        def make(claims: Sequence[Claim]) -> dict[str, str]:
            return {str(found.id): style.tell(found.snapshot) for found in self._read(claims)}

        long = False
        for group in _growing(claims):
            long = long or len(group) >= MANY
            texts = cache.texts if long else {}
            made = make([claim for claim in group if claim.row.record not in texts])
            if long:
                cache.add(made)
            texts = texts or made
            for claim in group:
                if (text := texts.get(claim.row.record)) is not None:
                    yield claim, text

    def claims(self, revisions: Revisions, *, at_once: bool = False) -> Iterator[Claim]:
        """Yield the snapshots of revisions, newest first, without reading them.

        With `at_once`, the first one waits for the whole walk, which then costs less in all.
        """
        git = self._ws.repo.git
        chosen = (*revisions.refs, "--end-of-options", *revisions.arguments)
        named = git.text("rev-parse", "--revs-only", *chosen).splitlines()
        # A name with `^` limits the range, and is no tip.
        tips = [name for name in named if not name.startswith("^")]
        walked = walk_commits(git, revisions.arguments, *revisions.refs)
        if at_once:
            every = list(walked)
            inside = frozenset(str(commit.oid) for commit in every)
            rewritten = Rewritten(self._ws, self.catalog, tips, inside=inside)
            walked = iter(every)
        else:
            rewritten = Rewritten(self._ws, self.catalog, tips)
        seen: set[str] = set()
        for commits in _growing(walked):
            noted = {commit.oid: self._own_rows(commit.oid) for commit in commits}
            # The newest is yielded before any search for others.
            first = [
                Claim(row, commit, "note")
                for commit in list(noted)[:1]
                for row in reversed(noted[commit])
            ]
            first = [claim for claim in first if claim.row.record not in seen]
            yield from first
            seen.update(claim.row.record for claim in first)
            more = rewritten.claims(commits)
            for commit in commits:
                claims = [(row, "note") for row in noted[commit.oid]] + more.get(commit.oid, [])
                for row, way in sorted(claims, key=lambda claim: claim[0].order, reverse=True):
                    if row.record not in seen:
                        seen.add(row.record)
                        yield Claim(row, commit.oid, way)

    def data(self, commit: Oid) -> CommitData:
        """Return the snapshots that define a commit's data."""
        # A repository that never had git-datmo has no trailers, so no commit is read.
        if not self.catalog.rows and not self._ws.has_store:
            return CommitData(commit, (), (), is_cut_off=False)
        if commit not in self._data:
            self._data[commit] = DataFinder(self._ws, self.catalog, commit).find()
        return self._data[commit]

    def read_heads(self, data: CommitData) -> tuple[Found, ...]:
        """Return the snapshots of `data`; warn of each that cannot be read."""
        return tuple(self._read(data.heads))

    def nearest(self, commit: Oid) -> Found | None:
        """Return the snapshot nearest to a commit's data: the latest of several that wait to be
        united."""
        heads = sorted(self.data(commit).heads, key=lambda head: head.row.order, reverse=True)
        return next(self._read(heads), None)

    def annotation(self, record: str) -> Annotation | None:
        """Return an annotation of the catalog by its id; None if it cannot be read."""
        try:
            found = self._ws.ledger.record(Oid.parse(record), checked=True)
        except Damaged as error:
            self._warn(error.what)
            return None
        return found if isinstance(found, Annotation) else None

    def snapshot(self, record: str) -> Snapshot | None:
        """Return a snapshot by its id, dropped ones included; None if it is missing."""
        try:
            found = self._ws.ledger.record(Oid.parse(record))
        except Damaged:
            return None
        return found if isinstance(found, Snapshot) else None

    def commit(self, name: str) -> Commit:
        """Return a commit by its name; raise `DatmoError` if there is none."""
        return next(
            walk_commits(self._ws.repo.git, (str(self._ws.repo.resolve(name)),), "--no-walk")
        )

    def own(self, commit: Oid) -> list[Row]:
        """Return the snapshots that belong to this commit without a proof, oldest first."""
        return self._own_rows(commit)

    def claimed(self, commit: Commit) -> list[Claim]:
        """Return the claims of a commit by tree, patch or range, newest first."""
        found = (
            Rewritten(self._ws, self.catalog, [str(commit.oid)])
            .claims([commit])
            .get(commit.oid, [])
        )
        return [Claim(row, commit.oid, way) for row, way in reversed(found)]

    def _all_of(self, commit: Commit, rewritten: Rewritten) -> list[Claim]:
        """Return the claims of one commit: its own, or else those of commits that it was made from.

        Snapshots that no other leads to come first, then the newest.
        """
        rows = self._own_rows(commit.oid)
        if rows:
            heads = set(self.catalog.graph.heads(row.record for row in rows))
            # The sort below is stable: of several heads, the newest stays first.
            newest_first = rows[::-1]
            in_order = sorted(newest_first, key=lambda row: row.record not in heads)
            own = [Claim(row, commit.oid, "note") for row in in_order]
            return [*self._ran_before(commit, in_order[0], rewritten), *own]
        found = rewritten.claims([commit]).get(commit.oid, [])
        return [Claim(row, commit.oid, way) for row, way in reversed(found)]

    def _ran_before(self, commit: Commit, own: Row, rewritten: Rewritten) -> Iterator[Claim]:
        """Yield the run on this commit's code whose payloads `own`, made at the commit, repeats."""
        for row, way in rewritten.of_code(commit):
            if row.record in own.parents and row.data == own.data:
                yield Claim(row, commit.oid, way)

    def resolve(self, name: str) -> Found:
        """Return the snapshot that a person names by a commit or by the beginning of an id."""
        named = self.by_id(name)
        if named is not None:
            return named
        commit = self.commit(name)
        rewritten = Rewritten(self._ws, self.catalog, [str(commit.oid)], whole=True)
        for found in self._read(self._all_of(commit, rewritten)):
            return found
        raise DatmoError(
            f"commit '{name}' has no snapshot", "'git datmo log' lists those that have one"
        )

    def by_id(self, name: str) -> Found | None:
        """Return the snapshot whose id begins with `name`, or None; raise `DatmoError` for
        several."""
        rows = (
            [row for row in self.catalog.starting(name) if row.kind == "snapshot"]
            if _ID.match(name)
            else []
        )
        if len(rows) > 1:
            raise DatmoError(
                f"'{name}' is the start of {len(rows)} snapshots' ids", "give more of the id"
            )
        return next(self._read([Claim(row, Oid.parse(row.commit), "note") for row in rows]), None)


def _growing(items: Iterator[_T]) -> Iterator[list[_T]]:
    """Yield items in groups that double in size.

    A caller that wants one item waits for one; a caller that wants all reads large groups.
    """
    size = 1
    while group := list(islice(items, size)):
        yield group
        size = min(2 * size, TOGETHER)
