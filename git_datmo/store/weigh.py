"""How much of a store each of several groups of roots takes up, what they share counted once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from git_datmo.git.odb import loose_path
from git_datmo.git.packs import Pack, PackedObjects
from git_datmo.model import Oid
from git_datmo.store.reach import named_by

NOBODY, SEVERAL = 0, -1


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes in the store, as they are packed: what each group alone leads to, and what several do."""

    own: dict[str, int]
    shared: int

    @property
    def total(self) -> int:
        return sum(self.own.values()) + self.shared


class _Owners:
    """Whose each object is: a number for the first copy of each."""

    def __init__(self, objects: PackedObjects) -> None:
        self._objects = objects
        self._packs = {pack: array("i", bytes(4 * pack.count)) for pack in objects.packs()}
        self._loose: dict[Oid, int] = dict.fromkeys(objects.loose(), NOBODY)

    def claim(self, oid: Oid, number: int) -> bool:
        """Let `number` have an object too; whether that was news."""
        copy = next(((pack, place) for pack, place in self._objects.copies(oid) if pack in self._packs), None)
        if copy is None and oid not in self._loose:
            return False
        owner = self._loose[oid] if copy is None else self._packs[copy[0]][copy[1]]
        # What several lead to was followed for each of them: all below it is several's too.
        if owner in (number, SEVERAL):
            return False
        new = number if owner == NOBODY else SEVERAL
        if copy is None:
            self._loose[oid] = new
        else:
            self._packs[copy[0]][copy[1]] = new
        return True

    def sums(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for pack, owners in self._packs.items():
            self._add(pack, owners, found)
        for oid, owner in self._loose.items():
            if owner != NOBODY:
                found[owner] = found.get(owner, 0) + loose_path(self._objects.folder, oid).stat().st_size
        return found

    def _add(self, pack: Pack, owners: array[int], found: dict[int, int]) -> None:
        for place, _, length in pack.entries():
            owner = owners[place]
            if owner != NOBODY:
                found[owner] = found.get(owner, 0) + length


def weigh(objects: PackedObjects, groups: Mapping[str, Iterable[Oid]]) -> Weights:
    """What each group of roots leads to, as far as it is here."""
    owners = _Owners(objects)
    for number, roots in enumerate(groups.values(), 1):
        stack = list(roots)
        while stack:
            oid = stack.pop()
            if owners.claim(oid, number):
                stack += named_by(objects, oid)
    sums = owners.sums()
    own = {name: sums.get(number, 0) for number, name in enumerate(groups, 1)}
    return Weights(own, sums.get(SEVERAL, 0))
