"""Convert images between plain files and the archives that engines save and load.

Engines write archives in several layouts: with different names of layers, compressed or not, with
links or copies. The plain files do not depend on the engine. `config.json` is the image's
configuration, and its SHA-256 is the image's digest. `layers/<hex>` is an uncompressed tar file,
named by its SHA-256, for each layer. So images that share layers share stored content.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from git_datmo.engines.folder_transfer import StreamReader
from git_datmo.errors import Damaged

CONFIG, LAYERS = "config.json", "layers"
SIZE_LIMIT = 16 << 20
_INDEX = "manifest.json"
_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"
_LAYER = re.compile(r"sha256:([0-9a-f]{64})\Z")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration of an image.

    `digest` is that of the configuration itself. `layers` are SHA-256 digests in hex, in order,
    without prefix.
    """

    digest: str
    platform: str
    layers: tuple[str, ...]
    labels: dict[str, Any]

    @property
    def files(self) -> frozenset[str]:
        """Return the names of the image's files, relative to its folder."""
        return frozenset({CONFIG, *(f"{LAYERS}/{layer}" for layer in self.layers)})


def read_configuration(raw: bytes) -> Configuration:
    """Parse a configuration; raise `Damaged` if it is invalid."""
    try:
        document = json.loads(raw)
        platform = f"{document['os']}/{document['architecture']}"
        matches = [_LAYER.match(layer) for layer in document["rootfs"]["diff_ids"]]
        labels = (document.get("config") or {}).get("Labels") or {}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Damaged("an image's configuration is not what engines write") from error
    if not all(matches) or not _PLATFORM.match(platform) or not isinstance(labels, dict):
        raise Damaged("an image's configuration is not what engines write")
    layers = tuple(match[1] for match in matches if match)
    return Configuration(f"sha256:{hashlib.sha256(raw).hexdigest()}", platform, layers, labels)


def read_image(folder: Path) -> Configuration:
    """Return the configuration of the image in `folder`; raise `Damaged` if a file is missing."""
    path = folder / CONFIG
    if not path.is_file() or path.stat().st_size > SIZE_LIMIT:
        raise Damaged(f"an image has no '{CONFIG}'")
    found = read_configuration(path.read_bytes())
    for name in sorted(found.files):
        # A link could lead out of the folder.
        if not (folder / name).is_file() or (folder / name).is_symlink():
            raise Damaged(f"an image has no '{name}'")
    return found


def unpack(archive: Iterable[bytes], folder: Path) -> Configuration:
    """Write the image of an engine's archive as files into the empty `folder`.

    Raises `Damaged` if the archive is incomplete or cannot be read.
    """
    contents = folder / LAYERS
    contents.mkdir()
    digests, links = dict[str, str](), dict[str, str]()
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", StreamReader(archive)), mode="r|") as entries:
            for entry in entries:
                name = posixpath.normpath(entry.name)
                if entry.issym():
                    links[name] = posixpath.normpath(
                        posixpath.join(posixpath.dirname(name), entry.linkname)
                    )
                elif entry.islnk():
                    links[name] = posixpath.normpath(entry.linkname)
                elif entry.isreg() and (content := entries.extractfile(entry)) is not None:
                    digests[name] = _keep(cast("io.BufferedReader", content), contents)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Damaged(f"the engine's archive of the image cannot be read: {error}") from error
    # A link may come before its target, so links are followed after the last entry.
    linked = {name: digests.get(target, "") for name, target in links.items()}
    image = _choose(contents, {**digests, **linked})
    for path in contents.iterdir():
        if path.name in image.layers:
            continue
        if f"sha256:{path.name}" == image.digest:
            path.replace(folder / CONFIG)
        else:
            # The index, and the parts of other images in the archive.
            path.unlink()
    return read_image(folder)


def _choose(contents: Path, digests: dict[str, str]) -> Configuration:
    """Return the configuration that the archive's index names.

    `digests` are the SHA-256 digests of the archive's entries by name. `contents` has their bytes.
    Raises `Damaged` if a part is missing or the layers differ from those of the configuration.
    """
    try:
        # The archive was asked for a single image, so its index has one item.
        (named,) = json.loads((contents / digests[_INDEX]).read_bytes())
        layers = tuple(digests[posixpath.normpath(name)] for name in named["Layers"])
        image = read_configuration(
            (contents / digests[posixpath.normpath(named["Config"])]).read_bytes()
        )
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise Damaged("the engine's archive of the image is incomplete") from error
    if layers != image.layers:
        raise Damaged(
            "the engine's archive of the image has other layers than its configuration names"
        )
    return image


def _keep(content: io.BufferedReader, folder: Path) -> str:
    """Write decompressed `content` to a file of `folder` named by its SHA-256; return the name."""
    digest, path = hashlib.sha256(), folder / "part"
    source = gzip.GzipFile(fileobj=content) if content.peek(2).startswith(_GZIP) else content
    with path.open("wb") as file:
        while piece := source.read(_PIECE):
            digest.update(piece)
            file.write(piece)
    path.replace(folder / digest.hexdigest())
    return digest.hexdigest()


def pack(folder: Path) -> Iterator[bytes]:
    """Yield the image in `folder` as an archive without a tag, which every engine can load."""
    image = read_image(folder)
    config = f"{image.digest.removeprefix('sha256:')}.json"
    index = [
        {"Config": config, "RepoTags": None, "Layers": [f"{layer}.tar" for layer in image.layers]}
    ]
    yield from _entry(config, folder / CONFIG)
    # An image may have the same layer twice; the archive has it once.
    for layer in dict.fromkeys(image.layers):
        yield from _entry(f"{layer}.tar", folder / LAYERS / layer)
    raw = json.dumps(index).encode()
    yield from _pieces(_INDEX, len(raw), io.BytesIO(raw))
    # Two empty blocks end a tar file.
    yield bytes(2 * tarfile.BLOCKSIZE)


def _entry(name: str, path: Path) -> Iterator[bytes]:
    """Yield a tar entry with the content of the file at `path`."""
    with path.open("rb") as file:
        yield from _pieces(name, path.stat().st_size, file)


def _pieces(name: str, size: int, file: IO[bytes]) -> Iterator[bytes]:
    """Yield a tar entry: header, content, and padding to a full block."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    # The GNU format can express sizes above 8 GiB, which older formats cannot.
    yield entry.tobuf(tarfile.GNU_FORMAT)
    while piece := file.read(_PIECE):
        yield piece
    yield bytes(-size % tarfile.BLOCKSIZE)
