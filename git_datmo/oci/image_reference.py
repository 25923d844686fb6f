"""Parse the names of images at registries, as `docker push` does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from git_datmo.errors import DatmoError

# The registry of a name without one (distribution/reference, "familiar names").
HUB, _HUB_HOST = "docker.io", "registry-1.docker.io"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Name of an image at a registry: `HOST[:PORT]/NAME:TAG`."""

    host: str
    name: str
    tag: str

    def __str__(self) -> str:
        return f"{self.host}/{self.name}:{self.tag}"

    @property
    def base(self) -> str:
        """Return the URL of the registry's interface; plain HTTP on this machine alone."""
        host = _HUB_HOST if self.host == HUB else self.host
        name = re.sub(r":[0-9]+\Z", "", host)
        is_local = name == "localhost" or name.startswith("127.") or name == "[::1]"
        return f"{'http' if is_local else 'https'}://{host}/v2/"


def parse_reference(text: str) -> ImageReference:
    """Parse the name of an image as `docker push` does; raise `DatmoError` if it is none."""
    first, slash, rest = text.partition("/")
    has_host = bool(slash) and (first == "localhost" or any(mark in first for mark in ".:"))
    host, path = (first, rest) if has_host else (HUB, text)
    name, colon, tag = path.partition(":")
    if host == HUB and "/" not in name:
        # Docker reads a name of its hub without a user so.
        name = f"library/{name}"
    tag = tag if colon else "latest"
    if not _NAME.match(name) or not _TAG.match(tag):
        raise DatmoError(
            f"'{text[:200]}' is no name of an image",
            "it is [HOST[:PORT]/]NAME[:TAG], in lower case, such as"
            " registry.example.org/team/digits:v1",
        )
    return ImageReference(host, name, tag)
