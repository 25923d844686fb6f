"""Find the packs that contain an object, among many packs.

Lookup is a binary search in a table of 8 bytes per object.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from git_datmo.git.pack_file import Pack

# A key has the first bits of an id above the number of its pack.
PACK_BITS = 24
_MASK = (1 << PACK_BITS) - 1


class Directory:
    """Sorted table of the ids of `packs`.

    Ids with an equal prefix are compared in the packs themselves.
    """

    def __init__(self, packs: Sequence[Pack]) -> None:
        self._packs = packs
        self._keys = array(
            "Q", sorted(key for number, pack in enumerate(packs) for key in _keys(pack, number))
        )

    def find(self, oid: bytes) -> Iterator[tuple[Pack, int]]:
        """Yield every pack that contains `oid`, with its index position."""
        # The low bits have the number of the pack, so ids are compared without them.
        start = int.from_bytes(oid[:8], "big") & ~_MASK
        first = at = bisect_left(self._keys, start)
        while at < len(self._keys) and self._keys[at] & ~_MASK == start:
            # Two ids of the same pack may have the same prefix.
            if at == first or self._keys[at] != self._keys[at - 1]:
                pack = self._packs[self._keys[at] & _MASK]
                place = pack.index_of(oid)
                if place is not None:
                    yield pack, place
            at += 1


def _keys(pack: Pack, number: int) -> Iterator[int]:
    """Yield the keys of all ids of a pack."""
    for (start,) in struct.iter_unpack(f">Q{pack.width - 8}x", pack.oids()):
        yield start & ~_MASK | number
