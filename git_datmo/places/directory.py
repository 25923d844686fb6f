"""Which of many packs may hold an object: eight bytes an object, looked up by bisection."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from git_datmo.git.packs import Pack

# The first bits of an id stand above the number of its pack.
PACK_BITS = 24
_MASK = (1 << PACK_BITS) - 1


class Directory:
    """The ids of `packs`, in one order; equal beginnings of ids are told apart by the packs themselves."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        self._packs = packs
        self._keys = array("Q", sorted(key for number, pack in enumerate(packs) for key in _keys(pack, number)))

    def find(self, oid: bytes) -> Iterator[tuple[Pack, int]]:
        """Every pack that holds `oid`, with its place in the pack's index."""
        start = int.from_bytes(oid[:8], "big") & ~_MASK
        first = at = bisect_left(self._keys, start)
        while at < len(self._keys) and self._keys[at] & ~_MASK == start:
            # Two ids of one pack may begin alike.
            if at == first or self._keys[at] != self._keys[at - 1]:
                pack = self._packs[self._keys[at] & _MASK]
                place = pack.place(oid)
                if place is not None:
                    yield pack, place
            at += 1


def _keys(pack: Pack, number: int) -> Iterator[int]:
    for (start,) in struct.iter_unpack(f">Q{pack.width - 8}x", pack.oids()):
        yield start & ~_MASK | number
