"""Test that layouts of images hold each blob once, and keep other images."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from git_datmo.oci.image_layout import archive_pieces, write_layout
from tests.support.tiny_image import make_image, make_layer


def test_layout_has_each_blob_under_its_digest(tmp_path: Path) -> None:
    image = make_image(make_layer(tmp_path / "l", {"/a": b"1"}))
    write_layout(image, tmp_path / "oci", "v1")
    blobs = sorted((tmp_path / "oci" / "blobs" / "sha256").iterdir())
    assert len(blobs) == 3
    assert all(hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name for blob in blobs)


def test_second_image_in_a_layout_shares_layers_and_keeps_the_first(tmp_path: Path) -> None:
    base = make_layer(tmp_path / "l", {"/big": b"1" * 100_000})
    first = make_image(base, make_layer(tmp_path / "l", {"/code": b"1"}))
    second = make_image(base, make_layer(tmp_path / "l", {"/code": b"2"}))
    write_layout(first, tmp_path / "oci", "v1")
    size = sum(path.stat().st_size for path in (tmp_path / "oci").rglob("*") if path.is_file())
    write_layout(second, tmp_path / "oci", "v2")
    grown = sum(path.stat().st_size for path in (tmp_path / "oci").rglob("*") if path.is_file())
    assert grown - size < 20_000
    index = json.loads((tmp_path / "oci" / "index.json").read_bytes())
    assert [each["digest"] for each in index["manifests"]] == [first.digest, second.digest]
    write_layout(second, tmp_path / "oci", "v1")
    index = json.loads((tmp_path / "oci" / "index.json").read_bytes())
    assert [each["digest"] for each in index["manifests"]] == [second.digest]


def test_archive_depends_on_the_image_alone(tmp_path: Path) -> None:
    first = make_image(make_layer(tmp_path / "one", {"/a": b"1", "/b": b"2"}))
    second = make_image(make_layer(tmp_path / "two", {"/b": b"2", "/a": b"1"}))
    assert b"".join(archive_pieces(first, ["x:1"])) == b"".join(archive_pieces(second, ["x:1"]))
    assert first.digest == second.digest
