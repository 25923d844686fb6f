"""What a push will send, known before it is sent, and divided so that no push is larger than a host takes.

Only blobs are divided: they are nearly all there is, and they name nothing, so that any of them can be kept alone. In
the order of their packs they are read from end to end. Trees follow with what names them.

A fetch is divided likewise, into what was shared together as far as that can be told: a host keeps each push as a pack
of its own, and git looks for deltas between objects of different packs, at great length where there are none, and at
none within a pack.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile

from git_datmo.git.packs import KINDS, Pack, PackedObjects
from git_datmo.git.run import Git
from git_datmo.model import Oid
from git_datmo.store.handover import mark_one
from git_datmo.store.reach import Marks
from git_datmo.store.store import Store

# A slice is a twentieth of a share, so that a share that is cut off loses little; within bounds, since each slice is a
# connection and a pack, and far below what any known host takes.
SLICES = 20
LEAST, MOST = 32 << 20, 512 << 20
# As many as two levels of a part can name.
SLICE_OBJECTS = 256 * 256
# What naming a blob takes beside it.
NAME_SIZE = 40


@dataclass(frozen=True, slots=True)
class Slice:
    """Blobs that go together, and their bytes as they are packed."""

    blobs: tuple[Oid, ...]
    size: int


def part_of_all(total: int) -> int:
    """At most how many bytes of `total` go together."""
    return min(max(total // SLICES, LEAST), MOST)


@dataclass(frozen=True, slots=True)
class Load:
    """What a push sends: `payload` is in the store, `ties` are commits and their own trees, in a scratch repository."""

    payload: Marks
    ties: tuple[Oid, ...]


def find_load(store: Store, git: Git, tip: Oid, there: Iterable[Oid]) -> Load | None:
    """Return the objects that `tip` leads to beyond the commits `there`; None where something of them is lacking.

    `git` sees the store and these commits.
    """
    argv = ("rev-list", "--objects", "--no-object-names", "--stdin")
    payload, ties = Marks(store.objects), list[Oid]()
    with TemporaryFile() as stdin:
        stdin.write("\n".join([str(tip), *(f"^{oid}" for oid in there), ""]).encode())
        stdin.seek(0)
        with git.start(*argv, stdin=stdin, stderr=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            for line in child.stdout:
                oid = Oid.fromhex(line.decode().rstrip())
                if not mark_one(store.objects, payload, oid):
                    ties.append(oid)
    return Load(payload, tuple(ties)) if child.returncode == 0 else None


def take_out(objects: PackedObjects, load: Marks, blobs: Iterable[Oid]) -> bool:
    """Take blobs out of a load, and say whether any of them was in it."""
    found = False
    for blob in blobs:
        for pack, place in objects.copies(blob):
            mark = load.packs.get(pack)
            found = found or bool(mark and mark[place])
            if mark:
                mark[place] = 0
    return found


def weigh_load(load: Marks) -> int:
    """The bytes of packed objects, as they are packed."""
    return sum(length for pack, mark in load.packs.items() for _, _, length in _marked(pack, mark))


def divide(objects: PackedObjects, load: Marks, most: int) -> Iterator[Slice]:
    """The blobs of a load, in slices of up to `most` bytes with all that names them; a blob is never divided.

    Packs come in the order in which they were written, so that what is next to each other in a file stays together.
    """
    return _cut(_packed_blobs(objects, load), most)


def divide_wanted(blobs: Mapping[Oid, int], total: int) -> Iterator[Slice]:
    """Blobs in the order of their content, of `total` bytes, in slices as they were shared in if it was all at once.

    What is left to those whose bytes are unknown (0), they have in equal parts.
    """
    known = sum(blobs.values())
    unknown = sum(size == 0 for size in blobs.values())
    each = max(total - known, 0) // unknown if unknown else 0
    return _cut(((oid, size or each) for oid, size in blobs.items()), part_of_all(max(total, known)))


def _cut(blobs: Iterable[tuple[Oid, int]], most: int) -> Iterator[Slice]:
    chosen, size = list[Oid](), 0
    for oid, length in blobs:
        if chosen and (size + length + NAME_SIZE * (len(chosen) + 1) > most or len(chosen) == SLICE_OBJECTS):
            yield Slice(tuple(chosen), size)
            chosen, size = [], 0
        chosen.append(oid)
        size += length
    if chosen:
        yield Slice(tuple(chosen), size)


def _packed_blobs(objects: PackedObjects, load: Marks) -> Iterator[tuple[Oid, int]]:
    written = {pack: os.stat(pack.path).st_mtime_ns for pack in load.packs}
    for pack in sorted(load.packs, key=written.__getitem__):
        for place, offset, length in _marked(pack, load.packs[pack]):
            oid = Oid(pack.oid_at(place))
            if _is_blob(objects, pack, offset, oid):
                yield oid, length


def _marked(pack: Pack, mark: bytearray) -> Iterator[tuple[int, int, int]]:
    return (entry for entry in pack.entries() if mark[entry[0]]) if any(mark) else iter(())


def _is_blob(objects: PackedObjects, pack: Pack, offset: int, oid: Oid) -> bool:
    """By the object's own kind, where the entry is a delta."""
    kind = KINDS.get(pack.head(offset).type) or objects.kind(oid)
    return kind == "blob"
