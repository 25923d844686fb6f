"""Describe the snapshot of a served image, for the program that serves it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class ServedDocument:
    """The file `served.json` of an image.

    `payloads` are the paths of models and outputs, `python` is the interpreter's name, `variables`
    are those of the recorded environment. `entry`, `model` and `name` are the choices of the
    person who made the image; '' leaves a choice to the server.
    """

    snapshot: str
    commit: str
    payloads: tuple[str, ...]
    python: str
    variables: Mapping[str, str]
    entry: str = ""
    model: str = ""
    name: str = ""

    def encode(self) -> bytes:
        """Return the file's content, the same on each machine."""
        document = {**asdict(self), "variables": dict(self.variables)}
        return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def read_served(content: bytes) -> ServedDocument:
    """Parse the file's content."""
    document = json.loads(content)
    return ServedDocument(**{**document, "payloads": tuple(document["payloads"])})
