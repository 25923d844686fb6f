"""What is needed of a store: every object that some roots lead to, as far as it is here.

A byte stands for each copy of each packed object, so that memory does not grow with what is stored, but with a small
part of its indexes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from git_datmo.git.bulk import BLOB_TYPE, find_all, types_of
from git_datmo.git.objects import GITLINK, commit_parents, commit_tree, parse_tree, split_tree
from git_datmo.git.packs import Pack, PackedObjects
from git_datmo.model import Oid

ABSENT, PLAIN, BLOB = 0, 1, 2
# Blobs that are looked for together: some 50 MB of their ids.
TOGETHER = 1 << 19


class Marks:
    """Which objects of a store are meant; what is marked as a blob is told from the rest."""

    def __init__(self, objects: PackedObjects) -> None:
        self._objects = objects
        self.packs: dict[Pack, bytearray] = {pack: bytearray(pack.count) for pack in objects.packs()}
        self.loose: dict[Oid, int] = dict.fromkeys(objects.loose(), ABSENT)
        self._offsets: dict[Pack, array[int]] = {}

    def add(self, oid: Oid) -> str | None:
        """Mark every copy of an object; its kind where it is here and was not marked."""
        copies = [(pack, place) for pack, place in self._objects.copies(oid) if pack in self.packs]
        marks = [self.packs[pack][place] for pack, place in copies]
        marks += [self.loose[oid]] if oid in self.loose else []
        if not marks or any(marks):
            return None
        # The kind is the object's own: a tree or record that takes it for another would hide what is below it.
        kind = self._objects.kind(oid)
        mark = BLOB if kind == "blob" else PLAIN
        for pack, place in copies:
            self.packs[pack][place] = mark
        if oid in self.loose:
            self.loose[oid] = mark
        return kind

    def add_blobs(self, wanted: AbstractSet[bytes]) -> list[Oid]:
        """Mark every copy of those objects that are blobs; return those that are something else and not marked."""
        others: list[Oid] = []
        for oid in [oid for oid, mark in self.loose.items() if not mark and oid in wanted]:
            if self._objects.kind(oid) == "blob":
                self.loose[oid] = BLOB
            else:
                others.append(oid)
        for pack, marks in self.packs.items():
            places = [place for place in find_all(pack, wanted)[0] if not marks[place]]
            for place, kind in zip(places, types_of(pack, places, self._offsets_of(pack)), strict=True):
                # A delta does not tell what it makes.
                if kind == BLOB_TYPE or self._objects.kind(Oid(pack.oid_at(place))) == "blob":
                    marks[place] = BLOB
                else:
                    others.append(Oid(pack.oid_at(place)))
        return others

    def _offsets_of(self, pack: Pack) -> array[int]:
        if pack not in self._offsets:
            self._offsets[pack] = pack.offsets()
        return self._offsets[pack]

    def __contains__(self, oid: Oid) -> bool:
        copies = ((pack, place) for pack, place in self._objects.copies(oid) if pack in self.packs)
        return any(self.packs[pack][place] for pack, place in copies) or bool(self.loose.get(oid))


def all_but(objects: PackedObjects, gone: Marks, kept: Marks) -> Marks:
    """Everything that is here less the blobs that are in `gone` and not in `kept`."""

    def left(one: int, other: int) -> int:
        return ABSENT if one == BLOB and not other else PLAIN

    made = Marks(objects)
    made.packs = {pack: bytearray(map(left, marks, kept.packs[pack])) for pack, marks in gone.packs.items()}
    made.loose = {oid: left(mark, kept.loose[oid]) for oid, mark in gone.loose.items()}
    return made


def reach(objects: PackedObjects, roots: Iterable[Oid], marks: Marks) -> Marks:
    """Mark all that `roots` lead to; what is not here is passed over."""
    stack: list[bytes] = list(roots)
    blobs: set[bytes] = set()
    while stack or blobs:
        if not stack or len(blobs) >= TOGETHER:
            stack += marks.add_blobs(blobs)
            blobs.clear()
        while stack and len(blobs) < TOGETHER:
            oid = Oid(stack.pop())
            kind = marks.add(oid)
            if kind in ("tree", "commit"):
                below, files = split_named(objects, oid)
                stack += below
                blobs.update(files)
    return marks


def split_named(objects: PackedObjects, oid: Oid) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Return what an object names itself: what should be trees and commits, and what should be blobs."""
    found = objects.find(oid)
    if found is None or found[0] not in ("tree", "commit"):
        return (), ()
    if found[0] == "tree":
        return split_tree(found[1], objects.format)
    return (commit_tree(found[1]), *commit_parents(found[1])), ()


def named_by(objects: PackedObjects, oid: Oid) -> Iterator[Oid]:
    """The objects that an object names itself; none where it is not here."""
    found = objects.find(oid) if objects.kind(oid) in ("tree", "commit") else None
    if found is None:
        return
    if found[0] == "tree":
        yield from (entry.oid for entry in parse_tree(found[1], objects.format) if entry.mode != GITLINK)
    else:
        yield commit_tree(found[1])
        yield from commit_parents(found[1])
