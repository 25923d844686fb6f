"""Questions about many objects of a pack at once: a few calls of C in place of one call for each object."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import compress

from git_datmo.git.packs import Pack

# So many ids are looked at together.
WINDOW = 1 << 16
# Where fewer than one of so many objects of a pack is wanted, each is searched for by itself.
RARE = 12
# A pack whose entries are smaller than this on average is mapped to read their types; of another few bytes are read.
DENSE = 8 << 10
BLOB_TYPE = 3


def places_of(pack: Pack, wanted: AbstractSet[bytes]) -> list[int]:
    """Return where those of the objects stand in the index of a pack that the pack has."""
    if len(wanted) * RARE < pack.count:
        found = (pack.place(oid) for oid in wanted)
        return [place for place in found if place is not None]
    places: list[int] = []
    for first in range(0, pack.count, WINDOW):
        ids = pack.ids(first, min(first + WINDOW, pack.count))
        places += compress(range(first, first + len(ids)), map(wanted.__contains__, ids))
    return places


def types_of(pack: Pack, places: Sequence[int], offsets: array[int]) -> bytes:
    """Return the type of each entry at these places of a pack, as its first byte says; `offsets` are the pack's."""
    if not places:
        return b""
    if len(places) * RARE < pack.count or pack.size > DENSE * pack.count:
        return bytes(pack.head(offsets[place]).type for place in places)
    with open(pack.path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = len(content)
        return bytes(content[at] >> 4 & 7 if at < end else 0 for at in map(offsets.__getitem__, places))
