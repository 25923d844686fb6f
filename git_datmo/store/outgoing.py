"""What another place lacks of some objects, in an order in which whatever an object names comes before it."""

from __future__ import annotations

from collections.abc import Container, Iterator

from git_datmo.errors import Damaged
from git_datmo.git.deflate import deflate
from git_datmo.git.objects import TREE, parse_tree
from git_datmo.git.packs import Pack, PackedObjects
from git_datmo.git.packwriter import PackEntry, make_entry
from git_datmo.model import Oid
from git_datmo.store.compact import marked_entries


class Outgoing:
    """The objects below some trees and blobs that a place lacks; `missing` are those that are not here either.

    `there` is what the place has, each object with all that it names: nothing below such a tree is looked at.
    """

    def __init__(self, objects: PackedObjects, there: Container[bytes]) -> None:
        self._objects = objects
        self._there = there
        # One copy of each blob is marked, so that memory does not grow with their number.
        self._packed: dict[Pack, bytearray] = {}
        self._single: dict[Oid, None] = {}
        self._trees: dict[Oid, None] = {}
        self.missing: dict[Oid, None] = {}

    def add(self, root: Oid, *, is_tree: bool) -> None:
        """Take in all that `root` leads to and the place lacks."""
        stack = [(root, is_tree, False)]
        while stack:
            oid, is_tree, done = stack.pop()
            if done:
                self._trees[oid] = None
            elif not is_tree:
                self._add_blob(oid)
            elif oid not in self._trees and oid not in self.missing and oid not in self._there:
                found = self._objects.find(oid)
                if found is None and oid != self._objects.format.hash("tree", b""):
                    self.missing[oid] = None
                    continue
                stack.append((oid, True, True))
                content = found[1] if found is not None else b""
                stack += ((e.oid, e.mode == TREE, False) for e in parse_tree(content, self._objects.format))

    def _add_blob(self, oid: Oid) -> None:
        copy = next(self._objects.copies(oid), None)
        if copy is not None and copy[0] in self._packed and self._packed[copy[0]][copy[1]]:
            return
        if oid in self._there:
            return
        if copy is not None:
            self._packed.setdefault(copy[0], bytearray(copy[0].count))[copy[1]] = 1
        elif oid in self._objects:
            self._single[oid] = None
        else:
            self.missing[oid] = None

    def __bool__(self) -> bool:
        return bool(self._packed or self._single or self._trees)

    def measure(self) -> int:
        """About how many bytes the entries have."""
        packed = (length for pack, marks in self._packed.items() for place, _, length in pack.entries() if marks[place])
        return sum(packed) + sum(self._objects.size(oid) or 0 for oid in (*self._single, *self._trees))

    def entries(self) -> Iterator[PackEntry]:
        """Every object, blobs in the order of the disk, then trees behind all that they name."""
        for pack, marks in self._packed.items():
            yield from marked_entries(self._objects, pack, marks)
        for oid in (*self._single, *self._trees):
            found = self._objects.find(oid) or ("tree", b"")
            if self._objects.format.hash(*found) != oid:
                raise Damaged(f"object '{oid}' of the store is damaged", "'git datmo fetch' gets lost objects again")
            yield make_entry(oid, found[0], len(found[1]), deflate(found[1]))
