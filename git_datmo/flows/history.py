"""Which experiments belong to a commit: by its note, or since it was made from theirs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple, TypeVar

from git_datmo.errors import Damaged, DatmoError
from git_datmo.flows.rewritten import Commit, Rewritten
from git_datmo.flows.told import Style, Told
from git_datmo.flows.workspace import Workspace
from git_datmo.git.namespaces import NAMESPACES, NOTES_REF, RECORDS_REF, REMOTE_REFS
from git_datmo.git.refs import read_refs
from git_datmo.git.run import failure
from git_datmo.model import Oid
from git_datmo.records.catalog import NEWER, Catalog, Row
from git_datmo.records.ledger import Tips, record_ids
from git_datmo.records.types import Receipt, Snapshot

_T = TypeVar("_T")

# Records that are read at once.
TOGETHER = 512
# Fewer are read sooner than what was told of a long history.
MANY = 16

_ID = re.compile(r"[0-9a-f]{4,64}\Z")


@dataclass(frozen=True, slots=True)
class Found:
    """A snapshot that belongs to `commit`; `way` says by what: 'note', or as in `rewritten`."""

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
        """What a remote has; where it has it in several namespaces, the one that has what is here."""
        known = [self.remotes[name] for name in (ns.of(remote) for ns in NAMESPACES) if name in self.remotes]
        return self.here if self.here in known else known[0] if known else Tips(None, None)


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
            if row is not None and row.kind.startswith(NEWER):
                self._warn(
                    f"record {record} on commit {str(commit)[:10]} was made by a newer git-datmo"
                    f" (kind '{row.kind.removeprefix(NEWER)}')"
                )
            elif row is not None and not row.kind:
                self._warn(f"record {record} on commit {str(commit)[:10]} is not one that this version reads")
            elif row is not None and row.kind == "snapshot":
                rows.append(row)
            elif row is None and record not in self.catalog.dropped:
                self._warn(f"the note on commit {str(commit)[:10]} names the unknown record {record}")
        return sorted(rows, key=lambda row: row.order) if len(rows) > 1 else rows

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _read(self, claims: Sequence[Claim]) -> Iterator[Found]:
        """The snapshots of some claims; a warning for each that cannot be read."""
        oids = [Oid.parse(claim.row.record) for claim in claims]
        for claim, oid, record in zip(claims, oids, self._ws.ledger.checked_records(oids), strict=True):
            if isinstance(record, Damaged):
                self._warn(record.what)
            elif isinstance(record, Snapshot):
                yield Found(oid, record, claim.commit, claim.way)

    def receipts(self, snapshot: str) -> tuple[Receipt, ...]:
        """Who reran the snapshot with an id, and how it came out; oldest first."""
        rows = self.catalog.about(snapshot, "receipt")
        records = (self._ws.ledger.record(Oid.parse(row.record), checked=True) for row in rows)
        return tuple(record for record in records if isinstance(record, Receipt))

    def walk(self, arguments: tuple[str, ...] = ("HEAD",)) -> Iterator[Found]:
        """The snapshots of the commits of a revision range, newest first.

        A commit has those that its note names, and those that it claims of commits that are no part of this history.
        """
        for claims in _growing(self._claims(arguments)):
            yield from self._read(claims)

    def tell(self, arguments: tuple[str, ...], style: Style) -> Iterator[tuple[Claim, str]]:
        """What `walk` finds, each with its text in a style."""
        told = Told(self._ws.shared_state / "told", style)

        def make(claims: Sequence[Claim]) -> dict[str, str]:
            return {str(found.id): style.tell(found.snapshot) for found in self._read(claims)}

        long = False
        for claims in _growing(self._claims(arguments)):
            long = long or len(claims) >= MANY
            texts = told.texts if long else {}
            made = make([claim for claim in claims if claim.row.record not in texts])
            if long:
                told.add(made)
            texts = texts or made
            for claim in claims:
                if (text := texts.get(claim.row.record)) is not None:
                    yield claim, text

    def _claims(self, arguments: tuple[str, ...]) -> Iterator[Claim]:
        git = self._ws.repo.git
        named = git.text("rev-parse", "--revs-only", "--end-of-options", *arguments).splitlines()
        rewritten = Rewritten(self._ws, self.catalog, [name for name in named if not name.startswith("^")])
        seen: set[str] = set()
        for commits in _growing(self._commits(arguments)):
            noted = {commit.oid: self._rows_of_note(commit.oid) for commit in commits}
            # Whoever wants the newest alone has it before anything is looked for.
            first = [Claim(row, commit, "note") for commit in list(noted)[:1] for row in reversed(noted[commit])]
            yield from first
            seen.update(claim.row.record for claim in first)
            more = rewritten.claims(commits)
            for commit in commits:
                claims = [(row, "note") for row in noted[commit.oid]] + more.get(commit.oid, [])
                for row, way in sorted(claims, key=lambda claim: claim[0].order, reverse=True):
                    if row.record not in seen:
                        seen.add(row.record)
                        yield Claim(row, commit.oid, way)

    def _commits(self, arguments: tuple[str, ...], *options: str) -> Iterator[Commit]:
        argv = ["rev-list", "--format=%H %T %ct %P", "--no-commit-header", *options]
        argv += ["--end-of-options", *arguments, "--"]
        with self._ws.repo.git.start(*argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            try:
                for line in child.stdout:
                    commit, tree, time, *parents = line.decode().split()
                    yield Commit(Oid.fromhex(commit), tree, int(time), tuple(parents))
                said = child.stderr.read()
                if child.wait():
                    raise failure(argv, child.returncode, said)
            finally:
                child.terminate()

    def nearest(self, commit: Oid) -> Found | None:
        """What says which data a commit has: the newest snapshot of itself or its nearest first-parent ancestor.

        Where a branch was merged that went on from there, and no other did, its newest snapshot says it.
        """
        if not self.catalog.rows:
            return None
        rewritten, merges = Rewritten(self._ws, self.catalog, [str(commit)]), False
        for each in self._commits((str(commit),), "--first-parent"):
            for found in self._read(self._all_of(each, rewritten)):
                return (self._merged(str(commit), found) if merges else None) or found
            merges = merges or len(each.parents) > 1
        return self._merged(str(commit), None) if merges else None

    def commit(self, name: str) -> Commit:
        """A commit as it is walked; raises `DatmoError` for a name that is none."""
        return next(self._commits((str(self._ws.repo.resolve(name)),), "--no-walk"))

    def has_own(self, commit: Commit) -> bool:
        """Whether a snapshot belongs to just this commit."""
        return bool(self._all_of(commit, Rewritten(self._ws, self.catalog, [str(commit.oid)])))

    def _all_of(self, commit: Commit, rewritten: Rewritten) -> list[Claim]:
        """What one commit has by its note, or else claims, newest first."""
        rows = self._rows_of_note(commit.oid)
        if rows:
            return [Claim(row, commit.oid, "note") for row in reversed(rows)]
        found = rewritten.claims([commit]).get(commit.oid, [])
        return [Claim(row, commit.oid, way) for row, way in reversed(found)]

    def _merged(self, commit: str, found: Found | None) -> Found | None:
        """The newest snapshot behind `found` up to `commit`, where all others there are part of its history."""
        within = ["--ancestry-path", f"^{found.commit}"] if found is not None else []
        git = self._ws.repo.git
        listed = git.text("rev-list", "--topo-order", *within, commit).split()
        noted = [name for name in listed if name in self.catalog.notes and self._rows_of_note(Oid.parse(name))]
        if not noted:
            return None
        names = "".join(f"{name}\n" for name in (f"^{noted[0]}", *noted[1:])).encode()
        if git.text("rev-list", "-n1", "--stdin", stdin=names):
            return None
        newest = Oid.parse(noted[0])
        rows = reversed(self._rows_of_note(newest))
        return next(self._read([Claim(row, newest, "note") for row in rows]), None)

    def resolve(self, name: str) -> Found:
        """The snapshot that a person names, by its id (or the start of it) or by a commit that has one."""
        if _ID.match(name):
            rows = [row for row in self.catalog.starting(name) if row.kind == "snapshot"]
            if len(rows) > 1:
                raise DatmoError(f"'{name}' is the start of {len(rows)} snapshots' ids", "give more of the id")
            for found in self._read([Claim(row, Oid.parse(row.commit), "note") for row in rows]):
                return found
        commit = self.commit(name)
        rewritten = Rewritten(self._ws, self.catalog, [str(commit.oid)], whole=True)
        for found in self._read(self._all_of(commit, rewritten)):
            return found
        raise DatmoError(f"commit '{name}' has no snapshot", "'git datmo log' lists those that have one")


def _growing(items: Iterator[_T]) -> Iterator[list[_T]]:
    """Items in groups that double: who wants the first waits for no others, who wants all has them read together."""
    size = 1
    while group := list(islice(items, size)):
        yield group
        size = min(2 * size, TOGETHER)
