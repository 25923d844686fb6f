"""Build the commits of records and notes for a push, on top of those that the remote has."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from git_datmo.git.object_encoding import commit_tree, encode_commit
from git_datmo.git.tree_edit import edit_tree
from git_datmo.model import Oid
from git_datmo.records.ledger import Tips, record_path
from git_datmo.records.listing import list_notes, list_records
from git_datmo.records.notes import parse_note, unite
from git_datmo.repository.workspace import Workspace


def build_tips(
    ws: Workspace, mine: Tips, there: Tips, carried: Collection[Oid], left: Collection[Oid]
) -> Tips:
    """Return commits with the remote's records, the records `carried`, and their notes.

    `mine` are the local commits, whose history may name the records `left`. If none is left out,
    they are the answer.
    """
    if not left:
        return mine
    return Tips(
        _build_records(ws, mine.records, there.records, carried),
        _build_notes(ws, mine.notes, there.notes, set(left)),
    )


def _build_records(
    ws: Workspace, mine: Oid | None, base: Oid | None, carried: Collection[Oid]
) -> Oid | None:
    there = list_records(ws.odb, base) if base is not None else set()
    if there.issuperset(carried):
        return base
    return _commit(
        ws, base, {**{record_path(oid): oid for oid in carried}, **ws.ledger.mark(base, mine)}
    )


def _build_notes(ws: Workspace, mine: Oid | None, base: Oid | None, left: set[Oid]) -> Oid | None:
    if mine is None:
        return base
    theirs = {_commit_of(path): (path, blob) for path, blob in _notes(ws, base)}
    changes = {}
    for path, blob in _notes(ws, mine):
        place, known = theirs.get(_commit_of(path), (path, None))
        if blob != known:
            old = ws.odb.read(known, "blob") if known is not None else b""
            text = unite(old, _without(ws.odb.read(blob, "blob"), left))
            if text != old:
                changes[place] = ws.odb.write("blob", text)
    return _commit(ws, base, changes)


def _notes(ws: Workspace, tip: Oid | None) -> Iterator[tuple[bytes, Oid]]:
    """Yield the notes of a commit with their paths, which git may spread over folders."""
    yield from list_notes(ws.odb, tip).values() if tip is not None else ()


def _commit_of(path: bytes) -> bytes:
    return path.replace(b"/", b"")


def _without(note: bytes, left: set[Oid]) -> bytes:
    """Return a note without the lines of records that are left out."""
    lines = (
        line
        for line in note.split(b"\n")
        if not any(found.record in left for found in parse_note(line)[0])
    )
    return b"\n".join(lines)


def _commit(ws: Workspace, base: Oid | None, changes: dict[bytes, Oid]) -> Oid | None:
    """Return a commit on `base` with `changes`; `base` itself if nothing changes."""
    old = commit_tree(ws.odb.read(base, "commit")) if base is not None else None
    tree = edit_tree(ws.odb, old, {**changes}) if changes else old
    if tree is None or tree == old:
        return base
    who = f"{ws.person.name} <{ws.person.email}>"
    content = encode_commit(
        tree, [base] if base is not None else [], who, int(ws.clock()), "datmo: share"
    )
    return ws.odb.write("commit", content)
