"""Count the files, folders and bytes of stored content from its trees, before anything is written.

A small tree can stand for a huge folder, since it may name one subfolder many times. Each tree is
read once, so counting takes time in proportion to the stored objects, not to the files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import TREE, TreeEntry
from git_datmo.model import Oid
from git_datmo.objects import stored_names
from git_datmo.objects.chunk_trees import NODE_MAX
from git_datmo.objects.chunks import WHOLE_LIMIT
from git_datmo.objects.stored_folders import PART_LIMIT
from git_datmo.objects.tree_nodes import Node, NodeKind, ReadTree, is_chunked

# Maximum depth of trees: of folders with their parts, and of the nodes of a chunked file.
DEPTH = 500


@dataclass(frozen=True, slots=True)
class Extent:
    """Number of files (links included), folders and bytes of some content."""

    files: int = 0
    folders: int = 0
    bytes: int = 0

    def __add__(self, other: Extent) -> Extent:
        return Extent(
            self.files + other.files, self.folders + other.folders, self.bytes + other.bytes
        )


class ExtentCounter:
    """Counts what new content has beyond old content.

    `read` returns the entries of a tree, `size` the bytes of a blob, or None if it is missing. A
    missing blob counts as no bytes.
    """

    def __init__(self, read: ReadTree, size: Callable[[Oid], int | None]) -> None:
        self._read, self._size = read, size
        self._folders: dict[tuple[Oid, Oid | None], Extent] = {}
        self._chunk_trees: dict[Oid, int] = {}

    def count(self, new: Node, old: Node | None = None) -> Extent:
        """Return the extent of `new` without the folders that `old` has at the same paths.

        Raises `Damaged` for trees that no writer makes.
        """
        if new == old:
            return Extent()
        if new.kind is not NodeKind.FOLDER:
            return Extent(files=1, bytes=self._file_size(new.oid, chunked=new.chunked, depth=0))
        is_folder = old is not None and old.kind is NodeKind.FOLDER
        base = old.oid if old is not None and is_folder else None
        return self._folder(new.oid, base, 0) + Extent(folders=1)

    def _folder(self, oid: Oid, old: Oid | None, depth: int) -> Extent:
        """Return the extent of the entries of a folder, or of a part of a split folder."""
        known = self._folders.get((oid, old))
        # Without these results, nested copies of one tree would take exponential time.
        if known is not None:
            return known
        entries = self._entries(oid, PART_LIMIT, depth)
        same = {entry.name: entry for entry in self._read(old)} if old is not None else {}
        total = Extent()
        for entry in entries:
            was = same.get(entry.name)
            # Equal trees at the same path add nothing, so they are not read.
            if was is not None and was.oid == entry.oid and was.mode == entry.mode:
                continue
            if entry.mode != TREE or is_chunked(entry):
                size = self._file_size(entry.oid, chunked=entry.mode == TREE, depth=depth)
                total += Extent(files=1, bytes=size)
                continue
            base = was.oid if was is not None and was.mode == TREE else None
            below = self._folder(entry.oid, base, depth + 1)
            is_part = entry.name.endswith(stored_names.PART)
            # Below an old part, an empty result only means that nothing is new.
            if is_part and base is None and below == Extent():
                raise Damaged(f"tree '{oid}' has an empty part")
            total += below + Extent(folders=not is_part)
        self._folders[oid, old] = total
        return total

    def _file_size(self, oid: Oid, *, chunked: bool, depth: int) -> int:
        if chunked:
            return self._chunks(oid, depth)
        size = self._size(oid) or 0
        if size > WHOLE_LIMIT:
            raise Damaged(f"blob '{oid}' has {size} bytes, more than {WHOLE_LIMIT}")
        return size

    def _chunks(self, oid: Oid, depth: int) -> int:
        """Return the size of a chunked file, or of a part of it."""
        known = self._chunk_trees.get(oid)
        if known is not None:
            return known
        total = 0
        for entry in self._entries(oid, NODE_MAX, depth):
            if entry.mode == TREE:
                total += self._chunks(entry.oid, depth + 1)
            elif self._size(entry.oid) == 0:
                raise Damaged(f"chunk '{entry.oid}' is empty")
            else:
                total += self._file_size(entry.oid, chunked=False, depth=depth)
        self._chunk_trees[oid] = total
        return total

    def _entries(self, oid: Oid, most: int, depth: int) -> list[TreeEntry]:
        if depth > DEPTH:
            raise Damaged(f"its folders are more than {DEPTH} levels deep")
        entries = list(self._read(oid))
        if not entries and most == NODE_MAX:
            raise Damaged(f"the chunk tree '{oid}' is empty")
        if len(entries) > most:
            raise Damaged(f"tree '{oid}' has {len(entries)} entries, more than {most}")
        return entries
