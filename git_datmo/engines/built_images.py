"""List, remove and load images of a container engine."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from docker.errors import APIError, DockerException, ImageLoadError
from requests.exceptions import RequestException

from git_datmo.engines.build_context import ENVIRONMENT_LABEL
from git_datmo.engines.engine_connection import connect
from git_datmo.errors import DatmoError, EngineMissing


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image of the environment with the id `environment`.

    `size` is in bytes and includes layers that other images share.
    """

    id: str
    environment: str
    size: int


def list_built(environ: Mapping[str, str], environments: Collection[str]) -> tuple[BuiltImage, ...]:
    """Return the images of the given environments; raise `EngineMissing` if no engine answers."""
    with _connected(environ) as client:
        images = client.images.list(filters={"label": ENVIRONMENT_LABEL})
        found = (
            BuiltImage(str(i.id), str(i.labels.get(ENVIRONMENT_LABEL)), int(i.attrs["Size"]))
            for i in images
        )
        return tuple(image for image in found if image.environment in environments)


def remove_built(
    environ: Mapping[str, str], images: Iterable[BuiltImage]
) -> tuple[BuiltImage, ...]:
    """Remove images, and return those that were removed. An image in use by a container is kept."""
    removed = []
    with _connected(environ) as client:
        for image in images:
            # The engine removes an image with several tags by its id only with force. Even then it
            # keeps an image whose container runs.
            with contextlib.suppress(APIError):
                client.images.remove(image.id, force=True)
                removed.append(image)
    return tuple(removed)


def load_archive(environ: Mapping[str, str], pieces: Iterator[bytes]) -> str:
    """Load an image from the archive that `docker save` writes, and return the engine's id of it.

    Raises `EngineMissing` if no engine answers, `DatmoError` if it refuses the archive.
    """
    with _connected(environ) as client:
        try:
            # The parameter is typed as bytes, but the SDK also sends an iterator piece by piece.
            (loaded, *_) = client.images.load(cast("bytes", pieces))
        except (ImageLoadError, ValueError) as error:
            raise DatmoError(
                f"the container engine refuses the image: {str(error)[:200]}",
                "write it to a file with -o, and load that with the engine's own command",
            ) from error
        return str(loaded.id)


@contextlib.contextmanager
def _connected(environ: Mapping[str, str]):  # type: ignore[no-untyped-def]  # the client's type is the SDK's own
    """Yield a client of the engine; turn its errors into `EngineMissing`."""
    try:
        client = connect(environ).client
        try:
            yield client
        finally:
            client.close()
    except (DockerException, RequestException) as error:
        raise EngineMissing(f"the container engine failed: {error}") from error
