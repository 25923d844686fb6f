"""What another place lacks of some objects, in an order in which whatever an object names comes before it."""

from __future__ import annotations

from collections.abc import Container, Iterator

from git_datmo.errors import Damaged
from git_datmo.git.deflate import deflate
from git_datmo.git.packs import Pack, PackedObjects
from git_datmo.git.packwriter import PackEntry, make_entry
from git_datmo.model import Oid
from git_datmo.store.compact import marked_entries
from git_datmo.store.reach import named_by


class Outgoing:
    """The objects that some lead to and a place lacks; `missing` are those that are not here either.

    `there` is what the place has, each object with all that it names: nothing below such a tree is looked at.
    """

    def __init__(self, objects: PackedObjects, there: Container[bytes]) -> None:
        self._objects = objects
        self._there = there
        # One copy of each blob is marked, so that memory does not grow with their number.
        self._packed: dict[Pack, bytearray] = {}
        self._single: dict[Oid, None] = {}
        self._naming: dict[Oid, None] = {}
        self.missing: dict[Oid, None] = {}

    def add(self, root: Oid) -> None:
        """Take in all that `root` leads to and the place lacks."""
        stack = [(root, False)]
        while stack:
            oid, done = stack.pop()
            if done:
                self._naming[oid] = None
            elif not self._is_known(oid) and oid not in self._there:
                # The kind is the object's own: a tree that takes one for another would hide what is below it.
                kind = self._objects.kind(oid)
                if kind == "blob":
                    self._mark(oid)
                elif kind is None and oid != self._objects.format.hash("tree", b""):
                    self.missing[oid] = None
                else:
                    stack.append((oid, True))
                    stack += ((each, False) for each in named_by(self._objects, oid))

    def _is_known(self, oid: Oid) -> bool:
        return (
            oid in self._naming
            or oid in self._single
            or oid in self.missing
            or any(pack in self._packed and self._packed[pack][place] for pack, place in self._objects.copies(oid))
        )

    def _mark(self, oid: Oid) -> None:
        copy = next(self._objects.copies(oid), None)
        if copy is None:
            self._single[oid] = None
        else:
            self._packed.setdefault(copy[0], bytearray(copy[0].count))[copy[1]] = 1

    def __bool__(self) -> bool:
        return bool(self._packed or self._single or self._naming)

    def measure(self) -> int:
        """About how many bytes the entries have."""
        packed = (length for pack, marks in self._packed.items() for place, _, length in pack.entries() if marks[place])
        return sum(packed) + sum(self._objects.size(oid) or 0 for oid in (*self._single, *self._naming))

    def entries(self) -> Iterator[PackEntry]:
        """Every object, blobs in the order of the disk, then trees behind all that they name."""
        for pack, marks in self._packed.items():
            yield from marked_entries(self._objects, pack, marks)
        for oid in (*self._single, *self._naming):
            found = self._objects.find(oid) or ("tree", b"")
            if self._objects.format.hash(*found) != oid:
                raise Damaged(f"object '{oid}' of the store is damaged", "'git datmo fetch' gets lost objects again")
            yield make_entry(oid, found[0], len(found[1]), deflate(found[1]))
