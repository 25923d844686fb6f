"""Merge three versions of a folder.

The changes of each side are taken, and conflicting changes are reported. The functions are pure and
work over a reader and a writer of trees. They read only trees that differ, and hold a few hundred
names at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from git_datmo.git.object_encoding import TreeEntry, parse_tree
from git_datmo.model import ObjectFormat, Oid
from git_datmo.objects.stored_folders import (
    PART_LIMIT,
    digit_of,
    parts_of,
    read_folder,
    write_folder,
    write_parts,
)
from git_datmo.objects.tree_nodes import Node, NodeKind, ReadTree, WriteTree

# A folder or a part of a split folder: the id of a stored tree, or its names if they are few. None
# if the folder is missing.
_Side = Oid | dict[bytes, Node] | None


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """Path below a payload that both sides changed differently.

    The path () is the payload itself.
    """

    path: tuple[bytes, ...]
    ours: Node | None
    theirs: Node | None


class Merger:
    """Three-way merge of nodes.

    On a conflict, `ours` is kept and `conflicts` receives the path. If a side deleted a folder, the
    changes of the other side inside it are merged against an empty folder.
    """

    def __init__(self, read: ReadTree, write: WriteTree, form: ObjectFormat) -> None:
        self._stored, self._store, self._format = read, write, form
        self._written: dict[Oid, bytes] = {}
        self.conflicts: list[MergeConflict] = []

    def _write(self, content: bytes) -> Oid:
        """Write a tree and remember it for `_read`."""
        oid = self._store(content)
        self._written[oid] = content
        return oid

    def _read(self, oid: Oid) -> Iterable[TreeEntry]:
        """Return the entries of a tree; trees that the merge wrote come from memory."""
        content = self._written.get(oid)
        return self._stored(oid) if content is None else parse_tree(content, self._format)

    def merge(
        self,
        base: Node | None,
        ours: Node | None,
        theirs: Node | None,
        path: tuple[bytes, ...] = (),
    ) -> Node | None:
        """Return the merged node, or None if the path is deleted."""
        # If one side is unchanged or both are equal, no tree has to be read.
        if theirs in (ours, base):
            return ours
        if ours == base:
            return theirs
        before = base if _is_folder(base) else None
        both = _is_folder(ours) and _is_folder(theirs)
        # One side deleted the folder. What the other side changed in it is a conflict further
        # down; the rest is deleted.
        one_deleted = before is not None and None in (ours, theirs)
        one_left = _is_folder(ours) or _is_folder(theirs)
        if not both and not (one_deleted and one_left):
            self.conflicts.append(MergeConflict(path, ours, theirs))
            return ours
        sides = (node.oid if node is not None else None for node in (before, ours, theirs))
        oid = self._folders(path, "", *sides)
        # Both sides have the folder, so it stays even without content.
        if oid is None and both:
            oid = write_folder({}, self._write)
        return Node(NodeKind.FOLDER, oid) if oid is not None else None

    def _folders(
        self, path: tuple[bytes, ...], prefix: str, base: _Side, ours: _Side, theirs: _Side
    ) -> Oid | None:
        """Return the merged tree of three folders or parts, or None if it is empty.

        `prefix` has the hex digits that the hashes of all names share.
        """
        if theirs in (ours, base):
            return self._close(ours, len(prefix))
        if ours == base:
            return self._close(theirs, len(prefix))
        opened = [self._open(side, prefix) for side in (base, ours, theirs)]
        if not any(isinstance(side, _Split) for side in opened):
            few = [side for side in opened if not isinstance(side, _Split)]
            return self._close(self._names(few, path), len(prefix))
        parts = {}
        for digit in "0123456789abcdef":
            sides = (_part(side, digit, len(prefix)) for side in opened)
            oid = self._folders(path, prefix + digit, *sides)
            if oid is not None:
                parts[digit] = oid
        # A folder that shrinks to the limit is one tree again, as the format requires.
        few_left = self._few(parts, prefix)
        return (
            write_parts(parts, self._write)
            if few_left is None
            else self._close(few_left, len(prefix))
        )

    def _open(self, side: _Side, prefix: str) -> _Split | dict[bytes, Node]:
        """Return the parts of a split folder, or its names and nodes."""
        if not isinstance(side, Oid):
            return side or {}
        parts = parts_of(list(self._read(side)))
        return dict(read_folder(side, self._read, prefix)) if parts is None else _Split(parts)

    def _names(
        self, sides: Sequence[dict[bytes, Node]], path: tuple[bytes, ...]
    ) -> dict[bytes, Node]:
        """Return the merged nodes of three sets of names."""
        united = {}
        for name in sorted(set().union(*sides)):
            base, ours, theirs = (side.get(name) for side in sides)
            node = self.merge(base, ours, theirs, (*path, name))
            if node is not None:
                united[name] = node
        return united

    def _close(self, side: _Side, depth: int) -> Oid | None:
        """Return the tree id of a side, or None if it is empty.

        Names are written as a tree, which may be split again.
        """
        if isinstance(side, dict):
            return write_folder(side, self._write, depth) if side else None
        return side

    def _few(self, parts: dict[str, Oid], prefix: str) -> dict[bytes, Node] | None:
        """Return the nodes of all `parts` if they fit in a single tree, else None."""
        few: dict[bytes, Node] = {}
        for digit, part in parts.items():
            for name, node in read_folder(part, self._read, prefix + digit):
                few[name] = node
                if len(few) > PART_LIMIT:
                    return None
        return few


@dataclass(frozen=True, slots=True)
class _Split:
    """Folder, or part of a folder, that is split by the next hex digit of the name hashes."""

    parts: dict[str, Oid]


def _part(side: _Split | dict[bytes, Node], digit: str, depth: int) -> _Side:
    """Return the part of a side for `digit`, or None if it is empty."""
    if isinstance(side, _Split):
        return side.parts.get(digit)
    # Names of a folder that is not split are divided as if it were, to compare part by part.
    return {name: node for name, node in side.items() if digit_of(name, depth) == digit} or None


def _is_folder(node: Node | None) -> bool:
    """Return True if `node` is a folder."""
    return node is not None and node.kind is NodeKind.FOLDER
