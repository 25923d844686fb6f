"""Test that layers depend on the content of their files alone."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.oci.layer_archive import (
    BytesSource,
    DiskSource,
    LayerFile,
    copy_layer,
    files_below,
    write_layer,
)

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
PATHS = NAMES.filter(lambda name: name not in {".", ".."} and len(name.encode()) < 200)


@settings(max_examples=30)
@given(contents=st.dictionaries(PATHS, st.binary(max_size=2000), max_size=6), turn=st.randoms())
def test_layer_does_not_depend_on_the_order_of_its_files(
    contents: dict[str, bytes], turn: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("layers")
    files = [LayerFile(f"/srv/in/{name}", BytesSource(c)) for name, c in contents.items()]
    first = write_layer(files, folder, "")
    turn.shuffle(files)  # type: ignore[attr-defined]
    assert write_layer(files, folder, "") == first
    with tarfile.open(first.path) as archive:
        found = {
            entry.name: archive.extractfile(entry).read()  # type: ignore[union-attr]
            for entry in archive
            if entry.isreg()
        }
    assert found == {f"srv/in/{name}": content for name, content in contents.items()}


def test_layer_of_a_folder_has_no_times_and_no_owners(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "bin").mkdir(parents=True)
    program, data = source / "bin" / "run", source / "data.txt"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    data.write_text("1")
    (source / "link").symlink_to("data.txt")
    os.mkfifo(source / "pipe")
    first = write_layer(files_below(source, "/opt/x"), tmp_path, "")
    os.utime(data, (1, 1))
    data.chmod(0o640)
    assert write_layer(files_below(source, "/opt/x"), tmp_path, "").digest == first.digest
    with tarfile.open(first.path) as archive:
        entries = {entry.name: entry for entry in archive}
    assert list(entries) == [
        "opt", "opt/x", "opt/x/bin", "opt/x/bin/run", "opt/x/data.txt", "opt/x/link",
    ]  # fmt: skip
    assert {(e.uid, e.gid, e.mtime, e.uname) for e in entries.values()} == {(0, 0, 0, "")}
    assert entries["opt/x/bin/run"].mode == 0o755
    assert entries["opt/x/data.txt"].mode == 0o644
    assert entries["opt/x/link"].linkname == "data.txt"


def test_file_that_grows_while_it_is_written_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"12")

    class Grown(DiskSource):
        size = 1

    with pytest.raises(OSError, match="has 2 bytes and not 1"):
        write_layer([LayerFile("/model", Grown(path))], tmp_path, "")


def test_existing_layer_is_taken_with_its_digest(tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    layer = write_layer([LayerFile("/a", BytesSource(b"1"))], tmp_path, "")
    copied = copy_layer(layer.path, layer.digest, tmp_path / "to", "base")
    assert (copied.digest, copied.size) == (layer.digest, layer.size)
    assert copied.path.read_bytes() == layer.path.read_bytes()
