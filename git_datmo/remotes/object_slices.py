"""List what a push will send, and divide it so that no push is larger than the host accepts.

Only blobs are divided: they are nearly all of the bytes, and any of them can be kept alone, since
they name nothing. They are read in pack order. Trees follow with the commits that name them.

A fetch is divided into the same slices, as far as they are known. A host keeps each push as one
pack, and git searches for deltas only between objects of different packs.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile

from git_datmo.git.command import Git
from git_datmo.git.entry_header import KINDS
from git_datmo.git.pack_file import Pack
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import Oid
from git_datmo.objects.pack_copy import mark_one
from git_datmo.objects.reachability import NeededObjects
from git_datmo.objects.store import Store

# A slice is a twentieth of a push, so an interrupted push loses little. The limits keep the number
# of packs low and sizes far below those that hosts refuse.
SLICES = 20
LEAST, MOST = 32 << 20, 512 << 20
# The blobs that two levels of a part can name.
SLICE_OBJECTS = 256 * 256
# The bytes that naming a blob takes.
NAME_SIZE = 40


@dataclass(frozen=True, slots=True)
class Slice:
    """Blobs that go together, and their packed size."""

    blobs: tuple[Oid, ...]
    size: int


def part_of_all(total: int) -> int:
    """Return the most bytes of `total` that go together."""
    return min(max(total // SLICES, LEAST), MOST)


@dataclass(frozen=True, slots=True)
class Load:
    """The content of a push: `payload` in the store, `ties` (commits and their trees) in a
    scratch repository."""

    payload: NeededObjects
    ties: tuple[Oid, ...]


def find_load(store: Store, git: Git, tip: Oid, there: Iterable[Oid]) -> Load | None:
    """Return the objects that `tip` leads to beyond the commits `there`; None if any is missing.

    `git` sees the store and these commits.
    """
    argv = ("rev-list", "--objects", "--no-object-names", "--stdin")
    payload, ties = NeededObjects(store.objects), list[Oid]()
    with TemporaryFile() as stdin:
        stdin.write("\n".join([str(tip), *(f"^{oid}" for oid in there), ""]).encode())
        stdin.seek(0)
        with git.start(*argv, stdin=stdin, stderr=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            for line in child.stdout:
                oid = Oid.fromhex(line.decode().rstrip())
                # Commits and their own trees are not in the store but in the scratch repository.
                if not mark_one(store.objects, payload, oid):
                    ties.append(oid)
    # Git fails at a missing object.
    return Load(payload, tuple(ties)) if child.returncode == 0 else None


def take_out(objects: PackedObjects, load: NeededObjects, blobs: Iterable[Oid]) -> bool:
    """Remove blobs from a load; return True if any of them was in it."""
    found = False
    for blob in blobs:
        for pack, place in objects.copies(blob):
            mark = load.packs.get(pack)
            found = found or bool(mark and mark[place])
            if mark:
                mark[place] = 0
    return found


def weigh_load(load: NeededObjects) -> int:
    """Return the size of a load, as packed."""
    return sum(length for pack, mark in load.packs.items() for _, _, length in _marked(pack, mark))


def divide(objects: PackedObjects, load: NeededObjects, most: int) -> Iterator[Slice]:
    """Yield the blobs of a load in slices of at most `most` bytes, including their names.

    Packs come in the order in which they were written, so that neighbours in a file stay together.
    A blob is never divided.
    """
    return _cut(_packed_blobs(objects, load), most)


def divide_wanted(blobs: Mapping[Oid, int], total: int) -> Iterator[Slice]:
    """Yield blobs in slices as they were pushed, assuming one push of `total` bytes.

    Blobs of unknown size (0) share the remaining bytes equally.
    """
    known = sum(blobs.values())
    unknown = sum(size == 0 for size in blobs.values())
    each = max(total - known, 0) // unknown if unknown else 0
    return _cut(
        ((oid, size or each) for oid, size in blobs.items()), part_of_all(max(total, known))
    )


def _cut(blobs: Iterable[tuple[Oid, int]], most: int) -> Iterator[Slice]:
    chosen, size = list[Oid](), 0
    for oid, length in blobs:
        # A blob that is larger than a slice goes alone.
        if chosen and (
            size + length + NAME_SIZE * (len(chosen) + 1) > most or len(chosen) == SLICE_OBJECTS
        ):
            yield Slice(tuple(chosen), size)
            chosen, size = [], 0
        chosen.append(oid)
        size += length
    if chosen:
        yield Slice(tuple(chosen), size)


def _packed_blobs(objects: PackedObjects, load: NeededObjects) -> Iterator[tuple[Oid, int]]:
    written = {pack: os.stat(pack.path).st_mtime_ns for pack in load.packs}
    for pack in sorted(load.packs, key=written.__getitem__):
        for place, offset, length in _marked(pack, load.packs[pack]):
            oid = Oid(pack.oid_at(place))
            if _is_blob(objects, pack, offset, oid):
                yield oid, length


def _marked(pack: Pack, mark: bytearray) -> Iterator[tuple[int, int, int]]:
    return (entry for entry in pack.entries() if mark[entry[0]]) if any(mark) else iter(())


def _is_blob(objects: PackedObjects, pack: Pack, offset: int, oid: Oid) -> bool:
    """Return True for a blob; a delta is looked up for its kind."""
    kind = KINDS.get(pack.head(offset).type) or objects.kind(oid)
    return kind == "blob"
