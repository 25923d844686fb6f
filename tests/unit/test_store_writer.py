"""Test writing to a store in packs of a preset number of objects, without releasing memory too
early."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.git.command import Git
from git_datmo.git.deflate import stored
from git_datmo.git.pack_writer import make_entry
from git_datmo.model import SHA1
from git_datmo.objects import store as module
from git_datmo.objects.store import Store, StoreWriter
from git_datmo.objects.store_location import create_store

SIZE = 1 << 16
# Of ten expected objects, this many are in the first pack, and the others in the next.
FIRST = 7


@pytest.fixture
def store(
    tmp_path: Path, sealed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    monkeypatch.setattr(module, "PACK_COUNTED", 4 * SIZE)
    git = Git(sealed)
    create_store(git, tmp_path / "store.git", SHA1)
    with Store(git, tmp_path / "store.git", SHA1) as opened:
        yield opened


def add(writer: StoreWriter, memory: memoryview) -> None:
    writer.add(make_entry(SHA1.hash("blob", memory), "blob", len(memory), stored(memory)))


@pytest.mark.parametrize("number", [FIRST - 1, FIRST, FIRST + 1])
def test_memory_is_kept_until_it_was_hashed(store: Store, number: int) -> None:
    """Write as many objects as the first pack holds, one more, and one less."""
    memory = memoryview(bytearray(os.urandom(number * SIZE)))
    go_on = threading.Event()
    with store.writer() as writer:
        writer.expect(10, 10 * SIZE)
        writer._thread().submit(go_on.wait)
        for start in range(0, len(memory), SIZE):
            add(writer, memory[start : start + SIZE])
        done = writer.flush()
        early = done is None or done.done()
        go_on.set()
        assert not early
        assert done is not None
        done.result()
        memory[:] = bytes(len(memory))
    packs = sorted((store.path / "objects" / "pack").glob("*.pack"))
    assert len(packs) == 1 + (number > FIRST)
    for pack in packs:
        store.git.run("verify-pack", "--object-format=sha1", "--", str(pack))
