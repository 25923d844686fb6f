"""Measure the disk space of a store by group of roots.

Space that several groups share is counted once. Several views of the same roots, for example by
payload and by snapshot, are measured in a single walk.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

from git_datmo.git.bulk_lookup import BLOB_TYPE, find_all, types_of
from git_datmo.git.object_database import loose_path
from git_datmo.git.pack_file import Pack
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import Oid
from git_datmo.objects.reachability import TOGETHER, named_ids

# Groups are numbered from 1 on.
NO_VIEW, SEVERAL = 0, -1
# For at most this many owners, sum each owner separately, which is faster.
FEW = 4
Groups = Mapping[str, Iterable[Oid]]
# The number of a group in each view.
Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes in the store, as packed.

    `own` counts, by group, the objects that only this group reaches. `shared` counts all others.
    """

    own: dict[str, int]
    shared: int

    @property
    def total(self) -> int:
        """Return the bytes of all groups and of the shared objects."""
        return sum(self.own.values()) + self.shared


def _joined(old: int, number: int) -> int:
    """Return the owner of an object after the group `number` has reached it too.

    `old` is its owner before.
    """
    if number == NO_VIEW:
        return old
    return number if old in (NO_VIEW, number) else SEVERAL


@dataclass(slots=True)
class _Owned:
    """Pack with the owner of each of its objects, by view and index position."""

    pack: Pack
    offsets: array[int]
    owners: list[array[int]]
    _lengths: array[int] = field(default_factory=lambda: array("Q"))

    def lengths(self) -> array[int]:
        """Return the length of each entry in bytes, by index position."""
        if not self._lengths:
            self._lengths = self.pack.lengths()
        return self._lengths

    def sums(self, view: int) -> Iterator[tuple[int, int]]:
        """Yield owners with numbers of bytes; an owner may occur more than once."""
        owners, lengths = self.owners[view], self.lengths()
        different = set(owners)
        if len(different) > FEW:
            yield from zip(owners, lengths, strict=True)
            return
        for owner in different:
            yield owner, sum(compress(lengths, map(owner.__eq__, owners)))

    def claim(self, index: int, numbers: Numbers) -> bool:
        """Add groups as owners of an object; return True if an owner changed."""
        changed = False
        for owners, number in zip(self.owners, numbers, strict=True):
            old = owners[index]
            if old not in (number, SEVERAL) and number != NO_VIEW:
                owners[index] = _joined(old, number)
                changed = True
        return changed

    def claim_all(self, indexes: Sequence[int], numbers: Numbers) -> None:
        """Add groups as owners of several objects."""
        for owners, number in zip(self.owners, numbers, strict=True):
            for index in indexes if number != NO_VIEW else ():
                old = owners[index]
                if old != number:
                    owners[index] = SEVERAL if old else number


@dataclass(slots=True)
class _Owners:
    """Owners of all objects of a store: group numbers for the first copy of each object."""

    objects: PackedObjects
    views: int
    packs: dict[Pack, _Owned] = field(init=False)
    loose: dict[Oid, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        unowned = [NO_VIEW] * self.views
        self.packs = {
            pack: _Owned(pack, pack.offsets(), [array("i", bytes(4 * pack.count)) for _ in unowned])
            for pack in self.objects.packs()
        }
        self.loose = {oid: list(unowned) for oid in self.objects.loose()}

    def _claim_loose(self, oid: Oid, numbers: Numbers) -> bool:
        """Add groups as owners of a loose object; return True if an owner changed."""
        before = self.loose[oid]
        self.loose[oid] = [
            _joined(old, number) for old, number in zip(before, numbers, strict=True)
        ]
        return self.loose[oid] != before

    def claim_all(self, left: set[bytes], numbers: Numbers) -> list[Oid]:
        """Add groups as owners of objects.

        Return the objects with a new owner that may name other objects. Objects found in a pack are
        removed from `left`, since only the first copy counts.
        """
        others = list[Oid]()
        for owned in self.packs.values():
            indexes, ids = find_all(owned.pack, left)
            kinds = types_of(owned.pack, indexes, owned.offsets)
            owned.claim_all(list(compress(indexes, map(BLOB_TYPE.__eq__, kinds))), numbers)
            for oid, index, kind in (
                zip(ids, indexes, kinds, strict=True) if kinds.count(BLOB_TYPE) < len(kinds) else ()
            ):
                # The kind of a delta is unknown, so treat it like a tree. A blob names no objects.
                if kind != BLOB_TYPE and owned.claim(index, numbers):
                    others.append(Oid(oid))
            left.difference_update(ids)
        others += [oid for oid in self.loose if oid in left and self._claim_loose(oid, numbers)]
        return others

    def weights(self, view: int, groups: Groups) -> Weights:
        """Return the weights of the groups of a view."""
        found: defaultdict[int, int] = defaultdict(int)
        for owned in self.packs.values():
            for owner, size in owned.sums(view):
                found[owner] += size
        for oid, owners in self.loose.items():
            found[owners[view]] += loose_path(self.objects.folder, oid).stat().st_size
        own = {name: found.get(number, 0) for number, name in enumerate(groups, 1)}
        return Weights(own, found.get(SEVERAL, 0))


def weigh(objects: PackedObjects, *views: Groups) -> tuple[Weights, ...]:
    """Return, for each view, the weights of its groups of roots.

    Missing objects are ignored.
    """
    owners = _Owners(objects, len(views))
    for numbers, roots in _combined(views).items():
        _walk(objects, owners, roots, numbers)
    return tuple(owners.weights(view, groups) for view, groups in enumerate(views))


def _combined(views: Sequence[Groups]) -> dict[Numbers, list[Oid]]:
    """Return the roots grouped by the groups that they belong to in every view."""
    found: dict[Oid, list[int]] = {}
    for view, groups in enumerate(views):
        for number, roots in enumerate(groups.values(), 1):
            for root in roots:
                numbers = found.setdefault(root, [NO_VIEW] * len(views))
                numbers[view] = _joined(numbers[view], number)
    combined: dict[Numbers, list[Oid]] = {}
    for root, numbers in found.items():
        combined.setdefault(tuple(numbers), []).append(root)
    return combined


def _walk(objects: PackedObjects, owners: _Owners, roots: Iterable[Oid], numbers: Numbers) -> None:
    """Add groups as owners of all objects that `roots` reach."""
    waiting: set[bytes] = set(roots)
    naming: list[Oid] = []
    while waiting or naming:
        if not naming:
            # An object with several owners was already followed for each of them, so all objects
            # below it have several owners too. `claim_all` does not return it.
            naming, waiting = owners.claim_all(waiting, numbers), set()
        while naming and len(waiting) < TOGETHER:
            waiting.update(named_ids(objects, naming.pop()))
        if naming:
            naming += owners.claim_all(waiting, numbers)
            waiting = set()
