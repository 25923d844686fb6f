"""Test that the extent of content is counted from its trees, each read once."""

from __future__ import annotations

import pytest

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import BLOB, TREE, TreeEntry
from git_datmo.model import SHA1, Oid
from git_datmo.objects.content_counts import DEPTH, Extent, ExtentCounter
from git_datmo.objects.stored_folders import write_folder
from git_datmo.objects.tree_nodes import Node, NodeKind


class Trees:
    """Hold trees in memory, and count their reads."""

    def __init__(self) -> None:
        self.trees: dict[Oid, list[TreeEntry]] = {}
        self.sizes: dict[Oid, int] = {}
        self.reads = 0

    def blob(self, name: str, size: int) -> Oid:
        oid = SHA1.hash("blob", name.encode())
        self.sizes[oid] = size
        return oid

    def tree(self, *entries: TreeEntry) -> Oid:
        oid = SHA1.hash("tree", repr(entries).encode())
        self.trees[oid] = list(entries)
        return oid

    def read(self, oid: Oid) -> list[TreeEntry]:
        self.reads += 1
        return self.trees[oid]

    def counter(self) -> ExtentCounter:
        return ExtentCounter(self.read, self.sizes.get)


def folder(oid: Oid) -> Node:
    return Node(NodeKind.FOLDER, oid)


def tower(trees: Trees, leaf: Oid, levels: int, width: int) -> Oid:
    for _ in range(levels):
        leaf = trees.tree(*(TreeEntry(b"d%03d" % number, TREE, leaf) for number in range(width)))
    return leaf


def test_shared_folders_are_counted_as_often_as_they_occur_and_read_once() -> None:
    trees = Trees()
    leaf = trees.tree(TreeEntry(b"x", BLOB, trees.blob("x", 3)))
    top = tower(trees, leaf, 4, 200)
    folders = sum(200**level for level in range(5))
    assert trees.counter().count(folder(top)) == Extent(200**4, folders, 3 * 200**4)
    assert trees.reads == 5


def test_folder_that_the_old_content_has_at_the_same_path_is_not_read() -> None:
    trees = Trees()
    same = trees.tree(TreeEntry(b"x", BLOB, trees.blob("x", 3)))
    old = trees.tree(TreeEntry(b"a", TREE, same))
    new = trees.tree(TreeEntry(b"a", TREE, same), TreeEntry(b"b", BLOB, trees.blob("y", 7)))
    assert trees.counter().count(folder(new), folder(old)) == Extent(1, 1, 7)
    assert trees.reads == 2


def test_folders_deeper_than_the_limit_are_refused() -> None:
    trees = Trees()
    leaf = trees.tree(TreeEntry(b"x", BLOB, trees.blob("x", 3)))
    assert trees.counter().count(folder(tower(trees, leaf, DEPTH, 1))).files == 1
    with pytest.raises(Damaged, match="levels deep"):
        trees.counter().count(folder(tower(trees, leaf, DEPTH + 1, 1)))


def test_parts_of_a_split_folder_are_no_folders() -> None:
    trees = Trees()
    blob = trees.blob("x", 1)

    def write(content: bytes) -> Oid:
        from git_datmo.git.object_encoding import parse_tree

        return trees.tree(*parse_tree(content, SHA1))

    nodes = {b"%d" % number: Node(NodeKind.FILE, blob) for number in range(1000)}
    assert trees.counter().count(folder(write_folder(nodes, write))) == Extent(1000, 1, 1000)


@pytest.mark.parametrize("name", [b"a.datmo-part", b"big.datmo-file"])
def test_empty_part_and_empty_chunk_tree_are_refused(name: bytes) -> None:
    trees = Trees()
    top = trees.tree(TreeEntry(name, TREE, trees.tree()))
    with pytest.raises(Damaged, match="empty"):
        trees.counter().count(folder(top))


def test_empty_chunk_and_large_blob_are_refused() -> None:
    trees = Trees()
    node = trees.tree(TreeEntry(b"%016x" % 0, BLOB, trees.blob("x", 0)))
    with pytest.raises(Damaged, match="empty"):
        trees.counter().count(Node(NodeKind.FILE, node, chunked=True))
    with pytest.raises(Damaged, match="more than"):
        trees.counter().count(Node(NodeKind.FILE, trees.blob("y", (1 << 20) + 1)))
