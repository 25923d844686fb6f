"""Content-defined chunking of files.

The same bytes are cut at the same offsets on every machine and in every version. Uses FastCDC (Xia
et al., 2020) with normalised chunking level 1 and no seed, compatible with `pyfastcdc` and
`fastcdc-rs`. The constants are part of the format (`docs/FORMAT.md`), and test vectors verify them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

MIN_SIZE = 64 << 10
AVERAGE_SIZE = 256 << 10
MAX_SIZE = 1 << 20
NORMALISATION: Literal[1] = 1
SEED = 0

# A file up to this size is stored as a single blob, a larger file as a tree of chunks.
WHOLE_LIMIT = MAX_SIZE

BLOCK = 8 << 20


@dataclass(frozen=True, slots=True)
class ChunkBlock:
    """Region of a file in memory, and the end offsets of its chunks.

    The first chunk begins at offset 0.
    """

    data: memoryview
    ends: tuple[int, ...]


def split(
    readinto: Callable[[memoryview], int], memory: Callable[[], memoryview]
) -> Iterator[ChunkBlock]:
    """Cut the data that `readinto` returns into chunks and yield them in blocks.

    `memory` must return another buffer of `BLOCK` bytes for each block, so that a block can be
    processed while the next is read. The end of a buffer is read again after its block is yielded,
    since the next block may begin with that data.
    """
    from pyfastcdc import FastCDC

    cutter = FastCDC(
        avg_size=AVERAGE_SIZE,
        min_size=MIN_SIZE,
        max_size=MAX_SIZE,
        normalized_chunking=NORMALISATION,
        seed=SEED,
    )
    rest: memoryview | bytes = b""
    while True:
        buffer = memory()
        filled = len(rest)
        # The data that was not cut moves to the front of the next buffer.
        buffer[:filled] = rest
        at_end = False
        while filled < BLOCK and not at_end:
            count = readinto(buffer[filled:])
            filled += count
            at_end = count == 0
        ends = []
        for chunk in cutter.cut_buf(buffer[:filled]):
            # Within MAX_SIZE of the end of the buffer, more bytes could move a cut, so wait for
            # them.
            if not at_end and chunk.offset + MAX_SIZE > filled:
                break
            ends.append(chunk.offset + chunk.length)
        done = ends[-1] if ends else 0
        if ends:
            yield ChunkBlock(buffer[:done], tuple(ends))
        if at_end:
            return
        rest = buffer[done:filled]
