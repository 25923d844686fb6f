"""Content-defined chunks: the same bytes are cut at the same places on every machine, for ever.

FastCDC (Xia et al., 2020) with normalised chunking level 1 and no seed, as `pyfastcdc` and `fastcdc-rs` cut. The
constants belong to the format; `docs/FORMAT.md` has them and vectors pin them.
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

# A file up to this size is one blob; a larger one is a tree of chunks.
WHOLE_LIMIT = MAX_SIZE

BLOCK = 8 << 20


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a file in memory, with the ends of the chunks that lie in it, from `start` on."""

    data: memoryview
    ends: tuple[int, ...]


def split(readinto: Callable[[memoryview], int], memory: Callable[[], memoryview]) -> Iterator[Block]:
    """Cut what `readinto` delivers. Each block lies in `memory` of its own, of `BLOCK` bytes, so that it may be worked
    on while the next is read; the end of one is read once more after that, where the next block begins with it.
    """
    from pyfastcdc import FastCDC

    cutter = FastCDC(
        avg_size=AVERAGE_SIZE, min_size=MIN_SIZE, max_size=MAX_SIZE, normalized_chunking=NORMALISATION, seed=SEED
    )
    rest: memoryview | bytes = b""
    while True:
        buffer = memory()
        filled = len(rest)
        buffer[:filled] = rest
        at_end = False
        while filled < BLOCK and not at_end:
            count = readinto(buffer[filled:])
            filled += count
            at_end = count == 0
        ends = []
        for chunk in cutter.cut_buf(buffer[:filled]):
            # Where less than a largest chunk is left, more bytes could move the cut: it waits for them.
            if not at_end and chunk.offset + MAX_SIZE > filled:
                break
            ends.append(chunk.offset + chunk.length)
        done = ends[-1] if ends else 0
        if ends:
            yield Block(buffer[:done], tuple(ends))
        if at_end:
            return
        rest = buffer[done:filled]
