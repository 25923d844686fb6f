"""One stage of storing a file, on one thread: `python -m benchmarks.stage_command STAGE FILE
TARGET`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from itertools import cycle, pairwise

from isal import isal_zlib
from xxhash import xxh3_128

from git_datmo.git.deflate import deflate
from git_datmo.model import SHA1
from git_datmo.objects import chunks

BLOCK = 1 << 20


def blocks(path: str) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(BLOCK))
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            yield buffer[:count]


def read(path: str, _: str) -> None:
    for _block in blocks(path):
        pass


def chunked(path: str) -> Iterator[chunks.ChunkBlock]:
    memory = cycle([memoryview(bytearray(chunks.BLOCK)) for _ in range(2)])
    with open(path, "rb", buffering=0) as file:
        yield from chunks.split(lambda view: file.readinto(view) or 0, lambda: next(memory))


def cut(path: str, _: str) -> None:
    for _block in chunked(path):
        pass


def sha1(path: str, _: str) -> None:
    digest = SHA1.new_hash()
    for block in blocks(path):
        digest.update(block)


def crc32(path: str, _: str) -> None:
    value = 0
    for block in blocks(path):
        value = isal_zlib.crc32(block, value)


def pack(path: str, _: str) -> None:
    """Deflate, or store with an Adler-32 where that does not pay."""
    for block in chunked(path):
        for start, end in pairwise((0, *block.ends)):
            deflate(block.data[start:end])


def xxh3(path: str, _: str) -> None:
    digest = xxh3_128()
    for block in blocks(path):
        digest.update(block)


def write(path: str, target: str) -> None:
    with open(target, "wb", buffering=0) as file:
        file.writelines(blocks(path))
        os.fsync(file.fileno())
    os.unlink(target)


STAGES: dict[str, Callable[[str, str], None]] = {
    "read": read,
    "read, cut": cut,
    "read, SHA-1": sha1,
    "read, CRC-32": crc32,
    "read, XXH3": xxh3,
    "read, cut, deflate": pack,
    "read, write, fsync": write,
}


if __name__ == "__main__":
    STAGES[sys.argv[1]](sys.argv[2], sys.argv[3])
