"""Make a small image of layers that a test chooses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from git_datmo.oci.image_layout import OciImage, encode
from git_datmo.oci.layer_archive import BytesSource, Layer, LayerFile, write_layer


def make_layer(folder: Path, contents: Mapping[str, bytes]) -> Layer:
    """Write a layer with these files, by their absolute paths, into `folder`."""
    folder.mkdir(exist_ok=True)
    files = [LayerFile(path, BytesSource(content)) for path, content in contents.items()]
    return write_layer(files, folder, "files of a test")


def make_image(*layers: Layer) -> OciImage:
    """Return an image of the layers that starts nothing."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-02T03:04:05Z",
        "config": {"Labels": {"from": "a test"}},
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        "history": [{"created_by": "a test", "comment": layer.comment} for layer in layers],
    }
    return OciImage(encode(config), layers, {"org.opencontainers.image.title": "test"})
