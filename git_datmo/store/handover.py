"""Hands objects over to a repository on the same machine: whole packs as they are, of others what is wanted.

A pack of which everything is wanted gets a second name where the file system can do that, else a copy by the kernel.
What is copied object by object is held against its id first.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from git_datmo import fsio, permissions
from git_datmo.errors import Damaged
from git_datmo.git.deflate import deflate
from git_datmo.git.packs import KINDS, Pack, PackedObjects
from git_datmo.git.packwriter import PackEntry, PackWriter, make_entry
from git_datmo.model import Oid
from git_datmo.permissions import READ_ONLY
from git_datmo.progress import Progress
from git_datmo.store.reach import Marks

# Errors that say that a second name cannot be had, but perhaps a copy.
_NO_LINK = frozenset(
    (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EINVAL)
)


def mark_each(objects: PackedObjects, oids: Iterable[Oid]) -> Marks:
    """Mark just these objects, each where it is found first."""
    marks = Marks(objects)
    for oid in oids:
        mark_one(objects, marks, oid)
    return marks


def mark_one(objects: PackedObjects, marks: Marks, oid: Oid) -> bool:
    """Mark an object where it is found first; say whether it is there."""
    found = next(objects.copies(oid), None)
    if found is not None:
        marks.packs[found[0]][found[1]] = 1
    elif oid in marks.loose:
        marks.loose[oid] = 1
    return found is not None or oid in marks.loose


def hand_over(
    giver: PackedObjects, taker: PackedObjects, marks: Marks, progress: Progress, *, promisor: bool = False
) -> None:
    """Let `taker` have the objects of `giver` that are marked and that it lacks.

    `promisor` says that `taker` may lack what they name, as a partial clone may. Raises `Damaged` for an object that is
    not what its id says, and `OSError` when the file system refuses.
    """
    wanted = {pack: _lacking(pack, mark, taker) for pack, mark in marks.packs.items()}
    whole = [pack for pack, places in wanted.items() if places and len(places) == pack.count]
    parts = {pack: places for pack, places in wanted.items() if places and pack not in whole}
    loose = [oid for oid, mark in marks.loose.items() if mark and oid not in taker]
    progress.begin("Handing over", sum(pack.size for pack in whole))
    for pack in whole:
        _give(pack, taker.folder / "pack", promisor=promisor)
        progress.advance(pack.size)
    if parts or loose:
        with PackWriter(taker.folder / "pack", giver.format) as writer:
            for pack, places in parts.items():
                _copy(giver, pack, places, writer)
            for oid in loose:
                writer.add(_entry(giver, oid))
            writer.finish(promisor=promisor)
    progress.finish()
    taker.refresh()


def _lacking(pack: Pack, mark: bytearray, taker: PackedObjects) -> set[int]:
    return {place for place, wanted in enumerate(mark) if wanted and Oid(pack.oid_at(place)) not in taker}


def _give(pack: Pack, folder: Path, *, promisor: bool) -> None:
    """Put a pack into `folder`, and its index behind it, since git looks for indexes."""
    if promisor:
        fsio.write_file((folder / pack.path.name).with_suffix(".promisor"), b"", mode=READ_ONLY)
    # A second name would keep the modes and the group of the giver's file.
    copied = bool(permissions.sharing_in(folder))
    for source in (pack.path, pack.path.with_suffix(".idx")):
        target = folder / source.name
        if not target.exists() and (copied or not _link(source, target)):
            with open(source, "rb") as file, fsio.replacing(target, mode=READ_ONLY, prefix="tmp_pack_") as copy:
                fsio.copy_content(file, copy)
        # An old pack that no ref needs yet would be collected by the next 'git gc' of its repository.
        with suppress(OSError):
            os.utime(target)
    fsio.sync_folder(folder)


def _link(source: Path, target: Path) -> bool:
    """Give a file a second name; return False where the file system refuses."""
    try:
        os.link(source, target)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return False
    return True


def _copy(giver: PackedObjects, pack: Pack, places: set[int], writer: PackWriter) -> None:
    for place, offset, length in pack.entries():
        if place not in places:
            continue
        oid, head = Oid(pack.oid_at(place)), pack.head(offset)
        if head.type not in KINDS:
            writer.add(_entry(giver, oid))
            continue
        raw = pack.raw(place, offset, length)
        _check(giver, oid, KINDS[head.type], pack.inflate(head))
        writer.add(PackEntry(oid, (raw,), length, pack.crc(place)))


def _entry(giver: PackedObjects, oid: Oid) -> PackEntry:
    found = giver.find(oid)
    if found is None:
        raise Damaged(f"object '{oid}' is not where it was", "run this again")
    kind, content = found
    _check(giver, oid, kind, content)
    return make_entry(oid, kind, len(content), deflate(content))


def _check(giver: PackedObjects, oid: Oid, kind: str, content: bytes) -> None:
    if giver.format.hash(kind, content) != oid:
        raise Damaged(f"'{giver.folder}' has another object under the id '{oid}'", "run 'git fsck' there")
