"""Test durable steps: copies by the kernel and by hand, and file systems that cannot sync a
folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from git_datmo.fsio import copy_content, write_file


@pytest.mark.parametrize("by_the_kernel", [None, 0, 70_000])
def test_copy_is_complete_after_short_kernel_copies(
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


def test_copy_without_disk_space_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.ENOTSUP, errno.EBADF])
def test_file_on_a_system_without_fsync_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    def refusing(_: int) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "fsync", refusing)
    write_file(tmp_path / "folder" / "file", b"content")
    assert (tmp_path / "folder" / "file").read_bytes() == b"content"


def test_file_that_fails_to_sync_is_not_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "file").write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        write_file(tmp_path / "file", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"before"
