"""Free the space of objects that are not needed.

Whole packs are deleted, and live objects are moved out of wasteful packs. Live entries are copied
without decompression. The new packs are complete on disk before the old packs are deleted. So a
process that dies leaves duplicate objects at worst, and the next run continues from that state.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from git_datmo import fsio
from git_datmo.git.deflate import deflate
from git_datmo.git.entry_header import KINDS
from git_datmo.git.object_database import loose_path
from git_datmo.git.pack_file import Pack
from git_datmo.git.pack_writer import PackEntry, PackLimits, make_entry, write_packs
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import Oid
from git_datmo.objects.reachability import NeededObjects
from git_datmo.objects.store import PACK_BYTES, PACK_OBJECTS, Store
from git_datmo.permissions import READ_ONLY
from git_datmo.progress import QUIET, Progress

# Rewrite a pack if that frees at least this fraction of the bytes that must be copied.
WORTH = 0.25
# Packs smaller than SMALL are joined if there are more than FEW, since each lookup searches every
# pack.
SMALL = 32 << 20
FEW = 16
# Minimum age in seconds before a temporary file counts as abandoned.
YOUNG = 3600


@dataclass(frozen=True, slots=True)
class ObjectMove:
    """Packs to delete after their live objects are copied to new packs."""

    packs: tuple[Pack, ...]
    promisor: bool = False


@dataclass(frozen=True, slots=True)
class CompactionPlan:
    """Plan of a compaction.

    `marks` has the single copy of each object that stays. `freed` is the number of removed copies
    in packs and loose, and `size` is their size in bytes.
    """

    marks: NeededObjects
    moves: tuple[ObjectMove, ...]
    loose: tuple[Oid, ...]
    freed: int
    size: int


def plan(objects: PackedObjects, marks: NeededObjects, *, worth: float = WORTH) -> CompactionPlan:
    """Return a plan to remove unmarked objects.

    A pack is rewritten if that frees at least the fraction `worth` of the copied bytes. Many small
    packs are joined.

    Packs with a `.keep` file are not changed. `marks` is changed: a single copy of each object
    stays marked.
    """
    # First, so that a second copy of a live object counts as dead when packs are weighed.
    _leave_one_copy(marks)
    weights = {
        pack: _weigh(pack, live) for pack, live in marks.packs.items() if not pack.marked("keep")
    }
    moves = _plan_moves(weights, worth)
    loose = tuple(
        oid for oid, mark in marks.loose.items() if not mark or _is_packed(objects, marks, oid)
    )
    packs = [pack for move in moves for pack in move.packs]
    freed = sum(marks.packs[pack].count(0) for pack in packs) + len(loose)
    size = sum(weights[pack][1] for pack in packs)
    size += sum(loose_path(objects.folder, oid).stat().st_size for oid in loose)
    return CompactionPlan(marks, moves, loose, freed, size)


def _plan_moves(weights: Mapping[Pack, tuple[int, int]], worth: float) -> tuple[ObjectMove, ...]:
    """Return the moves that are worth their copying; `weights` are live and dead bytes a pack.

    A move never mixes promisor packs with others: git takes every object of a promisor pack for
    one that a remote has.
    """
    spent = {pack for pack, (live, dead) in weights.items() if dead and dead >= worth * live}
    small = [pack for pack, (live, _) in weights.items() if live and pack.size < SMALL]
    joined = small if len(small) > FEW else [pack for pack in small if pack in spent]
    alone = [pack for pack in weights if pack in spent and pack not in joined]
    moves = [ObjectMove((pack,), pack.marked("promisor")) for pack in alone]
    for promisor in (False, True):
        group = tuple(pack for pack in joined if pack.marked("promisor") == promisor)
        # A single pack without waste would be copied for nothing.
        if len(group) > 1 or spent.intersection(group):
            moves.append(ObjectMove(group, promisor))
    return tuple(moves)


def _leave_one_copy(marks: NeededObjects) -> None:
    """Keep a single copy of each object marked: the copy in the pack that wastes least."""

    # Prefer the copy in a promisor pack: git accepts a missing object only if an object in a
    # promisor pack names it.
    def waste(pack: Pack) -> tuple[bool, bool, float, int]:
        """Return the sort key of a pack; the copy in the first pack stays."""
        return (
            not pack.marked("keep"),
            not pack.marked("promisor"),
            marks.packs[pack].count(0) / max(pack.count, 1),
            -pack.count,
        )

    order = sorted(marks.packs, key=waste)
    # One first byte at a time limits the ids in memory to a 256th.
    for byte in range(256) if len(order) > 1 else ():
        seen: set[bytes] = set()
        for pack in order:
            _unmark(pack, byte, marks.packs[pack], seen)


def _unmark(pack: Pack, byte: int, live: bytearray, seen: set[bytes]) -> None:
    """Unmark the ids of a pack that begin with `byte` and are in `seen`.

    The other marked ids are added to `seen`.
    """
    first, last = pack.indexes_from(byte)
    ids = pack.ids(first, last)
    marked = set(compress(ids, live[first:last]))
    for oid in marked & seen:
        index = pack.index_of(oid)
        assert index is not None
        live[index] = 0
    seen |= marked


def _is_packed(objects: PackedObjects, marks: NeededObjects, oid: Oid) -> bool:
    """Return True if a pack has a marked copy of the object."""
    return any(marks.packs[pack][index] for pack, index in objects.copies(oid))


def _weigh(pack: Pack, live: bytearray) -> tuple[int, int]:
    """Return the number of live bytes and of other bytes in a pack."""
    lengths = pack.lengths()
    living = sum(compress(lengths, live))
    return living, sum(lengths) - living


def promise(packs: Iterable[Pack]) -> None:
    """Mark packs as promisor packs (git-repack).

    Their objects may name objects that only a remote has.
    """
    for pack in packs:
        if not pack.marked("promisor"):
            fsio.write_file(pack.path.with_suffix(".promisor"), b"", mode=READ_ONLY)


def carry_out(store: Store, planned: CompactionPlan, *, progress: Progress = QUIET) -> None:
    """Carry out a plan. No other process may write to the store at the same time."""
    objects = store.objects
    # The name of a pack depends on its content, so a new pack may have the name of a pack that was
    # to be deleted.
    written: set[Path] = set()
    for move in planned.moves:
        written.update(_write(objects, planned.marks, move, progress))
        # The copies are on disk at this point, so the old packs can go.
        for pack in move.packs:
            if pack.path not in written:
                _remove_pack(pack.path)
    for oid in planned.loose:
        path = loose_path(objects.folder, oid)
        os.unlink(path)
        # A folder with other objects stays.
        with suppress(OSError):
            os.rmdir(path.parent)
    objects.refresh()


def _write(
    objects: PackedObjects, marks: NeededObjects, move: ObjectMove, progress: Progress
) -> Iterator[Path]:
    """Write the live objects of `move` to new packs; return an iterator over the paths."""
    entries = (
        entry for pack in move.packs for entry in marked_entries(objects, pack, marks.packs[pack])
    )
    counted = (_advanced(entry, progress) for entry in entries)
    limits = PackLimits(PACK_OBJECTS, PACK_BYTES)
    return write_packs(
        objects.folder / "pack", objects.format, counted, limits, promisor=move.promisor
    )


def _advanced(entry: PackEntry, progress: Progress) -> PackEntry:
    """Report an entry to the progress meter and return it."""
    progress.advance(entry.length)
    return entry


def marked_entries(objects: PackedObjects, pack: Pack, marks: bytearray) -> Iterator[PackEntry]:
    """Yield the marked entries of a pack unchanged; yield deltas as whole objects."""
    for index, offset, length in pack.entries():
        if not marks[index]:
            continue
        oid = Oid(pack.oid_at(index))
        if pack.head(offset).type in KINDS:
            # `raw` compares the CRC-32, so a damaged entry is never copied as sound.
            raw = pack.raw(index, offset, length)
            yield PackEntry(oid, (raw,), length, pack.crc(index))
            continue
        # The delta's base may not be copied, so write the whole object.
        found = objects.find(oid)
        assert found is not None
        yield make_entry(oid, found[0], len(found[1]), deflate(found[1]))


def _remove_pack(path: Path) -> None:
    """Delete the files of a pack.

    The index is deleted first, so that no reader looks for the pack.
    """
    parts = (
        path.with_suffix(f".{ending}")
        for ending in ("idx", "pack", "promisor", "rev", "bitmap", "mtimes")
    )
    # A multi-pack-index would still name the deleted packs.
    for part in (path.with_name("multi-pack-index"), *parts):
        with suppress(FileNotFoundError):
            os.unlink(part)


def sweep(objects: Path) -> None:
    """Delete files of a killed process below the folder `objects`.

    These are temporary files and packs without an index. Files younger than `YOUNG` seconds are
    kept.
    """
    for folder, _, names in os.walk(objects):
        for path in (os.path.join(folder, name) for name in names if _is_left_over(folder, name)):
            # Another process may delete or finish the file at the same time.
            with suppress(FileNotFoundError):
                if time.time() - os.stat(path).st_mtime > YOUNG:
                    os.unlink(path)


def _is_left_over(folder: str, name: str) -> bool:
    """Return True if a file is temporary or belongs to a pack without an index."""
    stem, ending = os.path.splitext(name)
    # A pack without index is invisible: its writer died before the index.
    orphan = ending in (".pack", ".promisor", ".rev") and not os.path.exists(
        os.path.join(folder, f"{stem}.idx")
    )
    return name.startswith(("tmp_", ".tmp-")) or orphan
