"""Read the objects below one `objects` folder, from packs and loose files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Damaged, DamagedFile
from git_datmo.git.deltas import apply_delta
from git_datmo.git.entry_header import KINDS, Head, bounded, longest_stream
from git_datmo.git.object_database import loose_path, read_loose, read_loose_head
from git_datmo.git.pack_file import Pack
from git_datmo.model import ObjectFormat, Oid

# Git writes at most 4,095 deltas in a chain. A longer chain is damage, perhaps a cycle.
DELTA_DEPTH_LIMIT = 4096


def _is_fanout(name: str) -> bool:
    return len(name) == 2 and not name.strip("0123456789abcdef")


class PackedObjects:
    """The objects below one `objects` folder: packed ones first, then loose ones."""

    def __init__(self, objects: Path, form: ObjectFormat) -> None:
        self.folder = objects
        self.format = form
        self._packs: dict[str, Pack] = {}
        # Indexes that cannot be used, with the reason. Their objects count as missing.
        self.unreadable: dict[Path, str] = {}
        self._latest: Pack | None = None
        self._loose: frozenset[int] = frozenset()
        self.refresh()

    def refresh(self) -> None:
        """Open packs that are new, close those that are gone, and list folders of loose objects.

        Other threads may read meanwhile.
        """
        with suppress(FileNotFoundError):
            self._loose = frozenset(
                bytes.fromhex(name)[0] for name in os.listdir(self.folder) if _is_fanout(name)
            )
        with suppress(FileNotFoundError):
            names = set(os.listdir(self.folder / "pack"))
            indexes = {name for name in names if name.endswith(".idx")}
            usable = {name for name in indexes if f"{name[:-4]}.pack" in names}
            packs = {name: pack for name, pack in self._packs.items() if name in usable}
            self.unreadable = {}
            for name in sorted(indexes - packs.keys()):
                self._open(self.folder / "pack" / name, packs, has_pack=name in usable)
            gone = [pack for name, pack in self._packs.items() if name not in usable]
            # Replace the table before a pack is closed: other threads look packs up in it.
            self._packs = packs
            self._latest = None
            for pack in gone:
                pack.close()

    def _open(self, index: Path, packs: dict[str, Pack], *, has_pack: bool) -> None:
        """Add the pack of an index to `packs`, or record the reason why it cannot be used."""
        try:
            if has_pack:
                packs[index.name] = Pack(index, self.format)
            elif index.exists():
                self.unreadable[index] = "its pack is not there"
        except FileNotFoundError:
            # The index was removed after the folder was listed.
            pass
        except Damaged:
            self.unreadable[index] = "it is no pack index of version 2"

    def close(self) -> None:
        """Close all packs."""
        for pack in self._packs.values():
            pack.close()
        self._packs.clear()
        self._latest = None

    def forget(self, pack: Path) -> None:
        """Close a pack. The next `refresh` opens it again if it still exists."""
        opened = self._packs.pop(pack.with_suffix(".idx").name, None)
        if opened is not None:
            self._latest = None
            opened.close()

    def packs(self) -> tuple[Pack, ...]:
        """Return the packs that are open."""
        return tuple(self._packs.values())

    def __contains__(self, oid: bytes) -> bool:
        return self._pack_with(oid) is not None or (
            oid[0] in self._loose and loose_path(self.folder, Oid(oid)).exists()
        )

    def _pack_with(self, oid: bytes) -> tuple[Pack, int] | None:
        """Return the pack that has an object, and the object's index position.

        The pack of the last answer is asked first: objects that are used together are stored
        together.
        """
        # Other threads may set `_latest` meanwhile, so it is read once.
        latest = self._latest
        index = latest.index_of(oid) if latest is not None else None
        if latest is not None and index is not None:
            return latest, index
        for pack in self._packs.values():
            index = pack.index_of(oid) if pack is not latest else None
            if index is not None:
                self._latest = pack
                return pack, index
        return None

    def __iter__(self) -> Iterator[Oid]:
        """Yield the id of every packed object; an id that is in several packs comes several
        times."""
        for pack in self._packs.values():
            for index in range(pack.count):
                yield Oid(pack.oid_at(index))

    def locate(self, oid: bytes) -> tuple[Pack, int] | None:
        """Return the pack that has an object, and the offset of its entry."""
        found = self._pack_with(oid)
        return (found[0], found[0].offset(found[1])) if found is not None else None

    def copies(self, oid: bytes) -> Iterator[tuple[Pack, int]]:
        """Yield every pack that has an object, with the object's index position."""
        for pack in self._packs.values():
            index = pack.index_of(oid)
            if index is not None:
                yield pack, index

    def loose(self) -> Iterator[Oid]:
        """Yield the ids of all loose objects."""
        width = 2 * self.format.size - 2
        for first in sorted(self._loose):
            with suppress(FileNotFoundError):
                for name in sorted(os.listdir(self.folder / f"{first:02x}")):
                    if len(name) == width and not name.strip("0123456789abcdef"):
                        yield Oid.fromhex(f"{first:02x}{name}")

    def find(self, oid: Oid, limit: int | None = None) -> tuple[str, bytes] | None:
        """Return the kind and content of an object; None if it is missing.

        Raises `Damaged` for an object of more than `limit` bytes, before it is inflated.
        """
        try:
            return self._find(oid, limit)
        except FileNotFoundError:
            # Its pack was replaced by another since we looked.
            self.refresh()
            return self._find(oid, limit)

    def _find(self, oid: Oid, limit: int | None) -> tuple[str, bytes] | None:
        found = self.locate(oid)
        return read_loose(self.folder, oid, limit) if found is None else self.at(*found, limit)

    def blob_into(self, oid: Oid, memory: memoryview) -> list[tuple[int, int]] | None:
        """Put a blob into `memory` and return the ranges that hold it, in order; None if it is
        missing.

        Raises `Damaged` if the blob does not fit.
        """
        try:
            found = self.locate(oid)
            head = found[0].head(found[1]) if found is not None else None
            if found is not None and head is not None and KINDS.get(head.type) == "blob":
                if longest_stream(head.size) <= len(memory):
                    return found[0].inflate_into(head, memory)
                raise _oversized_chunk(oid)
        except FileNotFoundError:
            # Its pack was replaced by another since we looked.
            self.refresh()
        whole = self.find(oid)
        if whole is None or whole[0] != "blob":
            return None
        if len(whole[1]) > len(memory):
            raise _oversized_chunk(oid)
        memory[: len(whole[1])] = whole[1]
        return [(0, len(whole[1]))]

    def kind(self, oid: Oid) -> str | None:
        """Return the kind of an object ('blob', 'tree', …); None if it is missing."""
        found = self.locate(oid)
        if found is None:
            loose = read_loose_head(self.folder, oid)
            return loose[0] if loose else None
        pack, offset = found
        for _ in range(DELTA_DEPTH_LIMIT):
            head = pack.head(offset)
            if head.type in KINDS:
                return KINDS[head.type]
            pack, offset = self._base(pack, offset, head)
        raise _too_deep(pack, offset)

    def size(self, oid: Oid) -> int | None:
        """Return the size of an object; None if it is missing.

        An object that is no delta is not inflated.
        """
        found = self.locate(oid)
        if found is None:
            loose = read_loose_head(self.folder, oid)
            return loose[1] if loose else None
        # The header of a delta has the size of the delta, not that of the object.
        head = found[0].head(found[1])
        return head.size if head.type in KINDS else len(self.at(*found)[1])

    def _base(self, pack: Pack, offset: int, head: Head) -> tuple[Pack, int]:
        """Return the pack and offset of the base of the delta at `offset`."""
        if head.base is None:
            raise DamagedFile(
                f"'{pack.path}' has an entry of unknown type near byte {offset}",
                path=str(pack.path),
            )
        if isinstance(head.base, int):
            return pack, head.base
        found = self.locate(head.base)
        if found is None:
            raise DamagedFile(
                f"'{pack.path}' is missing delta base '{head.base}'", path=str(pack.path)
            )
        return found

    def at(self, pack: Pack, offset: int, limit: int | None = None) -> tuple[str, bytes]:
        """Return the kind and content of the object whose entry is at `offset` in `pack`.

        Raises `Damaged` if more than `limit` bytes would have to be inflated.
        """
        deltas: list[bytes] = []
        head = pack.head(offset)
        while head.type not in KINDS:
            if len(deltas) > DELTA_DEPTH_LIMIT:
                raise _too_deep(pack, offset)
            following = self._base(pack, offset, head)
            deltas.append(pack.inflate(bounded(head, limit)))
            pack, offset = following
            head = pack.head(offset)
        content = pack.inflate(bounded(head, limit))
        for delta in reversed(deltas):
            try:
                content = apply_delta(content, delta, limit)
            except Damaged as error:
                raise DamagedFile(
                    f"'{pack.path}' is damaged: {error.what}", path=str(pack.path)
                ) from error
        return KINDS[head.type], content


def _oversized_chunk(oid: Oid) -> Damaged:
    """Return the error for a blob that does not fit where a chunk is expected.

    The object itself is sound, so no repair helps: the tree that names it was made wrongly.
    """
    return Damaged(f"object '{oid}' is larger than any chunk", "ask the person who shared it")


def _too_deep(pack: Pack, offset: int) -> DamagedFile:
    what = f"'{pack.path}' has too long a chain of deltas near byte {offset}"
    return DamagedFile(what, path=str(pack.path))
