"""Fetch an image from a registry as files (OCI distribution specification, "Pulling")."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from requests.exceptions import RequestException

from git_datmo.errors import DatmoError
from git_datmo.oci.image_layout import digest_of
from git_datmo.oci.image_reference import parse_reference
from git_datmo.oci.layer_archive import Layer, copy_layer
from git_datmo.oci.registry_client import Registry
from git_datmo.progress import Progress

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# Errors of answers that are none of an image.
_DAMAGES = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
)
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class PulledImage:
    """The configuration of an image, and its layers as tar files that are not compressed."""

    config: bytes
    layers: tuple[Layer, ...]


def pull_image(
    text: str, platform: str, environ: Mapping[str, str], folder: Path, progress: Progress
) -> PulledImage:
    """Fetch the image that `text` names, for a platform as `linux/amd64`, into `folder`.

    `text` can end with a digest. Raises `DatmoError` if the registry does not have it.
    """
    try:
        return _pull(text, platform, environ, folder, progress)
    except RequestException as error:
        raise DatmoError(f"the image '{text}' did not arrive whole: {error}") from error
    except _DAMAGES as error:
        raise DatmoError(f"the registry sent no image for '{text}': {error!r}") from error


def _pull(
    text: str, platform: str, environ: Mapping[str, str], folder: Path, progress: Progress
) -> PulledImage:
    """Fetch an image; raise the errors of `json` and `requests` for one that is not whole."""
    name, _, digest = text.partition("@")
    reference = parse_reference(name)
    registry = Registry(reference, environ)
    manifest = _read_manifest(registry, digest or reference.tag)
    if "manifests" in manifest:
        manifest = _read_manifest(registry, _choose(manifest, platform, text))
    config = registry.read(f"blobs/{manifest['config']['digest']}", "*/*").content
    _require_digest(config, manifest["config"]["digest"])
    _require_platform(config, platform, text)
    contents = json.loads(config)["rootfs"]["diff_ids"]
    sizes = sum(int(layer["size"]) for layer in manifest["layers"])
    progress.begin(f"fetching the base image '{text}'", sizes)
    try:
        layers = [
            _fetch_layer(registry, blob["digest"], content, folder, progress)
            for blob, content in zip(manifest["layers"], contents, strict=True)
        ]
    finally:
        progress.finish()
    return PulledImage(config, tuple(layers))


def _read_manifest(registry: Registry, name: str) -> Any:
    """Return the manifest or the index of a tag or a digest."""
    content = registry.read(f"manifests/{name}", ", ".join((*_INDEXES, *_MANIFESTS))).content
    if ":" in name:
        _require_digest(content, name)
    return json.loads(content)


def _choose(index: Any, platform: str, text: str) -> str:
    """Return the digest of the manifest of a platform."""
    for entry in index["manifests"]:
        found = entry.get("platform") or {}
        if platform == f"{found.get('os')}/{found.get('architecture')}":
            return str(entry["digest"])
    raise DatmoError(f"the image '{text}' is not made for {platform}")


def _require_platform(config: bytes, platform: str, text: str) -> None:
    """Raise `DatmoError` if a configuration is of another platform."""
    found = json.loads(config)
    if platform != f"{found.get('os')}/{found.get('architecture')}":
        raise DatmoError(f"the image '{text}' is not made for {platform}")


def _require_digest(content: bytes, digest: str) -> None:
    if digest_of(content) != digest:
        raise DatmoError(f"the registry sent something else than {digest}")


def _fetch_layer(
    registry: Registry, digest: str, content: str, folder: Path, progress: Progress
) -> Layer:
    """Fetch a blob, and write it to `folder` without compression. `content` is its digest then."""
    packed, plain = folder / "blob.part", folder / "layer.part"
    found = hashlib.sha256()
    with packed.open("wb") as file:
        for piece in registry.read(f"blobs/{digest}", "*/*").iter_content(_PIECE):
            file.write(piece)
            found.update(piece)
            progress.advance(len(piece))
    if f"sha256:{found.hexdigest()}" != digest:
        raise DatmoError(f"the registry sent something else than {digest}")
    with packed.open("rb") as file:
        is_gzip = file.read(2) == _GZIP
    if is_gzip:
        with gzip.open(packed) as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target, _PIECE)
    else:
        packed.rename(plain)
    if _digest_of_file(plain) != content:
        raise DatmoError(f"layer {digest} is compressed in a way that git-datmo does not know")
    layer = copy_layer(plain, content, folder, "the base image")
    packed.unlink(missing_ok=True)
    plain.unlink(missing_ok=True)
    return layer


def _digest_of_file(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
    return f"sha256:{found.hexdigest()}"
