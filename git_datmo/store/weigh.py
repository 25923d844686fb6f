"""How much of a store each of several groups of roots takes up, what they share counted once.

Several views of the same roots, such as by payload and by snapshot, are weighed in one walk.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import compress

from git_datmo.git.bulk import BLOB_TYPE, find_all, types_of
from git_datmo.git.odb import loose_path
from git_datmo.git.packs import Pack, PackedObjects
from git_datmo.model import Oid
from git_datmo.store.reach import TOGETHER, split_named

NOBODY, SEVERAL = 0, -1
Groups = Mapping[str, Iterable[Oid]]
# The number of a group in each view.
Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes in the store, as they are packed: what each group alone leads to, and what several do."""

    own: dict[str, int]
    shared: int

    @property
    def total(self) -> int:
        return sum(self.own.values()) + self.shared


def _joined(old: int, number: int) -> int:
    """Return whose an object is that was somebody's and that `number` leads to, too."""
    if number == NOBODY:
        return old
    return number if old in (NOBODY, number) else SEVERAL


@dataclass(slots=True)
class _Owned:
    """A pack, and whose each of its objects is, by view and place."""

    pack: Pack
    offsets: array[int]
    owners: list[array[int]]
    _lengths: array[int] = field(default_factory=lambda: array("Q"))

    def lengths(self) -> array[int]:
        """Return the bytes of each entry, by its place."""
        if not self._lengths:
            self._lengths = array("Q", bytes(8 * self.pack.count))
            for place, _, length in self.pack.entries():
                self._lengths[place] = length
        return self._lengths

    def claim(self, place: int, numbers: Numbers) -> bool:
        changed = False
        for owners, number in zip(self.owners, numbers, strict=True):
            old = owners[place]
            if old not in (number, SEVERAL) and number != NOBODY:
                owners[place] = _joined(old, number)
                changed = True
        return changed

    def claim_all(self, places: Sequence[int], numbers: Numbers) -> None:
        for owners, number in zip(self.owners, numbers, strict=True):
            for place in places if number != NOBODY else ():
                old = owners[place]
                if old != number:
                    owners[place] = SEVERAL if old else number


@dataclass(slots=True)
class _Owners:
    """Whose each object is: the numbers of its groups, for the first copy of each."""

    objects: PackedObjects
    views: int
    packs: dict[Pack, _Owned] = field(init=False)
    loose: dict[Oid, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        nobody = [NOBODY] * self.views
        self.packs = {
            pack: _Owned(pack, pack.offsets(), [array("i", bytes(4 * pack.count)) for _ in nobody])
            for pack in self.objects.packs()
        }
        self.loose = {oid: list(nobody) for oid in self.objects.loose()}

    def claim(self, oid: Oid, numbers: Numbers) -> bool:
        """Let groups have an object too; tell whether that is news."""
        copy = next(((pack, place) for pack, place in self.objects.copies(oid) if pack in self.packs), None)
        if copy is not None:
            # What several lead to was followed for each of them: all below it is several's too.
            return self.packs[copy[0]].claim(copy[1], numbers)
        return oid in self.loose and self._claim_loose(oid, numbers)

    def _claim_loose(self, oid: Oid, numbers: Numbers) -> bool:
        before = self.loose[oid]
        self.loose[oid] = [_joined(old, number) for old, number in zip(before, numbers, strict=True)]
        return self.loose[oid] != before

    def claim_blobs(self, wanted: AbstractSet[bytes], numbers: Numbers) -> list[Oid]:
        """Let groups have those objects that are blobs; return those that are something else."""
        left, others = set(wanted), list[Oid]()
        for owned in self.packs.values():
            places, ids = find_all(owned.pack, left)
            kinds = types_of(owned.pack, places, owned.offsets)
            owned.claim_all(list(compress(places, map(BLOB_TYPE.__eq__, kinds))), numbers)
            others += map(Oid, compress(ids, map(BLOB_TYPE.__ne__, kinds)))
            left.difference_update(ids)
        others += (oid for oid in self.loose if oid in left)
        return others

    def weights(self, view: int, groups: Groups) -> Weights:
        found: defaultdict[int, int] = defaultdict(int)
        for owned in self.packs.values():
            for owner, length in zip(owned.owners[view], owned.lengths(), strict=True):
                found[owner] += length
        for oid, owners in self.loose.items():
            found[owners[view]] += loose_path(self.objects.folder, oid).stat().st_size
        own = {name: found.get(number, 0) for number, name in enumerate(groups, 1)}
        return Weights(own, found.get(SEVERAL, 0))


def weigh(objects: PackedObjects, *views: Groups) -> tuple[Weights, ...]:
    """Return, for each view, what each of its groups of roots leads to, as far as it is here."""
    owners = _Owners(objects, len(views))
    for numbers, roots in _combined(views).items():
        _walk(objects, owners, roots, numbers)
    return tuple(owners.weights(view, groups) for view, groups in enumerate(views))


def _combined(views: Sequence[Groups]) -> dict[Numbers, list[Oid]]:
    """Return the roots that are the same groups' in every view, by the numbers of these groups."""
    found: dict[Oid, list[int]] = {}
    for view, groups in enumerate(views):
        for number, roots in enumerate(groups.values(), 1):
            for root in roots:
                numbers = found.setdefault(root, [NOBODY] * len(views))
                numbers[view] = _joined(numbers[view], number)
    combined: dict[Numbers, list[Oid]] = {}
    for root, numbers in found.items():
        combined.setdefault(tuple(numbers), []).append(root)
    return combined


def _walk(objects: PackedObjects, owners: _Owners, roots: Iterable[Oid], numbers: Numbers) -> None:
    """Let groups have all that some roots lead to."""
    stack: list[bytes] = list(roots)
    blobs: set[bytes] = set()
    while stack or blobs:
        if not stack or len(blobs) >= TOGETHER:
            # A tree may take another for a blob, which is followed nevertheless.
            stack += owners.claim_blobs(blobs, numbers)
            blobs.clear()
        while stack and len(blobs) < TOGETHER:
            oid = Oid(stack.pop())
            if owners.claim(oid, numbers):
                below, files = split_named(objects, oid)
                stack += below
                blobs.update(files)
