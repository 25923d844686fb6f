"""Compare two versions of a file or folder, and read only trees that differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.model import Oid
from git_datmo.objects.stored_folders import decode_nodes, parts_of
from git_datmo.objects.tree_nodes import Node, NodeKind, ReadTree


@dataclass(frozen=True, slots=True)
class TreeDifference:
    """Path below a payload whose node differs between two versions.

    The path () is the payload itself.
    """

    path: tuple[bytes, ...]
    old: Node | None
    new: Node | None


def compare(
    old: Node | None, new: Node | None, read: ReadTree, path: tuple[bytes, ...] = ()
) -> Iterator[TreeDifference]:
    """Yield the differences between two versions; read only trees that differ.

    An added folder comes before its content, a removed folder after its content.
    """
    if old == new:
        return
    old_folder, new_folder = _folder_id(old), _folder_id(new)
    if new_folder is not None and old_folder is None:
        yield TreeDifference(path, old, new)
    if old_folder is not None or new_folder is not None:
        for name, was, now in _compare_folders(old_folder, new_folder, read):
            if _folder_id(was) is None and _folder_id(now) is None:
                yield TreeDifference((*path, name), was, now)
            else:
                yield from compare(was, now, read, (*path, name))
    if new_folder is None:
        yield TreeDifference(path, old, new)


def _folder_id(node: Node | None) -> Oid | None:
    """Return the id of a folder's tree; None for a file, a link, and nothing."""
    return node.oid if node is not None and node.kind is NodeKind.FOLDER else None


def _compare_folders(
    old: Oid | None, new: Oid | None, read: ReadTree, prefix: str = ""
) -> Iterator[tuple[bytes, Node | None, Node | None]]:
    """Yield the names that differ between two folders, each with the old and the new node."""
    if old == new:
        return
    # Treat a missing folder as split like the other folder, so that memory holds a single part at a
    # time.
    before_entries = list(read(old)) if old is not None else []
    after_entries = list(read(new)) if new is not None else []
    old_parts = parts_of(before_entries) if old is not None else {}
    new_parts = parts_of(after_entries) if new is not None else {}
    if old_parts is not None and new_parts is not None:
        for digit in sorted(old_parts.keys() | new_parts.keys()):
            yield from _compare_folders(
                old_parts.get(digit), new_parts.get(digit), read, prefix + digit
            )
        return
    before = dict(decode_nodes(before_entries, old_parts, read, prefix))
    after = dict(decode_nodes(after_entries, new_parts, read, prefix))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)
