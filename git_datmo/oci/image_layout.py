"""Write an image as an OCI image layout (OCI image specification, "Image Layout").

The archive of a layout also has the index that engines read which do not know layouts
(`manifest.json`), so that each engine and each tool loads the same file.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo.oci.layer_archive import Layer

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class OciImage:
    """Image ready to be written: its configuration, its layers, and a manifest that names both."""

    config: bytes
    layers: tuple[Layer, ...]
    annotations: Mapping[str, str]

    @property
    def manifest(self) -> bytes:
        """Return the manifest, as canonical JSON."""
        return encode(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": _described(CONFIG_TYPE, digest_of(self.config), len(self.config)),
                "layers": [
                    _described(LAYER_TYPE, layer.digest, layer.size) for layer in self.layers
                ],
                "annotations": dict(self.annotations),
            }
        )

    @property
    def digest(self) -> str:
        """Return the digest of the manifest, by which registries know the image."""
        return digest_of(self.manifest)


def encode(document: Mapping[str, Any]) -> bytes:
    """Return JSON with sorted keys and no blanks, the same on each machine."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(content: bytes) -> str:
    """Return the digest of a blob as `sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def write_layout(image: OciImage, folder: Path, name: str = "") -> None:
    """Write the image into the layout at `folder`; blobs that it has are not written again.

    `name` is the tag of the image in the layout. Other images in the layout stay.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for layer in image.layers:
        _put_file(blobs / _hex(layer.digest), layer)
    for content in (image.config, image.manifest):
        _put(blobs / _hex(digest_of(content)), content)
    _put(folder / "oci-layout", _LAYOUT)
    # Written last: the index names blobs that exist.
    _put(folder / "index.json", encode(_index(image, name, _known(folder / "index.json"))))


def archive_pieces(image: OciImage, names: Sequence[str] = ()) -> Iterator[bytes]:
    """Yield the image as one tar file: a layout, and the index of `docker save`."""
    blobs = (image.config, image.manifest)
    contents = {
        "oci-layout": _LAYOUT,
        "index.json": encode(_index(image, names[0] if names else "", [])),
        "manifest.json": _save_index(image, names),
        **{f"blobs/sha256/{_hex(digest_of(each))}": each for each in blobs},
    }
    for name, content in sorted(contents.items()):
        yield from _tar_entry(name, len(content))
        yield content
        yield _padding(len(content))
    # The same layer may be in an image twice; the archive has it once.
    for layer in {layer.digest: layer for layer in image.layers}.values():
        yield from _tar_entry(f"blobs/sha256/{_hex(layer.digest)}", layer.size)
        with layer.path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
        yield _padding(layer.size)
    # Two empty blocks end a tar file.
    yield bytes(2 * tarfile.BLOCKSIZE)


def _described(media_type: str, digest: str, size: int) -> dict[str, Any]:
    """Return the descriptor of a blob."""
    return {"mediaType": media_type, "digest": digest, "size": size}


def _index(image: OciImage, name: str, others: Sequence[Any]) -> dict[str, Any]:
    """Return the index of a layout: the image beside `others` of another name."""
    described = _described(MANIFEST_TYPE, image.digest, len(image.manifest))
    if name:
        described["annotations"] = {"org.opencontainers.image.ref.name": name}
    kept = [each for each in others if not _is_replaced(each, image.digest, name)]
    return {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [*kept, described]}


def _is_replaced(other: Mapping[str, Any], digest: str, name: str) -> bool:
    """Return True if an entry of an index has the image's digest or name."""
    own = (other.get("annotations") or {}).get("org.opencontainers.image.ref.name", "")
    return other.get("digest") == digest or bool(name and own == name)


def _known(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a layout's index; none if it has no index that can be read."""
    try:
        entries = json.loads(path.read_bytes())["manifests"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [each for each in entries if isinstance(each, dict)]


def _save_index(image: OciImage, names: Sequence[str]) -> bytes:
    """Return the index of `docker save` and `podman save`."""
    item = {
        "Config": f"blobs/sha256/{_hex(digest_of(image.config))}",
        # `docker save` writes null for an image without a name.
        "RepoTags": list(names) or None,
        "Layers": [f"blobs/sha256/{_hex(layer.digest)}" for layer in image.layers],
    }
    return json.dumps([item], sort_keys=True).encode()


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _put(path: Path, content: bytes) -> None:
    """Write a file whole, or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def _put_file(path: Path, layer: Layer) -> None:
    """Put a layer at `path`, unless it is there with its full length."""
    # Blobs are put by a rename, so one with its full length is whole.
    if path.exists() and path.stat().st_size == layer.size:
        return
    part = path.with_name(f".{path.name}.part")
    with layer.path.open("rb") as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, _PIECE)
    part.replace(path)


def _tar_entry(name: str, size: int) -> Iterator[bytes]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    # The GNU format can express sizes above 8 GiB, which older formats cannot.
    yield entry.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
