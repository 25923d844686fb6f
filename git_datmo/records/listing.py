"""Lists the records and notes that a commit holds: each tree is read once, so that trees of trees
cost no time.

A stranger's tree may name one folder many times over. Git's own listing follows each name; this one
does not.
"""

from __future__ import annotations

import re

from git_datmo.git.object_database import Odb
from git_datmo.git.object_encoding import BLOB, EXECUTABLE, TREE, TreeEntry, commit_tree, parse_tree
from git_datmo.model import Oid

# The most bytes of a commit, and of a tree of records or notes: git spreads notes over folders, and
# records are spread.
COMMIT_LIMIT = 1 << 20
TREE_LIMIT = 16 << 20

_FOLDER = re.compile(rb"[0-9a-f]{2}\Z")
_RECORD = re.compile(rb"([0-9a-f]{38}|[0-9a-f]{62})\.json\Z")
_HEX = re.compile(rb"(?:[0-9a-f]{2})+\Z")
# The folder of tombstones, in trees of records and of notes.
TOMBSTONES = b"redacted"
_TOMBSTONE = re.compile(rb"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")


def list_records(odb: Odb, commit: Oid) -> set[Oid]:
    """Return the records that a commit's tree holds, each where its id says; anything else in it is
    passed over, and so are redacted records.

    Raise `Damaged` where the commit or one of its folders of records cannot be read.
    """
    folders: dict[Oid, set[bytes]] = {}
    top = _entries(odb, _root(odb, commit))
    for entry in top:
        if entry.mode == TREE and _FOLDER.match(entry.name):
            folders.setdefault(entry.oid, set()).add(entry.name)
    found = set()
    for folder, names in folders.items():
        for entry in _entries(odb, folder):
            match = _RECORD.match(entry.name) if entry.mode in (BLOB, EXECUTABLE) else None
            if match is not None:
                # A record counts only at the path of its id (FORMAT.md, section 7).
                text = entry.oid.hex().encode()
                if text[2:] == match[1] and text[:2] in names:
                    found.add(entry.oid)
    return found - _redacted(odb, top)


def list_redacted(odb: Odb, commit: Oid) -> frozenset[Oid]:
    """Return the ids of the records that the tree of a commit of records or notes says are
    redacted."""
    return _redacted(odb, _entries(odb, _root(odb, commit)))


def tombstone_path(oid: Oid) -> bytes:
    """Return the path that says that a record is redacted."""
    return TOMBSTONES + b"/" + str(oid).encode()


def _redacted(odb: Odb, top: list[TreeEntry]) -> frozenset[Oid]:
    """Return the ids that the tombstones of a tree name, whose entries are `top`."""
    folder = next((e for e in top if e.name == TOMBSTONES and e.mode == TREE), None)
    if folder is None:
        return frozenset()
    names = (e.name for e in _entries(odb, folder.oid) if e.mode == BLOB)
    width = 2 * odb.format.size
    return frozenset(
        Oid.parse(name.decode()) for name in names if _TOMBSTONE.match(name) and len(name) == width
    )


def list_notes(odb: Odb, commit: Oid) -> dict[Oid, tuple[bytes, Oid]]:
    """Return the path and blob of each commit's note: git spreads notes over folders as it likes
    (git-notes).

    No two folders of notes are the same, since a commit's id would end as another one's does: one
    that stands twice counts once.
    """
    width = 2 * odb.format.size
    found: dict[Oid, tuple[bytes, Oid]] = {}
    stack = [(b"", _root(odb, commit))]
    seen: set[Oid] = set()
    while stack:
        path, tree = stack.pop()
        if tree in seen:
            continue
        seen.add(tree)
        for entry in _entries(odb, tree):
            full = path + entry.name
            digits = full.replace(b"/", b"")
            if entry.mode == TREE:
                # The digits of an id limit the depth.
                if _FOLDER.match(entry.name) and len(digits) < width:
                    stack.append((full + b"/", entry.oid))
            elif len(digits) == width and _HEX.match(entry.name):
                found[Oid.parse(digits.decode())] = (full, entry.oid)
    return found


def _root(odb: Odb, commit: Oid) -> Oid:
    return commit_tree(odb.read(commit, "commit", COMMIT_LIMIT))


def _entries(odb: Odb, tree: Oid) -> list[TreeEntry]:
    if tree == odb.format.hash("tree", b""):
        return []
    return list(parse_tree(odb.read(tree, "tree", TREE_LIMIT), odb.format))
