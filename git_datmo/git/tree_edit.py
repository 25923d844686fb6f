"""Edit trees of the code repository; only changed paths and the trees above them are written."""

from __future__ import annotations

from collections.abc import Mapping

from git_datmo.git.object_database import Odb
from git_datmo.git.object_encoding import BLOB, TREE, TreeEntry, encode_tree, parse_tree
from git_datmo.model import Oid


def edit_tree(odb: Odb, root: Oid | None, changes: Mapping[bytes, Oid | None]) -> Oid:
    """Return the tree `root` with each path of `changes` set to a blob, or removed (None)."""
    entries = (
        {e.name: e for e in parse_tree(odb.read(root, "tree"), odb.format)}
        if root is not None
        else {}
    )
    below: dict[bytes, dict[bytes, Oid | None]] = {}
    for path, oid in changes.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(name, {})[rest] = oid
        elif oid is None:
            entries.pop(name, None)
        else:
            entries[name] = TreeEntry(name, BLOB, oid)
    for name, part in below.items():
        old = entries.get(name)
        oid = edit_tree(odb, old.oid if old is not None and old.mode == TREE else None, part)
        # Git has no empty folders, so a folder goes with its last file.
        if oid == odb.format.hash("tree", b""):
            entries.pop(name, None)
        else:
            entries[name] = TreeEntry(name, TREE, oid)
    return odb.write("tree", encode_tree(entries.values()))
