"""Test which streams of a remote engine are accepted."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.engines.folder_transfer import AGED, FolderTransfer
from git_datmo.errors import DatmoError

OWNER = (os.getuid(), os.getgid())


def archive(fill: Callable[[tarfile.TarFile], None]) -> list[bytes]:
    """Return a stream in small pieces, whose names begin as the engine's do."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as made:
        fill(made)
    whole = target.getvalue()
    return [whole[at : at + 700] for at in range(0, len(whole), 700)]


def entry(name: str, content: bytes = b"", **more: object) -> tuple[tarfile.TarInfo, io.BytesIO]:
    info = tarfile.TarInfo(f"work/{name}")
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, io.BytesIO(content)


def test_packed_folder_is_unpacked_equal(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/file").write_bytes(b"x" * 3_000_000)
    (folder / "a/link").symlink_to("b/file")
    luggage = FolderTransfer(folder, OWNER)
    there = tmp_path / "work"
    there.mkdir()
    with tarfile.open(fileobj=io.BytesIO(b"".join(luggage.pack()))) as packed:
        packed.extractall(there, filter="tar")
    (there / "a/b/file").write_bytes(b"new")
    (there / "a/link").unlink()
    luggage.unpack(archive(lambda made: made.add(there, "work")))
    assert (folder / "a/b/file").read_bytes() == b"new"
    assert not (folder / "a/link").is_symlink()


def test_packed_entry_may_change_its_kind(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("x")
    (folder / "deep").mkdir()
    (folder / "deep/x").write_text("x")
    luggage = FolderTransfer(folder, OWNER)
    list(luggage.pack())

    def fill(made: tarfile.TarFile) -> None:
        made.addfile(entry("file", type=tarfile.DIRTYPE, mode=0o755)[0])
        made.addfile(*entry("file/inner", b"1"))
        made.addfile(*entry("deep", b"a file"))

    luggage.unpack(archive(fill))
    assert (folder / "file/inner").read_bytes() == b"1"
    assert (folder / "deep").read_bytes() == b"a file"


def test_folder_replaced_by_link_keeps_files_behind_it(tmp_path: Path) -> None:
    folder, other = tmp_path / "folder", tmp_path / "other"
    (folder / "deep").mkdir(parents=True)
    other.mkdir()
    for place in (folder / "deep", other):
        (place / "x").write_text("x")
    luggage = FolderTransfer(folder, OWNER)
    list(luggage.pack())
    luggage.unpack(
        archive(
            lambda made: made.addfile(entry("deep", type=tarfile.SYMTYPE, linkname=str(other))[0])
        )
    )
    assert os.readlink(folder / "deep") == str(other)
    assert (other / "x").read_text() == "x"


def test_file_with_unchanged_time_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    os.utime(tmp_path / "file", (AGED + 7, AGED + 7))
    luggage = FolderTransfer(tmp_path, OWNER)
    list(luggage.pack())
    luggage.unpack(archive(lambda made: made.addfile(*entry("file", b"tree", mtime=7))))
    assert (tmp_path / "file").read_text() == "here"
    luggage.unpack(archive(lambda made: made.addfile(*entry("file", b"tree", mtime=8))))
    assert (tmp_path / "file").read_text() == "tree"


@pytest.mark.parametrize("name", ["../out", "a/../../out", "link/out"])
def test_packed_paths_outside_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    luggage = FolderTransfer(folder, OWNER)

    def fill(made: tarfile.TarFile) -> None:
        made.addfile(entry("link", type=tarfile.SYMTYPE, linkname="..")[0])
        made.addfile(*entry(name, b"escaped"))

    with pytest.raises(DatmoError, match="cannot copy what the run wrote"):
        luggage.unpack(archive(fill))
    assert not (tmp_path / "out").exists()


def test_truncated_stream_gives_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    luggage = FolderTransfer(tmp_path, OWNER)
    list(luggage.pack())
    whole = b"".join(archive(lambda made: made.addfile(*entry("file", b"x" * 5000))))
    with pytest.raises(DatmoError):
        luggage.unpack([whole[:2000]])
