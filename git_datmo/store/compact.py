"""Gives the room of objects that are not needed back: whole packs go, and what lives in wasteful ones moves.

What lives is copied as it stands, without being inflated, into packs that are on disk under their names before the old
ones go. So a process that dies on the way leaves objects twice, at worst, and doing it again takes up from there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from git_datmo import fsio
from git_datmo.git.deflate import deflate
from git_datmo.git.odb import loose_path
from git_datmo.git.packs import KINDS, Pack, PackedObjects
from git_datmo.git.packwriter import Limits, PackEntry, make_entry, write_packs
from git_datmo.model import Oid
from git_datmo.permissions import READ_ONLY
from git_datmo.progress import QUIET, Progress
from git_datmo.store.reach import Marks
from git_datmo.store.store import PACK_BYTES, PACK_OBJECTS, Store

# A pack is written anew when that frees at least this part of what has to be copied.
WORTH = 0.25
# Every pack is looked into for every object: small ones are joined when they are more than a few.
SMALL = 32 << 20
FEW = 16
# What a process may still be making.
YOUNG = 3600


@dataclass(frozen=True, slots=True)
class Move:
    """Packs that go, after what lives in them was written to others."""

    packs: tuple[Pack, ...]
    promisor: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: `marks` say where the one copy of each object is that stays; `freed` objects of `size`
    bytes, in packs and loose, go."""

    marks: Marks
    moves: tuple[Move, ...]
    loose: tuple[Oid, ...]
    freed: int
    size: int


def plan(objects: PackedObjects, marks: Marks, *, worth: float = WORTH) -> Plan:
    """How to free what is not marked, wherever that frees `worth` of what it copies; changes `marks`."""
    _leave_one_copy(marks)
    weights = {pack: _weigh(pack, live) for pack, live in marks.packs.items() if not pack.marked("keep")}
    spent = {pack for pack, (live, dead) in weights.items() if dead and dead >= worth * live}
    small = [pack for pack, (live, _) in weights.items() if live and pack.size < SMALL]
    joined = small if len(small) > FEW else [pack for pack in small if pack in spent]
    moves = [Move((pack,), pack.marked("promisor")) for pack in weights if pack in spent and pack not in joined]
    for promisor in (False, True):
        group = tuple(pack for pack in joined if pack.marked("promisor") == promisor)
        if len(group) > 1 or spent.intersection(group):
            moves.append(Move(group, promisor))
    loose = tuple(oid for oid, mark in marks.loose.items() if not mark or _is_packed(objects, marks, oid))
    freed = sum(marks.packs[pack].count(0) for move in moves for pack in move.packs) + len(loose)
    size = sum(weights[pack][1] for move in moves for pack in move.packs)
    size += sum(loose_path(objects.folder, oid).stat().st_size for oid in loose)
    return Plan(marks, tuple(moves), loose, freed, size)


def _leave_one_copy(marks: Marks) -> None:
    """Of an object in several packs, the one in the pack that wastes least stays marked."""

    # What only a remote has is promised by what stands in a promisor pack: a copy there must not give way.
    def waste(pack: Pack) -> tuple[bool, bool, float, int]:
        return (
            not pack.marked("keep"),
            not pack.marked("promisor"),
            marks.packs[pack].count(0) / max(pack.count, 1),
            -pack.count,
        )

    order = sorted(marks.packs, key=waste)
    for byte in range(256) if len(order) > 1 else ():
        seen: set[bytes] = set()
        for pack in order:
            _unmark(pack, byte, marks.packs[pack], seen)


def _unmark(pack: Pack, byte: int, live: bytearray, seen: set[bytes]) -> None:
    """Take the marks from the ids of a pack that begin with `byte` and were seen before; add the others to `seen`."""
    first, last = pack.places_from(byte)
    ids = pack.ids(first, last)
    marked = set(compress(ids, live[first:last]))
    for oid in marked & seen:
        place = pack.place(oid)
        assert place is not None
        live[place] = 0
    seen |= marked


