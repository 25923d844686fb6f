"""Store records and notes in the code repository.

A ref transaction attaches them, and histories are united without conflicts. `refs/datmo/records`
holds every record as `ab/cdef….json`. `refs/notes/datmo` lists for each commit the records about
it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from git_datmo.errors import Damaged
from git_datmo.git.command import Git
from git_datmo.git.object_database import Odb
from git_datmo.git.object_encoding import BLOB, TreeEntry, parse_tree
from git_datmo.git.refs import RefChange, RefMoved, change_refs, read_refs
from git_datmo.model import Oid
from git_datmo.records import codec
from git_datmo.records.format_marker import (
    MARKER_PATH,
    REDACTION,
    REQUIRED,
    UNREADABLE,
    Marker,
    check_marker,
    encode_marker,
    parse_marker,
)
from git_datmo.records.history_commits import NOTE_LIMIT, HistoryCommits
from git_datmo.records.listing import TREE_LIMIT, list_notes, list_records
from git_datmo.records.namespaces import NOTES_REF, RECORDS_REF
from git_datmo.records.notes import NoteLine, make_line, parse_note
from git_datmo.records.record_registry import Record
from git_datmo.records.written_records import WrittenRecords

ATTEMPTS = 20
# So many objects are asked for together, if they are no larger than `SMALL` bytes.
TOGETHER = 256
SMALL = 1 << 16


def record_path(oid: Oid) -> bytes:
    """Return the path of a record in the records tree."""
    text = str(oid).encode()
    return text[:2] + b"/" + text[2:] + b".json"


@dataclass(frozen=True, slots=True)
class Tips:
    """Commits of a records ref and the notes ref that belongs to it.

    A commit is None if its ref is missing.
    """

    records: Oid | None
    notes: Oid | None


class Ledger:
    """Local records and notes.

    `identity` returns the author of the commits that hold them ('Name <mail>'). `forget` is called
    after records were redacted: it deletes what else has their text. `written` is the file of the
    records that this repository encoded; None for none.
    """

    def __init__(
        self,
        git: Git,
        odb: Odb,
        identity: Callable[[], str],
        clock: Callable[[], float] = time.time,
        forget: Callable[[], None] = lambda: None,
        written: Path | None = None,
    ) -> None:
        self._git, self._odb, self._forget = git, odb, forget
        self.written = WrittenRecords(written)
        self.commits = HistoryCommits(git, odb, identity, clock)

    def tips(self) -> Tips:
        """Return the current local tips."""
        refs = read_refs(self._git, RECORDS_REF, NOTES_REF)
        return Tips(refs.get(RECORDS_REF), refs.get(NOTES_REF))

    def records(self, tip: Oid | None) -> set[Oid]:
        """Return the records in the commit `tip`; none where there is no commit."""
        return set() if tip is None else list_records(self._odb, tip)

    def notes(self, tip: Oid | None) -> dict[Oid, Oid]:
        """Return the note blob of every commit that has a note in the notes commit `tip`."""
        return (
            {}
            if tip is None
            else {oid: blob for oid, (_, blob) in list_notes(self._odb, tip).items()}
        )

    def each_note(self, blobs: Iterable[Oid]) -> Iterator[tuple[Oid, tuple[NoteLine, ...]]]:
        """Yield each note with its lines that name records; none if it is absent or too large."""
        for blob, raw in self._each_blob(blobs, NOTE_LIMIT):
            yield blob, () if isinstance(raw, Damaged) else parse_note(raw)[0]

    def each_record(
        self, oids: Iterable[Oid], checked: Collection[Oid] = ()
    ) -> Iterator[tuple[Oid, Record | Damaged]]:
        """Yield each record; the error for one that is missing or invalid.

        The schema check is skipped for those of `checked`.
        """
        for oid, raw in self._each_blob(oids, codec.SIZE_LIMIT):
            if isinstance(raw, Damaged):
                yield oid, raw
                continue
            try:
                yield oid, self._decode(oid, raw, checked=oid in checked)
            except Damaged as error:
                yield oid, error

    def _each_blob(self, oids: Iterable[Oid], limit: int) -> Iterator[tuple[Oid, bytes | Damaged]]:
        """Yield the content of blobs of at most `limit` bytes; small ones are read together."""
        remaining = iter(oids)
        while group := list(islice(remaining, TOGETHER)):
            # One request for many small blobs costs less than one request for each.
            small = self._odb.find_small(group, SMALL)
            for oid in group:
                try:
                    yield oid, small[oid] if oid in small else self._odb.read(oid, "blob", limit)
                except Damaged as error:
                    yield oid, error

    def record(self, oid: Oid, *, checked: bool = False) -> Record:
        """Return the record `oid`. Raises `Damaged` if it is missing or invalid.

        `checked` means that the catalog lists it as a record, so the schema check is skipped.
        """
        try:
            raw = self._odb.read(oid, "blob", codec.SIZE_LIMIT)
        except Damaged as error:
            raise Damaged(f"record '{oid}': {error.what}", error.hint) from error
        return self._decode(oid, raw, checked=checked)

    def _decode(self, oid: Oid, raw: bytes, *, checked: bool = False) -> Record:
        """Return the record of a blob; raise `Damaged` if it is invalid."""
        try:
            record = codec.decode(raw, checked=checked)
        except Damaged as error:
            raise Damaged(f"record '{oid}': {error.what}", error.hint) from error
        # Ids of the two object formats differ in length.
        if not checked and any(len(named) != len(oid) for named in codec.object_ids(record)):
            raise Damaged(f"record '{oid}': it names an object of another object format")
        return record

    def checked_records(self, oids: Sequence[Oid]) -> Iterator[Record | Damaged]:
        """Yield the records `oids`, which the catalog lists.

        All are read together. For an unreadable record, the error is yielded.
        """
        for oid, found in zip(oids, self._odb.find_all(oids), strict=True):
            try:
                yield codec.decode(found[1] if found else self._odb.read(oid, "blob"), checked=True)
            except Damaged as error:
                yield Damaged(f"record '{oid}': {error.what}", error.hint)

    def marker(self, tip: Oid | None) -> Marker:
        """Return the format marker of the records commit `tip`; one that requires nothing where it
        has none."""
        entry = self._marker_entry(tip)
        if entry is None:
            return Marker()
        return (
            parse_marker(self._odb.read(entry.oid, "blob", NOTE_LIMIT))
            if entry.mode == BLOB
            else UNREADABLE
        )

    def _marker_entry(self, tip: Oid | None) -> TreeEntry | None:
        if tip is None:
            return None
        raw = self._odb.read(self.commits.tree(tip), "tree", TREE_LIMIT)
        entries = parse_tree(raw, self._odb.format)
        return next((entry for entry in entries if entry.name == MARKER_PATH), None)

    def mark(
        self, *tips: Oid | None, requires: Collection[str] = REQUIRED, redacts: bool = False
    ) -> dict[bytes, Oid]:
        """Return the marker of a tree that holds the records of all `tips`, whose markers this
        version knows.

        `redacts` is True if the tree has tombstones.
        """
        every = frozenset(requires).union(*(self.marker(tip).requires for tip in tips))
        if redacts:
            every |= {REDACTION}
        return {MARKER_PATH: self._odb.write("blob", encode_marker(Marker(requires=every)))}

    def _united_marker(self, *tips: Oid | None, redacts: bool) -> dict[bytes, Oid]:
        """Return the marker of a union of `tips`; none where none of them has one."""
        if not redacts and not any(map(self._marker_entry, tips)):
            return {}
        return self.mark(*tips, requires=(), redacts=redacts)

    def attach(self, *records: Record, redacted: Iterable[Oid] = ()) -> tuple[Oid, ...]:
        """Store records, add them to the notes of their commits, and return their ids.

        The records `redacted` leave both histories, which begin anew without their text. Another
        process may attach records at the same time. Raises `RefMoved` if the refs change at each of
        `ATTEMPTS` attempts.
        """
        before = self.tips()
        # This version must not write a tree whose format it does not know.
        check_marker(self.marker(before.records), "the records of this repository")
        wanted: dict[Oid, list[bytes]] = {}
        raws = [codec.encode(record) for record in records]
        # Make the line from the decoded bytes, as other readers will.
        encoded = [(codec.decode(raw, checked=True), self._odb.write("blob", raw)) for raw in raws]
        for record, oid in encoded:
            wanted.setdefault(record.commit, []).append(f"{make_line(oid, record)}\n".encode())
        notes = {commit: b"".join(lines) for commit, lines in wanted.items()}
        # The blobs are written before any ref names them, and survive a retry.
        new, gone = {oid for _, oid in encoded}, frozenset(redacted)
        self._retry(lambda old: self._add(old, new, notes, gone), before)
        self.written.add(new)
        return tuple(oid for _, oid in encoded)

    def unite(self, theirs: Tips) -> bool:
        """Add the records and notes of `theirs`, whose objects must be available locally.

        Return True if any ref changed.
        """
        before = self.tips()

        def step(old: Tips) -> None:
            records = self.records(theirs.records)
            notes = {
                commit: self._odb.read(blob, "blob", NOTE_LIMIT)
                for commit, blob in self._new_notes(old.notes, theirs.notes).items()
            }
            self._add(old, records, notes, frozenset(), theirs)

        # Most unions bring nothing new. Two questions to git find that out.
        pairs = ((before.records, theirs.records), (before.notes, theirs.notes))
        if all(tip is None or self.commits.leads_to(mine, tip) for mine, tip in pairs):
            return False
        # This version must not write a tree whose format it does not know. Readers unite in
        # memory instead.
        if any(self.marker(tip).unknown() for tip in (before.records, theirs.records)):
            return False
        self._retry(step, before)
        return self.tips() != before

    def _new_notes(self, own: Oid | None, tip: Oid | None) -> dict[Oid, Oid]:
        """Return the notes at `tip` that differ from those at `own`."""
        mine = self.notes(own)
        theirs = self.notes(tip)
        return {commit: blob for commit, blob in theirs.items() if mine.get(commit) != blob}

    def _retry(self, step: Callable[[Tips], None], tips: Tips) -> None:
        """Call `step` with the current tips, which are `tips` at first.

        Repeat it while another process moves the refs, at most `ATTEMPTS` times.
        """
        for attempt in range(ATTEMPTS):
            try:
                return step(tips)
            except RefMoved:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.005 * (attempt + 1))
                # Another process has moved a ref, so the next attempt starts from the new value.
                tips = self.tips()
        return None

    def _add(
        self,
        old: Tips,
        records: Iterable[Oid],
        notes: Mapping[Oid, bytes],
        redacted: frozenset[Oid],
        theirs: Tips | None = None,
    ) -> None:
        """Add records and note lines to both refs, which are at `old`, in a single transaction.

        `theirs` are united with them. `redacted` are redacted now; records that either side has
        redacted stay so.
        """
        merged = theirs or Tips(None, None)
        had = self.commits.redacted(old.records, old.notes)
        # A redaction of either side stays in force, or a union would bring the text back.
        gone = had | redacted | self.commits.redacted(merged.records, merged.notes)
        why = "unite" if theirs is not None else "attach"
        marked = (
            self._united_marker(old.records, merged.records, redacts=bool(gone))
            if theirs is not None
            else self.mark(old.records, redacts=bool(gone))
        )
        added = {record_path(oid): oid for oid in records if oid not in gone}
        removed = dict.fromkeys(map(record_path, gone))
        note_changes = self.commits.note_changes(old.notes, notes, gone)
        tips = Tips(
            self.commits.make(
                old.records, merged.records, {**removed, **added, **marked}, gone, why
            ),
            self.commits.make(old.notes, merged.notes, note_changes, gone, why),
        )
        self._move(old, tips, why)
        if gone != had:
            self._forget_redacted()

    def _move(self, old: Tips, new: Tips, why: str) -> None:
        """Move both refs from `old` to `new` together."""
        # In one transaction, or neither: a note never names an absent record.
        moves = (
            RefChange(RECORDS_REF, old.records, new.records),
            RefChange(NOTES_REF, old.notes, new.notes),
        )
        changes_needed = [move for move in moves if move.new is not None and move.new != move.old]
        if changes_needed:
            change_refs(self._git, changes_needed, why=why)

    def _forget_redacted(self) -> None:
        """Let go of earlier commits, so that git's own collection frees the text in them."""
        for ref in (RECORDS_REF, NOTES_REF):
            self._git.finish("reflog", "expire", "--expire=all", ref)
        self._forget()
