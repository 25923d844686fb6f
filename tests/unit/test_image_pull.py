"""Test how an image of a registry becomes files: platforms, compression, and damaged answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError
from git_datmo.oci.image_layout import digest_of
from git_datmo.oci.image_pull import PulledImage, pull_image
from git_datmo.oci.registry_client import Registry
from git_datmo.progress import QUIET

LAYER = b"a layer"


@dataclass(frozen=True)
class Answer:
    """Stand in for an answer of a registry."""

    content: bytes

    def iter_content(self, size: int) -> Iterator[bytes]:
        for index in range(0, len(self.content), size):
            yield self.content[index : index + size]


class StoredImage:
    """Hold the answers of a registry that has one image, below an index."""

    def __init__(self, blob: bytes, *, architecture: str = "amd64") -> None:
        rootfs = {"type": "layers", "diff_ids": [digest_of(LAYER)]}
        config = {"os": "linux", "architecture": architecture, "rootfs": rootfs}
        self.answers: dict[str, bytes] = {}
        layer = {"digest": self.add("blobs", blob), "size": len(blob)}
        configuration = {"digest": self.add("blobs", json.dumps(config).encode())}
        manifest = json.dumps({"config": configuration, "layers": [layer]}).encode()
        self.manifest = self.add("manifests", manifest)
        platforms = [
            {"digest": "sha256:" + "0" * 64, "platform": {"os": "unknown"}},
            {"digest": self.manifest, "platform": {"os": "linux", "architecture": "amd64"}},
        ]
        self.answers["manifests/1"] = json.dumps({"manifests": platforms}).encode()

    def add(self, kind: str, content: bytes) -> str:
        digest = digest_of(content)
        self.answers[f"{kind}/{digest}"] = content
        return digest

    def pull(
        self,
        monkeypatch: pytest.MonkeyPatch,
        folder: Path,
        platform: str = "linux/amd64",
        name: str = "127.0.0.1:1/base:1",
    ) -> PulledImage:
        monkeypatch.setattr(Registry, "read", lambda _self, path, _: Answer(self.answers[path]))
        environ = {"DOCKER_CONFIG": str(folder)}
        return pull_image(name, platform, environ, folder, QUIET)


@pytest.mark.parametrize("blob", [LAYER, gzip.compress(LAYER, mtime=0)], ids=["plain", "gzip"])
def test_layers_are_written_without_compression(
    blob: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored = StoredImage(blob)
    for name in ("127.0.0.1:1/base:1", f"127.0.0.1:1/base@{stored.manifest}"):
        pulled = stored.pull(monkeypatch, tmp_path, name=name)
        (layer,) = pulled.layers
        assert (layer.digest, layer.path.read_bytes()) == (digest_of(LAYER), LAYER)
        assert [path.name for path in tmp_path.iterdir()] == [layer.path.name]


def test_image_of_another_platform_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(DatmoError, match="is not made for linux/arm64"):
        StoredImage(LAYER).pull(monkeypatch, tmp_path, "linux/arm64")
    with pytest.raises(DatmoError, match="is not made for linux/amd64"):
        StoredImage(LAYER, architecture="arm64").pull(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (b"\x28\xb5\x2f\xfd compressed otherwise", "compressed in a way"),
        (gzip.compress(LAYER, mtime=0)[:-9], "sent no image"),
        (b"\x1f\x8b no gzip", "sent no image"),
    ],
    ids=["unknown", "cut", "damaged"],
)
def test_layer_that_cannot_be_read_is_refused(
    blob: bytes, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(DatmoError, match=said):
        StoredImage(blob).pull(monkeypatch, tmp_path)


@pytest.mark.parametrize("content", [b"no JSON", b"[]", b"{}", b'{"config": 1, "layers": []}'])
def test_answer_that_is_no_manifest_is_refused(
    content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored = StoredImage(LAYER)
    stored.answers["manifests/1"] = content
    with pytest.raises(DatmoError, match="sent no image"):
        stored.pull(monkeypatch, tmp_path)


def test_content_of_another_digest_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for kind in ("blobs", "manifests"):
        stored = StoredImage(LAYER)
        for name in [name for name in stored.answers if name.startswith(f"{kind}/sha256")]:
            stored.answers[name] += b" "
        with pytest.raises(DatmoError, match="something else than sha256"):
            stored.pull(monkeypatch, tmp_path)
