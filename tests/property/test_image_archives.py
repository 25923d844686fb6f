"""Test that an image's files are equal for every engine's archive, and give an archive back."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.engines.image_archive import CONFIG, LAYERS, pack, read_image, unpack
from git_datmo.errors import Damaged

# A layer never begins like a gzip file.
tars = st.binary(max_size=3000).map(lambda data: b"name" + data)
layers = st.lists(tars, min_size=1, max_size=4).flatmap(
    lambda found: st.lists(st.sampled_from(found), min_size=1, max_size=6)
)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def configuration(contents: Sequence[bytes], label: str = "") -> bytes:
    document = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"of": label} if label else None},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(each)}" for each in contents]},
    }
    return json.dumps(document).encode()


def archive(style: str, contents: Sequence[bytes], config: bytes) -> bytes:
    """Write an archive as an engine does, its index last."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as made:
        names = [STYLES[style](made, number, contents) for number in range(len(contents))]
        inside = (
            f"{sha256(config)}.json"
            if style in ("folders", "flat")
            else f"blobs/sha256/{sha256(config)}"
        )
        add(made, inside, config)
        add(made, "repositories", b"{}")
        add(
            made,
            "manifest.json",
            json.dumps([{"Config": inside, "RepoTags": ["a:b"], "Layers": names}]).encode(),
        )
    return raw.getvalue()


def in_folders(made: tarfile.TarFile, number: int, contents: Sequence[bytes]) -> str:
    """Lay out an image as Docker up to 24: a folder for each layer, and links to layers written
    before."""
    name, first = f"{number:064x}/layer.tar", contents.index(contents[number])
    add(made, f"{number:064x}/json", b"{}")
    if first == number:
        add(made, name, contents[number])
    else:
        add_link(made, name, f"../{first:064x}/layer.tar")
    return name


def flat(made: tarfile.TarFile, number: int, contents: Sequence[bytes]) -> str:
    """Lay out an image as Podman: a file for each layer, with links from older paths."""
    name = f"{sha256(contents[number])}.tar"
    if contents.index(contents[number]) == number:
        add(made, name, contents[number])
    add_link(made, f"{number:064x}/layer.tar", f"../{name}")
    return name


def as_blob(made: tarfile.TarFile, content: bytes) -> str:
    """Lay out an image as Docker from 25 on."""
    name = f"blobs/sha256/{sha256(content)}"
    add(made, name, content)
    return name


STYLES: dict[str, Callable[[tarfile.TarFile, int, Sequence[bytes]], str]] = {
    "folders": in_folders,
    "flat": flat,
    "blobs": lambda made, number, contents: as_blob(made, contents[number]),
    "packed": lambda made, number, contents: as_blob(
        made, gzip.compress(contents[number], mtime=number)
    ),
}


def add(made: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    made.addfile(entry, io.BytesIO(content))


def add_link(made: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    made.addfile(entry)


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


styles = st.sampled_from(sorted(STYLES))


@given(styles, layers, st.text(max_size=5), st.integers(1, 5000))
def test_files_are_the_same_from_every_archive_and_back(
    style: str, contents: list[bytes], label: str, size: int
) -> None:
    config = configuration(contents, label)
    wanted = {CONFIG: config, **{f"{LAYERS}/{sha256(each)}": each for each in contents}}
    with tempfile.TemporaryDirectory() as scratch:
        one, other = Path(scratch, "one"), Path(scratch, "other")
        one.mkdir()
        other.mkdir()
        found = unpack(in_pieces(archive(style, contents, config), size), one)
        assert files_of(one) == wanted
        assert found.digest == f"sha256:{sha256(config)}"
        assert found.platform == "linux/amd64"
        assert found.labels == ({"of": label} if label else {})
        packed = b"".join(pack(one))
        assert unpack(in_pieces(packed, size), other) == found == read_image(other)
        assert files_of(other) == wanted
    with tarfile.open(fileobj=io.BytesIO(packed)) as made:
        named = json.load(made.extractfile("manifest.json") or io.BytesIO())
        (told,) = named
        assert [
            (made.extractfile(name) or io.BytesIO()).read() for name in told["Layers"]
        ] == contents


@given(styles, layers, st.data())
def test_archive_that_is_cut_off_or_of_other_layers_is_damaged(
    style: str, contents: list[bytes], data: st.DataObject
) -> None:
    config = configuration(contents)
    whole = archive(style, contents, config).rstrip(b"\0")
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    other = archive(style, [*contents, b"one more"], config)
    for broken in (cut, other):
        with tempfile.TemporaryDirectory() as scratch, pytest.raises(Damaged):
            unpack(in_pieces(broken, 4096), Path(scratch))
