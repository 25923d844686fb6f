"""Copy objects to a repository on the same machine.

A pack whose objects are all wanted is hard-linked, or copied by the kernel if the file system
refuses the link. Objects that are copied separately are verified against their ids first.
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
from git_datmo.git.pack_entries import OBJECT_LIMIT
from git_datmo.git.pack_reader import KINDS, Pack, PackedObjects, bounded
from git_datmo.git.pack_writer import PackEntry, PackWriter, make_entry
from git_datmo.model import Oid
from git_datmo.objects.reachability import NeededObjects
from git_datmo.permissions import READ_ONLY
from git_datmo.progress import Progress

# Errors of a hard link after which a copy may still succeed.
_NO_LINK = frozenset(
    (
        errno.EXDEV,
        errno.EPERM,
        errno.EMLINK,
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
        errno.ENOSYS,
        errno.EACCES,
        errno.EINVAL,
    )
)


def mark_each(objects: PackedObjects, oids: Iterable[Oid]) -> NeededObjects:
    """Return marks for exactly these objects, each at its first copy."""
    marks = NeededObjects(objects)
    for oid in oids:
        mark_one(objects, marks, oid)
    return marks


def mark_one(objects: PackedObjects, marks: NeededObjects, oid: Oid) -> bool:
    """Mark an object at its first copy; return False if it is missing."""
    found = next(objects.copies(oid), None)
    if found is not None:
        marks.packs[found[0]][found[1]] = 1
    elif oid in marks.loose:
        marks.loose[oid] = 1
    return found is not None or oid in marks.loose


def hand_over(
    giver: PackedObjects,
    taker: PackedObjects,
    marks: NeededObjects,
    progress: Progress,
    *,
    promisor: bool = False,
) -> None:
    """Copy the marked objects that `taker` does not have from `giver`.

    `promisor` means that objects which the copied objects name may be missing from `taker`, as in a
    partial clone. Raises `Damaged` if a copied object does not match its id, and `OSError` if the
    file system refuses.
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
    """Return the index positions of the marked objects that `taker` does not have."""
    return {
        place
        for place, wanted in enumerate(mark)
        if wanted and Oid(pack.oid_at(place)) not in taker
    }


def _give(pack: Pack, folder: Path, *, promisor: bool) -> None:
    """Link or copy a pack to `folder`, then its index.

    The index comes last, since git finds packs by their index.
    """
    if promisor:
        fsio.write_file((folder / pack.path.name).with_suffix(".promisor"), b"", mode=READ_ONLY)
    # A hard link would keep the mode and the group of the original file.
    copied = bool(permissions.sharing_in(folder))
    for source in (pack.path, pack.path.with_suffix(".idx")):
        target = folder / source.name
        if not target.exists() and (copied or not _link(source, target)):
            with (
                open(source, "rb") as file,
                fsio.replacing(target, mode=READ_ONLY, prefix="tmp_pack_") as copy,
            ):
                fsio.copy_content(file, copy)
        # Without a new time stamp, the next `git gc` of the target could delete an old pack before
        # a ref needs it.
        with suppress(OSError):
            os.utime(target)
    fsio.sync_folder(folder)


def _link(source: Path, target: Path) -> bool:
    """Create a hard link; return False if the file system refuses."""
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
    """Verify and copy the objects at `places` of a pack; deltas become whole objects."""
    for place, offset, length in pack.entries():
        if place not in places:
            continue
        oid, head = Oid(pack.oid_at(place)), pack.head(offset)
        if head.type not in KINDS:
            writer.add(_entry(giver, oid))
            continue
        raw = pack.raw(place, offset, length)
        _check(giver, oid, KINDS[head.type], pack.inflate(bounded(head, OBJECT_LIMIT)))
        writer.add(PackEntry(oid, (raw,), length, pack.crc(place)))


def _entry(giver: PackedObjects, oid: Oid) -> PackEntry:
    """Return a new entry for an object.

    Raises `Damaged` if it is missing or does not match its id.
    """
    found = giver.find(oid, OBJECT_LIMIT)
    if found is None:
        raise Damaged(f"object '{oid}' has disappeared", "run this again")
    kind, content = found
    _check(giver, oid, kind, content)
    return make_entry(oid, kind, len(content), deflate(content))


def _check(giver: PackedObjects, oid: Oid, kind: str, content: bytes) -> None:
    """Raise `Damaged` if the content does not match the id."""
    if giver.format.hash(kind, content) != oid:
        raise Damaged(
            f"'{giver.folder}' has wrong content for object '{oid}'", "run 'git fsck' there"
        )
