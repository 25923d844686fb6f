"""Write large files as trees of chunks and read them again.

Every function is pure and works over a reader or a writer of trees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import BLOB, TREE, TreeEntry, encode_tree
from git_datmo.git.safe_paths import show
from git_datmo.model import Oid
from git_datmo.objects.chunks import MAX_SIZE
from git_datmo.objects.tree_nodes import ReadTree, WriteTree

# A node of a chunk tree ends after an entry whose id's last byte has all `NODE_MASK` bits zero. A
# node has at least NODE_MIN entries (except the last) and at most NODE_MAX. Part of the format.
NODE_MIN = 16

NODE_MAX = 512

NODE_MASK = 0x7F

_OFFSET = re.compile(rb"[0-9a-f]{16}\Z")


def write_chunks(chunks: Iterable[tuple[Oid, int]], write: WriteTree) -> Oid:
    """Write the tree of a chunked file and return its id.

    `chunks` are the ids and sizes of its chunks, in order. Each entry is named by its offset within
    its own tree. So equal regions of two files share whole subtrees.
    """
    level = [(TreeEntry(b"", BLOB, oid), size) for oid, size in chunks]
    while True:
        # At least one node is made, so a file of one chunk is a tree too.
        level = [_write_node(group, write) for group in _groups(level)]
        if len(level) == 1:
            return level[0][0].oid


def _groups(level: list[tuple[TreeEntry, int]]) -> Iterator[list[tuple[TreeEntry, int]]]:
    """Cut a level of a chunk tree into nodes. The boundaries depend only on the entry ids."""
    group: list[tuple[TreeEntry, int]] = []
    for item in level:
        group.append(item)
        # The id is a hash, so on average every 128th entry after the least number ends a node.
        if (len(group) >= NODE_MIN and item[0].oid[-1] & NODE_MASK == 0) or len(group) == NODE_MAX:
            yield group
            group = []
    if group:
        yield group


def _write_node(group: list[tuple[TreeEntry, int]], write: WriteTree) -> tuple[TreeEntry, int]:
    """Write a node of a chunk tree; return its unnamed entry and its size in bytes."""
    offset, entries = 0, []
    for entry, size in group:
        entries.append(TreeEntry(b"%016x" % offset, entry.mode, entry.oid))
        offset += size
    return TreeEntry(b"", TREE, write(encode_tree(entries))), offset


def chunk_sizes(entries: Sequence[TreeEntry]) -> list[int]:
    """Return the size in bytes of each entry of a chunk tree.

    The sizes are computed from the offsets in the names. The size of the last entry is 0, since no
    offset follows it. Sizes outside 1 to `MAX_SIZE`, and all sizes of a tree with invalid names,
    are 0 too.
    """
    if not all(_OFFSET.match(entry.name) for entry in entries):
        return [0] * len(entries)
    offsets = [int(entry.name, 16) for entry in entries]
    sizes = (end - start for start, end in pairwise(offsets))
    return [size if 0 < size <= MAX_SIZE else 0 for size in sizes] + [0] * bool(offsets)


def read_chunks(oid: Oid, read: ReadTree) -> Iterator[Oid]:
    """Yield the ids of the chunks of a file, in order.

    Raises `Damaged` if an entry does not belong in a chunk tree.
    """
    for entry in read(oid):
        if not _OFFSET.match(entry.name) or entry.mode not in (BLOB, TREE):
            raise Damaged(f"the entry {show(entry.name)} does not belong in a file's chunk tree")
        if entry.mode == TREE:
            yield from read_chunks(entry.oid, read)
        else:
            yield entry.oid
