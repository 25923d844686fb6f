"""Save images of a container engine as files that do not depend on the engine, and load them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

import docker
from docker.errors import ImageLoadError, ImageNotFound
from docker.models.images import Image

from git_datmo.engines.image_archive import Configuration, pack, read_image, unpack
from git_datmo.errors import Damaged
from git_datmo.progress import Progress


def save_image(
    client: docker.DockerClient, image: str, folder: Path, progress: Progress
) -> Configuration:
    """Write an image as files into the empty `folder`."""
    found = client.images.get(image)
    progress.begin("taking the image from the engine", int(found.attrs.get("Size") or 0))
    try:
        return unpack(_counted(found.save(), progress), folder)
    finally:
        progress.finish()


def load_image(
    client: docker.DockerClient,
    folder: Path,
    labels: Mapping[str, str],
    names: Iterable[str],
    progress: Progress,
) -> str:
    """Load the image in `folder` into the engine, unless the engine has it.

    Tags it with `names`, and returns the engine's id of it. Raises `Damaged`, before any tag is
    set, if a label of `labels` is missing or if the engine loads a different image.
    """
    wanted = read_image(folder)
    if not labels.items() <= wanted.labels.items():
        raise Damaged("the frozen image is that of another environment")
    image = _find(client, wanted) or _load(client, folder, wanted, progress)
    for name in names:
        image.tag(*name.rsplit(":", 1))
    return str(image.id)


def _find(client: docker.DockerClient, wanted: Configuration) -> Image | None:
    """Return the image if the engine has it, or None."""
    try:
        return client.images.get(wanted.digest)
    except ImageNotFound:
        return None


def _load(
    client: docker.DockerClient, folder: Path, wanted: Configuration, progress: Progress
) -> Image:
    """Load an image; raise `Damaged` if the engine refuses it or makes a different image."""
    size = sum((folder / name).stat().st_size for name in wanted.files)
    progress.begin("giving the frozen image to the engine", size)
    try:
        # The parameter is typed as bytes, but the SDK also sends an iterator piece by piece.
        loaded = client.images.load(cast("bytes", _counted(pack(folder), progress)))
    except ImageLoadError as error:
        raise Damaged(f"the engine refuses the frozen image: {error}") from error
    finally:
        progress.finish()
    # Most engines use the digest of the configuration as the image's id. Some use that of a
    # manifest that they make, so compare the layers too.
    for image in loaded:
        layers = (image.attrs.get("RootFS") or {}).get("Layers") or []
        if image.id == wanted.digest or tuple(layers) == tuple(
            f"sha256:{layer}" for layer in wanted.layers
        ):
            return image
    raise Damaged("the engine changed the frozen image")


def _counted(pieces: Iterable[bytes], progress: Progress) -> Iterator[bytes]:
    """Yield the pieces, and advance the progress by their sizes."""
    for piece in pieces:
        yield piece
        progress.advance(len(piece))
