"""Find the needed objects of a store: every object that some roots reach.

Each copy of each packed object takes a byte of memory, a small part of the size of the pack
indexes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from git_datmo.git.bulk_lookup import BLOB_TYPE, find_all, types_of
from git_datmo.git.object_encoding import (
    GITLINK,
    commit_parents,
    commit_tree,
    ids_in_tree,
    parse_tree,
)
from git_datmo.git.pack_entries import OBJECT_LIMIT
from git_datmo.git.pack_file import Pack
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import Oid

ABSENT, PLAIN, BLOB = 0, 1, 2
# Number of ids that are looked up together, about 100 MB of memory.
TOGETHER = 1 << 20


class NeededObjects:
    """Marks for objects of a store. Blobs have a mark of their own."""

    def __init__(self, objects: PackedObjects) -> None:
        self._objects = objects
        self.packs: dict[Pack, bytearray] = {
            pack: bytearray(pack.count) for pack in objects.packs()
        }
        self.loose: dict[Oid, int] = dict.fromkeys(objects.loose(), ABSENT)
        self._offsets: dict[Pack, array[int]] = {}

    def add(self, oid: Oid) -> str | None:
        """Mark every copy of an object and return its kind.

        Return None if it is missing or already marked.
        """
        copies = [(pack, index) for pack, index in self._objects.copies(oid) if pack in self.packs]
        marks = [self.packs[pack][index] for pack, index in copies]
        marks += [self.loose[oid]] if oid in self.loose else []
        # One marked copy shows that the object was followed before.
        if not marks or any(marks):
            return None
        # Use the actual kind of the object. A tree or record with a wrong kind in its entry would
        # hide the objects below.
        kind = self._objects.kind(oid)
        mark = BLOB if kind == "blob" else PLAIN
        for pack, index in copies:
            self.packs[pack][index] = mark
        if oid in self.loose:
            self.loose[oid] = mark
        return kind

    def add_all(self, wanted: AbstractSet[bytes]) -> list[Oid]:
        """Mark every copy of the objects; return those not marked before that may name others."""
        naming: dict[Oid, None] = {}
        for oid in [oid for oid, mark in self.loose.items() if not mark and oid in wanted]:
            self.loose[oid] = self._mark_of(oid, naming)
        for pack, marks in self.packs.items():
            indexes = [index for index in find_all(pack, wanted)[0] if not marks[index]]
            for index, kind in zip(
                indexes, types_of(pack, indexes, self._offsets_of(pack)), strict=True
            ):
                # Use the actual kind of the object, as in `add`.
                marks[index] = (
                    BLOB if kind == BLOB_TYPE else self._mark_of(Oid(pack.oid_at(index)), naming)
                )
        return list(naming)

    def _mark_of(self, oid: Oid, naming: dict[Oid, None]) -> int:
        """Return the mark for an object; add it to `naming` if it is not a blob."""
        if self._objects.kind(oid) == "blob":
            return BLOB
        naming[oid] = None
        return PLAIN

    def _offsets_of(self, pack: Pack) -> array[int]:
        """Return the offsets of a pack's entries by index position."""
        if pack not in self._offsets:
            self._offsets[pack] = pack.offsets()
        return self._offsets[pack]

    def __contains__(self, oid: Oid) -> bool:
        """Return True if a copy of the object is marked."""
        copies = ((pack, index) for pack, index in self._objects.copies(oid) if pack in self.packs)
        return any(self.packs[pack][index] for pack, index in copies) or bool(self.loose.get(oid))


def all_but(objects: PackedObjects, gone: NeededObjects, kept: NeededObjects) -> NeededObjects:
    """Return marks for all available objects, except blobs in `gone` but not in `kept`."""

    def left(one: int, other: int) -> int:
        """Return the mark of an object from its marks in `gone` and `kept`."""
        return ABSENT if one == BLOB and not other else PLAIN

    made = NeededObjects(objects)
    made.packs = {
        pack: bytearray(map(left, marks, kept.packs[pack])) for pack, marks in gone.packs.items()
    }
    made.loose = {oid: left(mark, kept.loose[oid]) for oid, mark in gone.loose.items()}
    return made


def reach(objects: PackedObjects, roots: Iterable[Oid], marks: NeededObjects) -> NeededObjects:
    """Mark all objects that can be reached from `roots`, and return `marks`.

    Missing objects are ignored.
    """
    waiting: set[bytes] = set(roots)
    naming: list[Oid] = []
    while waiting or naming:
        if not naming:
            naming, waiting = marks.add_all(waiting), set()
        # Trees are read until enough ids have come together for one lookup.
        while naming and len(waiting) < TOGETHER:
            waiting.update(named_ids(objects, naming.pop()))
        if naming:
            naming += marks.add_all(waiting)
            waiting = set()
    return marks


def named_ids(objects: PackedObjects, oid: Oid) -> Sequence[bytes]:
    """Return the ids that a tree or commit names directly; none if it is missing."""
    found = objects.find(oid, OBJECT_LIMIT)
    if found is None or found[0] not in ("tree", "commit"):
        return ()
    if found[0] == "tree":
        return ids_in_tree(found[1], objects.format)
    return commit_tree(found[1]), *commit_parents(found[1])


def named_by(objects: PackedObjects, oid: Oid) -> Iterator[Oid]:
    """Yield the ids that a tree or commit names directly.

    Submodules are skipped. A missing object names nothing.
    """
    found = objects.find(oid, OBJECT_LIMIT) if objects.kind(oid) in ("tree", "commit") else None
    if found is None:
        return
    if found[0] == "tree":
        yield from (
            entry.oid for entry in parse_tree(found[1], objects.format) if entry.mode != GITLINK
        )
    else:
        yield commit_tree(found[1])
        yield from commit_parents(found[1])
