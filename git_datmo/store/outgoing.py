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

    `there` is what the place has, each object with all that it names: nothing below such a tree is looked at, unless
    it is here and `deep` says that the place may have lost something. What names a missing object does not go.
    """

    def __init__(self, objects: PackedObjects, there: Container[bytes], *, deep: bool = False) -> None:
        self._objects = objects
        self._there = there
        self._deep = deep
        # One copy of each blob is marked, so that memory does not grow with their number.
        self._packed: dict[Pack, bytearray] = {}
        self._single: dict[Oid, None] = {}
        # Trees and commits in the order in which they were done with; whether they go.
        self._naming: dict[Oid, bool] = {}
        self._partial: set[Oid] = set()
        self.missing: dict[Oid, None] = {}

    def add(self, root: Oid) -> bool:
        """Take in all that `root` leads to and the place lacks; says whether nothing of it is missing."""
        stack: list[tuple[Oid, tuple[Oid, ...] | None]] = [(root, None)]
        while stack:
            oid, below = stack.pop()
            if below is None:
                stack += self._look_at(oid)
            elif self._partial.intersection(below):
                self._partial.add(oid)
            else:
                self._naming[oid] = oid not in self._there
        return root not in self._partial

    def _look_at(self, oid: Oid) -> Iterator[tuple[Oid, tuple[Oid, ...] | None]]:
        """What is to be done before an object is done with: nothing where it is not news."""
        if self._is_known(oid) or (oid in self._there and not self._deep):
            return
        # The kind is the object's own: a tree that takes one for another would hide what is below it.
        kind = self._objects.kind(oid)
        if kind == "blob":
            if oid not in self._there:
                self._mark(oid)
        elif kind is not None or oid == self._objects.format.hash("tree", b""):
            below = tuple(named_by(self._objects, oid))
            yield oid, below
            yield from ((each, None) for each in below)
        elif oid not in self._there:
            self.missing[oid] = None
            self._partial.add(oid)

    def _is_known(self, oid: Oid) -> bool:
        return (
            oid in self._naming
            or oid in self._single
            or oid in self._partial
            or any(pack in self._packed and self._packed[pack][place] for pack, place in self._objects.copies(oid))
        )

    def _mark(self, oid: Oid) -> None:
        copy = next(self._objects.copies(oid), None)
        if copy is None:
            self._single[oid] = None
        else:
            self._packed.setdefault(copy[0], bytearray(copy[0].count))[copy[1]] = 1

    def _one_by_one(self) -> Iterator[Oid]:
        yield from self._single
        yield from (oid for oid, goes in self._naming.items() if goes)

    def __len__(self) -> int:
        """How many objects go."""
        return sum(marks.count(1) for marks in self._packed.values()) + sum(1 for _ in self._one_by_one())

    def measure(self) -> int:
        """About how many bytes the entries have."""
        packed = (length for pack, marks in self._packed.items() for place, _, length in pack.entries() if marks[place])
        return sum(packed) + sum(self._objects.size(oid) or 0 for oid in self._one_by_one())

    def entries(self) -> Iterator[PackEntry]:
        """Every object: blobs in the order of the disk, then the others behind all that they name."""
        for pack, marks in self._packed.items():
            yield from marked_entries(self._objects, pack, marks)
        for oid in self._one_by_one():
            found = self._objects.find(oid) or ("tree", b"")
            if self._objects.format.hash(*found) != oid:
                raise Damaged(f"object '{oid}' of the store is damaged", "run 'git datmo fsck --repair'")
            yield make_entry(oid, found[0], len(found[1]), deflate(found[1]))
