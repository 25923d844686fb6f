"""List and remove the images that a container engine keeps for environments."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from git_datmo.engines.build_context import ENVIRONMENT_LABEL
from git_datmo.engines.engine_connection import connect
from git_datmo.errors import EngineMissing


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
