"""Test the listing of missing objects, in content order and with sizes from names, and how a fetch
divides it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from git_datmo.git.command import Git
from git_datmo.model import SHA1, Oid
from git_datmo.objects.chunk_trees import write_chunks
from git_datmo.objects.store import Store
from git_datmo.objects.store_location import create_store
from git_datmo.objects.stored_folders import write_folder
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.remotes.missing_objects import find_missing
from git_datmo.remotes.object_slices import LEAST, divide_wanted


def absent(number: int) -> Oid:
    return Oid(number.to_bytes(SHA1.size, "big"))


def missing_from(
    sealed: dict[str, str], folder: Path, make: Callable[[Callable[[bytes], Oid]], Node]
) -> dict[Oid, int]:
    create_store(Git(sealed), folder, SHA1)
    with Store(Git(sealed), folder, SHA1) as store:
        with store.writer() as writer:
            node = make(writer.put_tree)
        missing = find_missing(store, [node])
    assert not missing.trees
    return dict(missing.blobs)


def test_chunks_come_in_their_order_with_their_bytes(
    tmp_path: Path, sealed: dict[str, str]
) -> None:
    sizes = [100_000 + number for number in range(500)]

    def make(write: Callable[[bytes], Oid]) -> Node:
        chunked = write_chunks(((absent(1000 - n), size) for n, size in enumerate(sizes)), write)
        return Node(
            NodeKind.FOLDER,
            write_folder({b"large": Node(NodeKind.FILE, chunked, chunked=True)}, write),
        )

    found = missing_from(sealed, tmp_path / "store.git", make)
    assert list(found) == [absent(1000 - n) for n in range(500)]
    told = [(size, known) for size, known in zip(sizes, found.values(), strict=True) if known]
    assert all(size == known for size, known in told)
    # The last of a node is told by nothing.
    assert len(told) > 450


def test_files_that_are_named_by_numbers_are_no_chunks(
    tmp_path: Path, sealed: dict[str, str]
) -> None:
    """Name files by numbers, which must not count as the sizes of chunks."""

    def make(write: Callable[[bytes], Oid]) -> Node:
        files = {
            b"%016x" % (number << 40): Node(NodeKind.FILE, absent(number + 1))
            for number in range(500)
        }
        return Node(NodeKind.FOLDER, write_folder(files, write))

    found = missing_from(sealed, tmp_path / "store.git", make)
    assert set(found.values()) == {0}
    assert len(list(divide_wanted(found, 2 * LEAST))) == 3
