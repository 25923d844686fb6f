"""Define the content of the vectors, as described in `docs/FORMAT.md`."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

from git_datmo.objects import chunks
from tests.support.independent_objects import Writer, stream

KIB = 1024

# Content to cut. `tail` matches the mask at its last byte, whose offset is even: a byte without a
# pair is not examined.
INPUTS = {
    "a": stream("a", 3072 * KIB),
    "limit": stream("limit", 1024 * KIB + 1),
    "odd": stream("odd", 2048 * KIB + 777),
    "zeros": bytes(2_500_000),
    "tail": bytes(64 * KIB) + stream("tail-540691", 65),
}

FOLDERS: dict[str, dict[bytes, Any]] = {
    "empty": {},
    "small": {
        b"a": b"a\n",
        b"run.sh": ("executable", b"#!/bin/sh\n"),
        b"link": ("link", b"a"),
        b"hollow": {},
        b"sub": {b"b": b""},
    },
    "names": {
        **dict.fromkeys(
            [
                b"x.datmo-file",
                b"X.DATMO-PART",
                b"x.datmo-name",
                b".gitattributes",
                b"GIT",
                b".mailmap",
            ],
            b"",
        ),
        **dict.fromkeys([b"x.datmo-9", b"a\nb", b"\xff", b"legit"], b""),
        b"y.datmo-exec": {},
    },
    "chunked": {
        b"big": stream("big", 1536 * KIB),
        b"tool": ("executable", stream("tool", 1100 * KIB)),
    },
    "256 files": {b"%d" % number: b"%d" % number for number in range(256)},
    "257 files": {b"%d" % number: b"%d" % number for number in range(257)},
    "5000 files": {b"%d" % number: b"%d" % number for number in range(5000)},
}


def chunk_list(writer: Writer, count: int) -> list[tuple[str, int]]:
    """Return chunks for a tree: chunk N is the blob of N in decimal, of an assumed size of 65536 +
    N bytes."""
    return [(writer.put("blob", b"%d" % number), 65536 + number) for number in range(count)]


def product_cuts(data: bytes) -> list[int]:
    """Return the lengths of the chunks that git-datmo makes of `data`."""
    blocks = chunks.split(io.BytesIO(data).readinto, lambda: memoryview(bytearray(chunks.BLOCK)))
    return [end - start for block in blocks for start, end in pairwise((0, *block.ends))]
