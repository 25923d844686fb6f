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
from git_datmo.git.entry_header import KINDS, bounded
from git_datmo.git.pack_entries import OBJECT_LIMIT
from git_datmo.git.pack_file import Pack
from git_datmo.git.pack_writer import PackEntry, PackWriter, make_entry
from git_datmo.git.packed_objects import PackedObjects
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


def copy_objects(
    source: PackedObjects,
    target: PackedObjects,
    marks: NeededObjects,
    progress: Progress,
    *,
    promisor: bool = False,
) -> None:
    """Copy the marked objects that `target` does not have from `source`.

    `promisor` means that objects which the copied objects name may be missing from `target`, as in
    a partial clone. Raises `Damaged` if a copied object does not match its id, and `OSError` if
    the file system refuses.
    """
    wanted = {pack: _absent_entries(pack, mark, target) for pack, mark in marks.packs.items()}
    whole = [pack for pack, indexes in wanted.items() if indexes and len(indexes) == pack.count]
    parts = {pack: indexes for pack, indexes in wanted.items() if indexes and pack not in whole}
    loose = [oid for oid, mark in marks.loose.items() if mark and oid not in target]
    progress.begin("Copying", sum(pack.size for pack in whole))
    for pack in whole:
        _copy_pack(pack, target.folder / "pack", promisor=promisor)
        progress.advance(pack.size)
    if parts or loose:
        with PackWriter(target.folder / "pack", source.format) as writer:
            for pack, indexes in parts.items():
                _copy(source, pack, indexes, writer)
            for oid in loose:
                writer.add(_entry(source, oid))
            writer.finish(promisor=promisor)
    progress.finish()
    target.refresh()


def _absent_entries(pack: Pack, mark: bytearray, target: PackedObjects) -> set[int]:
    """Return the index positions of the marked objects that `target` does not have."""
    return {
        index
        for index, wanted in enumerate(mark)
        if wanted and Oid(pack.oid_at(index)) not in target
    }


def _copy_pack(pack: Pack, folder: Path, *, promisor: bool) -> None:
    """Link or copy a pack to `folder`, then its index.

    The index comes last, since git finds packs by their index.
    """
    # The mark comes before the pack, as `PackWriter` writes it.
    if promisor:
        fsio.write_file((folder / pack.path.name).with_suffix(".promisor"), b"", mode=READ_ONLY)
    # A hard link would keep the mode and the group of the original file.
    copied = bool(permissions.sharing_in(folder))
    for source in (pack.path, pack.path.with_suffix(".idx")):
        target = folder / source.name
        # A pack is named by its content, so an existing one is the same.
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


def _copy(source: PackedObjects, pack: Pack, indexes: set[int], writer: PackWriter) -> None:
    """Verify and copy the objects at `indexes` of a pack; deltas become whole objects."""
    for index, offset, length in pack.entries():
        if index not in indexes:
            continue
        oid, head = Oid(pack.oid_at(index)), pack.head(offset)
        if head.type not in KINDS:
            writer.add(_entry(source, oid))
            continue
        raw = pack.raw(index, offset, length)
        # A folder of another program may be wrong, and only the content proves the id.
        _check(source, oid, KINDS[head.type], pack.inflate(bounded(head, OBJECT_LIMIT)))
        writer.add(PackEntry(oid, (raw,), length, pack.crc(index)))


def _entry(source: PackedObjects, oid: Oid) -> PackEntry:
    """Return a new entry for an object.

    Raises `Damaged` if it is missing or does not match its id.
    """
    found = source.find(oid, OBJECT_LIMIT)
    if found is None:
        raise Damaged(f"object '{oid}' has disappeared", "run this again")
    kind, content = found
    _check(source, oid, kind, content)
    return make_entry(oid, kind, len(content), deflate(content))


def _check(source: PackedObjects, oid: Oid, kind: str, content: bytes) -> None:
    """Raise `Damaged` if the content does not match the id."""
    if source.format.hash(kind, content) != oid:
        raise Damaged(
            f"'{source.folder}' has wrong content for object '{oid}'", "run 'git fsck' there"
        )