def _is_packed(objects: PackedObjects, marks: Marks, oid: Oid) -> bool:
    return any(marks.packs[pack][place] for pack, place in objects.copies(oid))


def _weigh(pack: Pack, live: bytearray) -> tuple[int, int]:
    """The bytes of a pack that live, and those that do not."""
    lengths = pack.lengths()
    living = sum(compress(lengths, live))
    return living, sum(lengths) - living


def promise(packs: Iterable[Pack]) -> None:
    """Mark packs as having objects that name what only a remote has (git-repack, `.promisor`)."""
    for pack in packs:
        if not pack.marked("promisor"):
            fsio.write_file(pack.path.with_suffix(".promisor"), b"", mode=READ_ONLY)


def carry_out(store: Store, planned: Plan, *, progress: Progress = QUIET) -> None:
    """Do what was planned; nobody else may be writing to the store."""
    objects = store.objects
    # A pack's name follows from what is in it: what is written may have the name of one that was to go.
    written: set[Path] = set()
    for move in planned.moves:
        written.update(_write(objects, planned.marks, move, progress))
        for pack in move.packs:
            if pack.path not in written:
                _remove_pack(pack.path)
    for oid in planned.loose:
        path = loose_path(objects.folder, oid)
        os.unlink(path)
        with suppress(OSError):
            os.rmdir(path.parent)
    objects.refresh()


def _write(objects: PackedObjects, marks: Marks, move: Move, progress: Progress) -> Iterator[Path]:
    """Write what lives in the packs of `move` to new ones; returns their paths."""
    entries = (entry for pack in move.packs for entry in marked_entries(objects, pack, marks.packs[pack]))
    told = (_advanced(entry, progress) for entry in entries)
    limits = Limits(PACK_OBJECTS, PACK_BYTES)
    return write_packs(objects.folder / "pack", objects.format, told, limits, promisor=move.promisor)


def _advanced(entry: PackEntry, progress: Progress) -> PackEntry:
    progress.advance(entry.length)
    return entry


def marked_entries(objects: PackedObjects, pack: Pack, marks: bytearray) -> Iterator[PackEntry]:
    """The entries of a pack that are marked, as they stand in it, but none as a delta."""
    for place, offset, length in pack.entries():
        if not marks[place]:
            continue
        oid = Oid(pack.oid_at(place))
        if pack.head(offset).type in KINDS:
            raw = pack.raw(place, offset, length)
            yield PackEntry(oid, (raw,), length, pack.crc(place))
            continue
        # A delta's base may stay behind.
        found = objects.find(oid)
        assert found is not None
        yield make_entry(oid, found[0], len(found[1]), deflate(found[1]))


def _remove_pack(path: Path) -> None:
    """The index first: without it nobody looks for the pack."""
    parts = (path.with_suffix(f".{ending}") for ending in ("idx", "pack", "promisor", "rev", "bitmap", "mtimes"))
    for part in (path.with_name("multi-pack-index"), *parts):
        with suppress(FileNotFoundError):
            os.unlink(part)


def sweep(objects: Path) -> None:
    """Remove what a killed process left below the folder `objects`: half-made files, packs without their index."""
    for folder, _, names in os.walk(objects):
        for path in (os.path.join(folder, name) for name in names if _is_left_over(folder, name)):
            # Another process may be sweeping too, or finish what it was making.
            with suppress(FileNotFoundError):
                if time.time() - os.stat(path).st_mtime > YOUNG:
                    os.unlink(path)


def _is_left_over(folder: str, name: str) -> bool:
    stem, ending = os.path.splitext(name)
    orphan = ending in (".pack", ".promisor", ".rev") and not os.path.exists(os.path.join(folder, f"{stem}.idx"))
    return name.startswith(("tmp_", ".tmp-")) or orphan
