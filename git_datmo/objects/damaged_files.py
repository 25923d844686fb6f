"""Find damaged packs and loose objects of a store and move them aside.

The healthy objects of a pack are rescued first. Rescued objects are in a new pack before the
damaged pack is moved. So healthy objects are always available, and other commands may use the
store. Nothing is deleted: damaged files are moved to the folder `damaged` of the store.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo import fsio, permissions
from git_datmo.errors import Damaged
from git_datmo.git.deflate import deflate
from git_datmo.git.entry_header import KINDS
from git_datmo.git.object_database import loose_path, read_loose
from git_datmo.git.pack_entries import EntryReader
from git_datmo.git.pack_file import Pack
from git_datmo.git.pack_writer import HEADER, PackEntry, PackLimits, make_entry, write_packs
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.git.partial_pack import received
from git_datmo.model import ObjectFormat, Oid
from git_datmo.objects.store import PACK_BYTES, PACK_OBJECTS, Store
from git_datmo.progress import QUIET, Progress

ASIDE = "damaged"
_PARTS = ("idx", "pack", "promisor", "keep", "rev", "bitmap", "mtimes")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Flaw:
    """Damaged file of a store and the reason.

    `oids` are the objects that it named and that cannot be read from it. If a pack has no readable
    index, only the objects before the first damaged entry are known.
    """

    path: Path
    why: str
    oids: frozenset[Oid] = frozenset()


@dataclass(slots=True)
class _Reading:
    """Reader for healthy entries of packs; `damaged` collects the other ids."""

    objects: PackedObjects
    progress: Progress
    damaged: set[Oid] = field(default_factory=set)

    def by_index(self, pack: Pack) -> Iterator[PackEntry]:
        """Yield every entry whose content matches its id."""
        try:
            entries = list(pack.entries())
        except Damaged:
            # Without offsets, no entry can be found by the index.
            self.damaged.update(Oid(pack.oid_at(index)) for index in range(pack.count))
            return
        for index, offset, length in entries:
            oid = Oid(pack.oid_at(index))
            self.progress.advance(length)
            try:
                yield self._entry(pack, oid, index, offset, length)
            except (Damaged, OSError):
                self.damaged.add(oid)

    def _entry(self, pack: Pack, oid: Oid, index: int, offset: int, length: int) -> PackEntry:
        """Return an entry. Raises `Damaged` if its content does not match its id."""
        raw = pack.raw(index, offset, length)
        head = pack.head(offset)
        if head.type in KINDS:
            kind, content = KINDS[head.type], pack.inflate(head)
            entry = PackEntry(oid, (raw,), length, pack.crc(index))
        else:
            # Rescue a delta as a whole object, since its base may be lost.
            kind, content = self.objects.at(pack, offset)
            entry = make_entry(oid, kind, len(content), deflate(content))
        if self.objects.format.hash(kind, content) != oid:
            raise Damaged(f"'{pack.path}' has wrong content for object '{oid}'")
        return entry


def find_flaws(objects: PackedObjects, progress: Progress = QUIET) -> Iterator[Flaw]:
    """Read every pack and loose object below `objects` and yield each damaged file."""
    objects.refresh()
    packs = objects.packs()
    progress.begin("Checking", sum(pack.size for pack in packs))
    for path, why in objects.unreadable.items():
        whole = path.with_suffix(".pack")
        ids = (entry.oid for entry in _by_order(whole, objects.format)) if whole.exists() else ()
        yield Flaw(path, why, frozenset(ids))
    for pack in packs:
        reading = _Reading(objects, progress)
        flaw = _examine(pack, reading)
        if flaw is not None:
            yield flaw
    for oid in objects.loose():
        if not _is_sound(objects, oid):
            yield Flaw(
                loose_path(objects.folder, oid),
                "its content does not match its id",
                frozenset((oid,)),
            )
    progress.finish()


def _examine(pack: Pack, reading: _Reading) -> Flaw | None:
    """Return the flaw of a pack or its index, or None."""
    healthy = {entry.oid for entry in reading.by_index(pack)}
    # A damaged index can hide objects, so the pack is also read without it.
    if not pack.is_index_sound(reading.objects.format):
        named = frozenset(entry.oid for entry in _by_order(pack.path, reading.objects.format))
        why = "the checksum of the index does not match"
        return Flaw(pack.path.with_suffix(".idx"), why, (named | reading.damaged) - healthy)
    if not reading.damaged:
        return None
    why = (
        f"{len(reading.damaged)} of {pack.count} object{'' if pack.count == 1 else 's'} cannot"
        " be read"
    )
    return Flaw(pack.path, why, frozenset(reading.damaged))


def _is_sound(objects: PackedObjects, oid: Oid) -> bool:
    """Return True if a loose object matches its id, or has been removed in the meantime."""
    try:
        found = read_loose(objects.folder, oid)
    except (Damaged, OSError):
        return False
    return found is None or objects.format.hash(*found) == oid


def set_aside(store: Store, path: Path, progress: Progress = QUIET) -> frozenset[Oid]:
    """Rescue the healthy objects of the damaged file `path` and move it aside.

    Return the lost objects. If only the index of a pack is damaged, the pack gets a new index and
    nothing is lost.
    """
    if path.parent.name != "pack":
        _move(store, path)
        lost = frozenset((Oid.fromhex(path.parent.name + path.name),))
    else:
        lost = _set_pack_aside(store, path, progress)
        # The open pack must not answer from the file that was moved away.
        store.objects.forget(path)
    store.objects.refresh()
    return lost


def _set_pack_aside(store: Store, path: Path, progress: Progress) -> frozenset[Oid]:
    """Set aside a damaged pack or index; return the lost objects as far as they are known."""
    pack = next(
        (pack for pack in store.objects.packs() if pack.path == path.with_suffix(".pack")), None
    )
    reading = _Reading(store.objects, progress)
    promisor = path.with_suffix(".promisor").exists()
    if pack is not None and pack.is_index_sound(store.format):
        written = _rescue(store, reading.by_index(pack), promisor=promisor)
    else:
        # No reader must use the index while git builds a new one.
        _move(store, path.with_suffix(".idx"))
        whole = path.with_suffix(".pack")
        if not whole.exists() or _index_anew(store, whole):
            return frozenset()
        written = _rescue(store, _by_order(whole, store.format), promisor=promisor)
    for ending in _PARTS:
        if path.with_suffix(f".{ending}") not in written:
            _move(store, path.with_suffix(f".{ending}"))
    with suppress(FileNotFoundError):
        # It may name the pack that was moved.
        os.unlink(path.with_name("multi-pack-index"))
    return frozenset(reading.damaged)


def _index_anew(store: Store, pack: Path) -> bool:
    """Let git build a new index for a pack; return False if the pack itself is damaged."""
    done = store.git.finish("index-pack", "--", str(pack))
    if done.returncode == 0:
        return True
    # Remove the partial index.
    with suppress(FileNotFoundError):
        os.unlink(pack.with_suffix(".idx"))
    return False


def _rescue(store: Store, entries: Iterator[PackEntry], *, promisor: bool) -> set[Path]:
    """Write entries to new packs and return the paths that must stay.

    The name of a pack depends on its content, so a new pack may have the name of the damaged pack.
    """
    limits = PackLimits(PACK_OBJECTS, PACK_BYTES)
    packs = write_packs(
        store.objects.folder / "pack", store.format, entries, limits, promisor=promisor
    )
    return {pack.with_suffix(f".{ending}") for pack in packs for ending in _PARTS}


def _by_order(path: Path, form: ObjectFormat) -> Iterator[PackEntry]:
    """Yield the entries of a pack without using its index.

    Stop at the first delta or unreadable entry. The ids are computed from the content.
    """
    with open(path, "rb") as file, suppress(Damaged):
        reader = EntryReader(iter(lambda: file.read(_BLOCK), b""), form)
        reader.take(HEADER)
        # The base of a delta can only be found by an index.
        while not (entry := reader.entry()).base:
            yield received(entry, form)


def _move(store: Store, path: Path) -> None:
    """Move a file to the folder for damaged files, under an unused name."""
    folder = store.path / ASIDE
    permissions.make_folder(folder)
    name = path.name if path.parent.name == "pack" else path.parent.name + path.name
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{number}-{name}"
    # Another process may have moved it.
    with suppress(FileNotFoundError):
        os.rename(path, target)
        fsio.sync_folder(folder)
