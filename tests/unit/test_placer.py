"""Test that files are checked out complete, or not at all, with the reason."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.git.pack_writer import make_entry
from git_datmo.model import SHA1
from git_datmo.objects.chunks import BLOCK
from git_datmo.objects.store import Store
from git_datmo.objects.store_location import create_store
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.objects.worker_pool import WorkerPool
from git_datmo.progress import QUIET
from git_datmo.worktree.file_placer import CHUNKS, Placer, Placing
from git_datmo.worktree.stat_cache_edit import CacheEdit


def in_tiny_blocks(content: bytes) -> bytes:
    """Return a zlib stream with a stored block for each byte."""
    blocks = (
        b"%c\1\0\376\377%c" % (place == len(content) - 1, byte)
        for place, byte in enumerate(content)
    )
    return b"\x78\x01" + b"".join(blocks) + zlib.adler32(content).to_bytes(4, "big")


def test_chunk_may_have_more_blocks_than_one_call_writes(
    tmp_path: Path, sealed: dict[str, str]
) -> None:
    # As many blocks as a reader looks for in a stream of that content, in as many chunks as are
    # written in one turn.
    contents = [os.urandom(200) for _ in range(CHUNKS)]
    git = Git(sealed)
    create_store(git, tmp_path / "store.git", SHA1)
    with Store(git, tmp_path / "store.git", SHA1) as store:
        with store.writer() as writer:
            for content in contents:
                stream = in_tiny_blocks(content)
                assert zlib.decompress(stream) == content
                writer.add(make_entry(SHA1.hash("blob", content), "blob", len(content), (stream,)))
        store.objects.refresh()
        placer, edit = Placer(store, os.fsencode(tmp_path)), CacheEdit(SHA1)
        with WorkerPool({"files": placer.whole_files, "chunks": placer.chunks}, BLOCK) as crew:
            placing = Placing(crew, edit, QUIET)
            node = Node(NodeKind.FILE, SHA1.hash("tree", b""), chunked=True)
            placing.large(
                placer.begin(b"large", node), iter([SHA1.hash("blob", each) for each in contents])
            )
            placing.finish()
    assert (tmp_path / "large").read_bytes() == b"".join(contents)


@pytest.mark.parametrize("large", [False, True])
def test_name_that_the_file_system_refuses_is_named_and_leaves_nothing(
    tmp_path: Path, sealed: dict[str, str], large: bool
) -> None:
    git = Git(sealed)
    create_store(git, tmp_path / "store.git", SHA1)
    top, path = tmp_path / "top", b"x" * 300
    top.mkdir()
    with Store(git, tmp_path / "store.git", SHA1) as store:
        with store.writer() as writer:
            oid = writer.put("blob", b"content")
        store.objects.refresh()
        placer = Placer(store, os.fsencode(top))
        file = placer.begin(path, Node(NodeKind.FILE, oid, chunked=True))
        file.add([memoryview(b"content")])
        place = file.finish if large else lambda: placer.place(path, Node(NodeKind.FILE, oid))
        with pytest.raises(DatmoError) as caught:
            place()
        file.close()
    assert caught.value.what == f"cannot write '{'x' * 300}': File name too long"
    assert "git datmo checkout REV -- PATH" in caught.value.hint
    assert list(top.iterdir()) == []
