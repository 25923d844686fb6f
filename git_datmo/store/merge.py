"""Three versions of a folder become one: what either side changed is taken, what both changed differently is told.

Pure, over a reader and a writer of trees; it reads only trees that differ, and holds a few hundred names at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from git_datmo.git.objects import Entry, parse_tree
from git_datmo.model import ObjectFormat, Oid
from git_datmo.store.layout import (
    PART_LIMIT,
    Kind,
    Node,
    ReadTree,
    WriteTree,
    digit_of,
    parts_of,
    read_folder,
    write_folder,
    write_parts,
)

# A folder, or the part of one that shares hex digits: a stored tree, the few names in it, or nothing.
_Side = Oid | dict[bytes, Node] | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A path below a payload (() is the payload itself) that both sides changed differently."""

    path: tuple[bytes, ...]
    ours: Node | None
    theirs: Node | None


class Merger:
    """Merges nodes; where both sides changed one differently ours stays, and `conflicts` has the path.

    To what the other side changed in it, a folder that one side took away is an empty one.
    """

    def __init__(self, read: ReadTree, write: WriteTree, form: ObjectFormat) -> None:
        self._stored, self._store, self._format = read, write, form
        self._written: dict[Oid, bytes] = {}
        self.conflicts: list[Conflict] = []

    def _write(self, content: bytes) -> Oid:
        oid = self._store(content)
        self._written[oid] = content
        return oid

    def _read(self, oid: Oid) -> Iterable[Entry]:
        content = self._written.get(oid)
        return self._stored(oid) if content is None else parse_tree(content, self._format)

    def merge(
        self, base: Node | None, ours: Node | None, theirs: Node | None, path: tuple[bytes, ...] = ()
    ) -> Node | None:
        """The united node, or None where the path is gone."""
        if theirs in (ours, base):
            return ours
        if ours == base:
            return theirs
        before = base if _is_folder(base) else None
        both = _is_folder(ours) and _is_folder(theirs)
        if not both and not (before and {ours, theirs} & {None} and (_is_folder(ours) or _is_folder(theirs))):
            self.conflicts.append(Conflict(path, ours, theirs))
            return ours
        sides = (node.oid if node is not None else None for node in (before, ours, theirs))
        oid = self._folders(path, "", *sides)
        if oid is None and both:
            oid = write_folder({}, self._write)
        return Node(Kind.FOLDER, oid) if oid is not None else None

    def _folders(self, path: tuple[bytes, ...], prefix: str, base: _Side, ours: _Side, theirs: _Side) -> Oid | None:
        """The united part of three folders; None for an empty one."""
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
        few_left = self._few(parts, prefix)
        return write_parts(parts, self._write) if few_left is None else self._close(few_left, len(prefix))

    def _open(self, side: _Side, prefix: str) -> _Split | dict[bytes, Node]:
        if not isinstance(side, Oid):
            return side or {}
        parts = parts_of(list(self._read(side)))
        return dict(read_folder(side, self._read, prefix)) if parts is None else _Split(parts)

    def _names(self, sides: Sequence[dict[bytes, Node]], path: tuple[bytes, ...]) -> dict[bytes, Node]:
        united = {}
        for name in sorted(set().union(*sides)):
            base, ours, theirs = (side.get(name) for side in sides)
            node = self.merge(base, ours, theirs, (*path, name))
            if node is not None:
                united[name] = node
        return united

    def _close(self, side: _Side, depth: int) -> Oid | None:
        """What stands for a side in the tree above; names may be too many for one tree."""
        if isinstance(side, dict):
            return write_folder(side, self._write, depth) if side else None
        return side

    def _few(self, parts: dict[str, Oid], prefix: str) -> dict[bytes, Node] | None:
        """The names of all `parts` when they fit one tree."""
        few: dict[bytes, Node] = {}
        for digit, part in parts.items():
            for name, node in read_folder(part, self._read, prefix + digit):
                few[name] = node
                if len(few) > PART_LIMIT:
                    return None
        return few


@dataclass(frozen=True, slots=True)
class _Split:
    """A folder, or a part of one, that is split by its names' next digit."""

    parts: dict[str, Oid]


def _part(side: _Split | dict[bytes, Node], digit: str, depth: int) -> _Side:
    if isinstance(side, _Split):
        return side.parts.get(digit)
    return {name: node for name, node in side.items() if digit_of(name, depth) == digit} or None


def _is_folder(node: Node | None) -> bool:
    return node is not None and node.kind is Kind.FOLDER
