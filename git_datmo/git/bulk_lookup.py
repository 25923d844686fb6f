"""Look up many objects of a pack at once, with a few calls of C instead of a call for each
object."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import compress

from git_datmo.git.pack_file import Pack

# The number of ids that are compared at once.
WINDOW = 1 << 16
# If fewer than one in this many objects of a pack is wanted, each is searched for by itself.
RARE = 12
# A pack whose entries are smaller than this on average is mapped to read their types. Of other
# packs, single bytes are read.
DENSE = 8 << 10
BLOB_TYPE = 3
# The type of an entry, by the first byte of its header.
_TYPES = bytes(byte >> 4 & 7 for byte in range(256))


def find_all(pack: Pack, wanted: AbstractSet[bytes]) -> tuple[list[int], list[bytes]]:
    """Return the wanted objects that a pack has: their index positions and their ids."""
    indexes: list[int] = []
    found: list[bytes] = []
    if len(wanted) * RARE < pack.count:
        for oid in wanted:
            index = pack.index_of(oid)
            if index is not None:
                indexes.append(index)
                found.append(oid)
        return indexes, found
    for first in range(0, pack.count, WINDOW):
        ids = pack.ids(first, min(first + WINDOW, pack.count))
        is_wanted = bytes(map(wanted.__contains__, ids))
        indexes += compress(range(first, first + len(ids)), is_wanted)
        found += compress(ids, is_wanted)
    return indexes, found


def types_of(pack: Pack, indexes: Sequence[int], offsets: array[int]) -> bytes:
    """Return the type of each of some entries of a pack, as the first byte of its header.

    `indexes` are index positions, `offsets` those of the whole pack.
    """
    if not indexes:
        return b""
    if len(indexes) * RARE < pack.count or pack.size > DENSE * pack.count:
        return bytes(pack.head(offsets[index]).type for index in indexes)
    with (
        open(pack.path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        # The index may be damaged. `head` names the pack for an offset behind its end.
        if max(map(offsets.__getitem__, indexes)) >= len(content):
            return bytes(pack.head(offsets[index]).type for index in indexes)
        return bytes(map(content.__getitem__, map(offsets.__getitem__, indexes))).translate(_TYPES)
