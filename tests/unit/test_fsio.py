"""Locks: who shares one, whom it keeps out, and that it goes with its process; copies, by the kernel and by hand."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError
from git_datmo.fsio import copy_content, locked


def is_free(path: Path, *, shared: bool) -> bool:
    try:
        with locked(path, shared=shared, seconds=0):
            return True
    except DatmoError:
        return False


def test_a_shared_lock_keeps_out_only_who_wants_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with locked(path, shared=True):
        assert is_free(path, shared=True)
        assert not is_free(path, shared=False)
    with locked(path):
        assert not is_free(path, shared=True)
        assert not is_free(path, shared=False)
    assert is_free(path, shared=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_where_nothing_can_be_written_a_shared_lock_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o555)
    with locked(tmp_path / "folder" / "lock", shared=True):
        pass
    with pytest.raises(PermissionError), locked(tmp_path / "folder" / "lock"):
        pass


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    child = os.fork()
    if child == 0:
        with locked(path):
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert is_free(path, shared=False)


@pytest.mark.parametrize("by_the_kernel", [None, 0, 70_000])
def test_a_copy_is_whole_however_far_the_kernel_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_the_kernel: int | None
) -> None:
    content = os.urandom(200_000)
    (tmp_path / "source").write_bytes(content)
    if by_the_kernel is not None:
        left = [by_the_kernel]

        def refusing(source: int, target: int, _: int) -> int:
            if not left:
                raise OSError(errno.EXDEV, "another file system")
            return os.write(target, os.read(source, left.pop()))

        monkeypatch.setattr(os, "copy_file_range", refusing)
    with open(tmp_path / "source", "rb") as source, open(tmp_path / "target", "w+b") as target:
        copy_content(source, target)
    assert (tmp_path / "target").read_bytes() == content


def test_a_copy_that_fails_for_want_of_room_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    (tmp_path / "source").write_bytes(b"content")
    monkeypatch.setattr(os, "copy_file_range", full)
    with (
        open(tmp_path / "source", "rb") as source,
        open(tmp_path / "target", "w+b") as target,
        pytest.raises(OSError, match="no space"),
    ):
        copy_content(source, target)
