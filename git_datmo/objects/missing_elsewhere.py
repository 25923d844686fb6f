"""Find the objects that a remote or backend is missing.

They are ordered so that each object follows all objects that it names.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from git_datmo.errors import Damaged
from git_datmo.git.deflate import deflate
from git_datmo.git.pack_file import Pack
from git_datmo.git.pack_writer import PackEntry, make_entry
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import Oid
from git_datmo.objects.compaction import marked_entries
from git_datmo.objects.reachability import named_by


class Outgoing:
    """Objects to send: those that added roots reach and that the target is missing.

    `there` contains the objects of the target, each complete with all objects that it names. So
    objects below are skipped, unless `deep` is set because the target may have lost objects.
    `missing` are objects that are not available locally either. An object that names a missing
    object is not sent.
    """

    def __init__(
        self, objects: PackedObjects, there: Container[bytes], *, deep: bool = False
    ) -> None:
        self._objects = objects
        self._there = there
        self._deep = deep
        # Marks for the first copy of each blob, a byte each, so that memory does not hold their
        # ids.
        self._packed: dict[Pack, bytearray] = {}
        self._single: dict[Oid, None] = {}
        # Trees and commits in sending order, each with True if it must be sent.
        self._naming: dict[Oid, bool] = {}
        self._partial: set[Oid] = set()
        self.missing: dict[Oid, None] = {}

    def add(self, root: Oid) -> bool:
        """Add all objects that `root` reaches and the target is missing.

        Return False if any of them is not available locally.
        """
        # A stack in place of recursion, since trees may be nested deeply.
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
        """Yield the stack items for an object: the object with its children, then each child.

        Yield nothing if the object is known or needs no children.
        """
        if self._is_known(oid) or (oid in self._there and not self._deep):
            return
        # Use the actual kind of the object. A tree with a wrong kind in its entry would hide the
        # objects below.
        kind = self._objects.kind(oid)
        if kind == "blob":
            if oid not in self._there:
                self._mark(oid)
        # Stores never have the empty tree, which is sent from its known content.
        elif kind is not None or oid == self._objects.format.hash("tree", b""):
            below = tuple(named_by(self._objects, oid))
            # The object is pushed before its children, so it comes up again after them.
            yield oid, below
            yield from ((each, None) for each in below)
        elif oid not in self._there:
            self.missing[oid] = None
            self._partial.add(oid)

    def _is_known(self, oid: Oid) -> bool:
        """Return True if the object was handled before."""
        return (
            oid in self._naming
            or oid in self._single
            or oid in self._partial
            or any(
                pack in self._packed and self._packed[pack][index]
                for pack, index in self._objects.copies(oid)
            )
        )

    def _mark(self, oid: Oid) -> None:
        """Mark a blob to be sent."""
        copy = next(self._objects.copies(oid), None)
        if copy is None:
            self._single[oid] = None
        else:
            self._packed.setdefault(copy[0], bytearray(copy[0].count))[copy[1]] = 1

    def _one_by_one(self) -> Iterator[Oid]:
        """Yield the objects to send that are not marked in a pack.

        Loose blobs come first, then trees and commits.
        """
        yield from self._single
        yield from (oid for oid, goes in self._naming.items() if goes)

    def __len__(self) -> int:
        """Return the number of objects to send."""
        return sum(marks.count(1) for marks in self._packed.values()) + sum(
            1 for _ in self._one_by_one()
        )

    def measure(self) -> int:
        """Return the approximate size of the entries in bytes."""
        packed = (
            length
            for pack, marks in self._packed.items()
            for index, _, length in pack.entries()
            if marks[index]
        )
        return sum(packed) + sum(self._objects.size(oid) or 0 for oid in self._one_by_one())

    def entries(self) -> Iterator[PackEntry]:
        """Yield the entries to send, each after all objects that it names.

        Blobs come first, in pack order. Raises `Damaged` if a tree, commit or loose blob does not
        match its id.
        """
        # Blobs name nothing, so they can all come first.
        for pack, marks in self._packed.items():
            yield from marked_entries(self._objects, pack, marks)
        for oid in self._one_by_one():
            found = self._objects.find(oid) or ("tree", b"")
            if self._objects.format.hash(*found) != oid:
                raise Damaged(
                    f"object '{oid}' of the store is damaged", "run 'git datmo fsck --repair'"
                )
            yield make_entry(oid, found[0], len(found[1]), deflate(found[1]))
