"""Test that a file replaced by one of equal size and times is noticed, however soon after it was
recorded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo import fsio
from git_datmo.git.command import Git
from git_datmo.model import SHA1
from git_datmo.objects.ingest import FileRead
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.worktree import stat_cache
from git_datmo.worktree.stat_cache import Differences, StatCache
from tests.support.shell import Shell
from tests.support.strategies import bare

fewer = settings(max_examples=max(1, settings().max_examples // 2))
LONG_AGO = 315_532_800
SECOND = 10**9


def in_place(path: Path, content: bytes, modified: int) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(modified, modified))


def anew(path: Path, content: bytes, modified: int) -> None:
    """Replace a file as tar does. The new file gets the old inode number where the file system
    reuses it."""
    path.unlink()
    in_place(path, content, modified)


def renamed(path: Path, content: bytes, modified: int) -> None:
    in_place(path.with_name("beside"), content, modified)
    os.replace(path.with_name("beside"), path)


@dataclass
class World:
    """Hold a working tree with one file, and its cache."""

    shell: Shell
    top: Path

    @property
    def file(self) -> Path:
        return self.top / "data"

    @property
    def cache(self) -> StatCache:
        return StatCache(self.top / "state" / "index", SHA1, self.top)

    def record(self, name: str, *, read: bool = True) -> None:
        """Record a file of the working tree as read or as written."""
        path, edit = self.top / name, self.cache.edit()
        taken = FileRead(
            name.encode(), Node(NodeKind.FILE, SHA1.hash("blob", path.read_bytes())), os.lstat(path)
        )
        (edit.record if read else edit.place)(taken)
        self.cache.update(edit)

    def differences(self, *config: tuple[str, str]) -> Differences:
        return self.cache.differences(
            Git(self.shell.env, Path(self.shell.cwd), self.top, None, config), ["data"]
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    top = tmp_path_factory.mktemp("racy")
    (top / "state").mkdir()
    return World(bare(tmp_path_factory.mktemp("store"), SHA1), top)


@contextmanager
def later(seconds: int, *, patched: bool = False) -> Iterator[None]:
    """Advance the file system's clock for the cache. With `patched`, entries are written in
    place."""
    clock = fsio.file_time
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fsio, "file_time", lambda folder: clock(folder) + seconds * SECOND)
        patch.setattr(stat_cache, "PATCH_SIZE", 0 if patched else 1 << 40)
        yield


ways = st.sampled_from([in_place, anew, renamed])
times = st.sampled_from(["long ago", "now", "tomorrow"])


def begin(world: World, time: str) -> int:
    """Make the file, and nothing of the cache; returns the time of modification."""
    world.cache.path.unlink(missing_ok=True)
    (world.top / "other").write_text("other")
    now = fsio.file_time(world.top)
    modified = {"long ago": LONG_AGO * SECOND, "now": now, "tomorrow": now + 86_400 * SECOND}[time]
    in_place(world.file, b"one", modified)
    return modified


@fewer
@given(time=times, way=ways, read=st.booleans(), patched=st.booleans(), rewritten=st.booleans())
def test_file_replaced_within_the_second_is_seen(
    world: World,
    time: str,
    way: Callable[[Path, bytes, int], None],
    read: bool,
    patched: bool,
    rewritten: bool,
) -> None:
    modified = begin(world, time)
    world.record("data", read=read)
    with later(0, patched=patched):
        world.record("data", read=read)
    way(world.file, b"two", modified)
    if rewritten:
        with later(5, patched=patched):
            world.record("other")
    assert world.differences().changed == (b"data",)


@fewer
@given(way=ways, time=times)
def test_file_replaced_between_reading_and_recording_is_seen(
    world: World, way: Callable[[Path, bytes, int], None], time: str
) -> None:
    """Write the cache seconds later, as after reading other files."""
    modified = begin(world, time)
    with later(-1):
        edit = world.cache.edit()
    edit.place(
        FileRead(b"data", Node(NodeKind.FILE, SHA1.hash("blob", b"one")), os.lstat(world.file))
    )
    way(world.file, b"two", modified)
    with later(5):
        world.cache.update(edit)
    assert world.differences().changed == (b"data",)


def test_file_that_changed_just_before_it_was_read_is_in_doubt(world: World) -> None:
    """Change the file again within the same time stamp, to the nanosecond."""
    begin(world, "long ago")
    edit = world.cache.edit()
    edit.record(
        FileRead(b"data", Node(NodeKind.FILE, SHA1.hash("blob", b"one")), os.lstat(world.file))
    )
    with later(5):
        world.cache.update(edit)
    assert world.differences().changed == (b"data",)


@given(way=ways)
@settings(max_examples=3)
def test_file_replaced_while_the_cache_is_written_is_seen(
    world: World, way: Callable[[Path, bytes, int], None]
) -> None:
    """Write the cache for longer than the second in which it begins."""
    begin(world, "long ago")
    modified = fsio.file_time(world.top) - 2 * SECOND
    in_place(world.file, b"one", modified)
    with later(-3):
        world.record("data", read=False)
    way(world.file, b"two", modified)
    assert world.differences().changed == (b"data",)


@fewer
@given(time=times)
def test_file_that_is_older_than_a_second_is_not_read_again(world: World, time: str) -> None:
    begin(world, time)
    with later(2):
        world.record("data")
    assert not world.differences()


def test_file_written_in_an_earlier_second_is_not_read_again(world: World) -> None:
    begin(world, "long ago")
    with later(0):
        edit = world.cache.edit()
    edit.place(
        FileRead(b"data", Node(NodeKind.FILE, SHA1.hash("blob", b"one")), os.lstat(world.file))
    )
    with later(2):
        world.cache.update(edit)
    assert not world.differences()


@pytest.mark.parametrize("setting", [("core.trustctime", "false"), ("core.checkStat", "minimal")])
def test_change_time_counts_with_every_git_setting(world: World, setting: tuple[str, str]) -> None:
    begin(world, "long ago")
    info = os.lstat(world.file)
    times = {"st_ctime_ns": info.st_ctime_ns - 10 * SECOND, "st_mtime_ns": info.st_mtime_ns}
    edit = world.cache.edit()
    edit.record(
        FileRead(
            b"data",
            Node(NodeKind.FILE, SHA1.hash("blob", b"one")),
            os.stat_result(info[:10], times),
        )
    )
    world.cache.update(edit)
    assert world.differences(setting).changed == (b"data",)
