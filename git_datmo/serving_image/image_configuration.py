"""Make the configuration of a served image from that of the environment's image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from git_datmo.oci.image_layout import encode
from git_datmo.oci.layer_archive import Layer
from git_datmo.serving_image.image_paths import PORT, SNAPSHOT, START, USER

# Settings of the environment's image that would change how the server starts.
_REPLACED = ("Cmd", "Entrypoint", "Healthcheck", "OnBuild", "Shell", "ExposedPorts", "Volumes")


@dataclass(frozen=True, slots=True)
class ImageLabels:
    """Names by which an image tells what it serves. `contract` is '' for none."""

    commit: str
    snapshot: str
    environment: str
    contract: str = ""

    def document(self) -> dict[str, str]:
        """Return the labels; those of the OCI image specification first."""
        labels = {
            "org.opencontainers.image.revision": self.commit,
            "git-datmo.commit": self.commit,
            "git-datmo.snapshot": self.snapshot,
            "git-datmo.environment": self.environment,
            "git-datmo.contract": self.contract,
        }
        return {name: value for name, value in labels.items() if value}


def make_configuration(
    base: bytes, added: Sequence[Layer], labels: ImageLabels, *, created: str, python: str
) -> bytes:
    """Return the configuration of `base` with layers that start the server.

    `created` is the time of the snapshot, so that two clones make the same image.
    """
    document = json.loads(base)
    settings = dict(document.get("config") or {})
    for name in _REPLACED:
        settings.pop(name, None)
    settings |= {
        # Isolated, and without the packages of the environment.
        "Entrypoint": [python, "-I", "-S", "-B", START],
        "User": USER,
        "WorkingDir": SNAPSHOT,
        "ExposedPorts": {f"{PORT}/tcp": {}},
        "StopSignal": "SIGTERM",
        "Labels": {**(settings.get("Labels") or {}), **labels.document()},
    }
    # A layer that is not compressed has the same digest as `diff_id` and as blob.
    layers = [*document["rootfs"]["diff_ids"], *(layer.digest for layer in added)]
    return encode(
        {
            "architecture": document["architecture"],
            "os": document["os"],
            **({"variant": document["variant"]} if document.get("variant") else {}),
            "created": created,
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": layers},
            "history": _history(document, added, created),
        }
    )


def _history(document: Mapping[str, Any], added: Sequence[Layer], created: str) -> list[Any]:
    """Return the history of the environment's image, followed by the layers that are added."""
    steps = [
        {"created": created, "created_by": "git datmo image", "comment": layer.comment}
        for layer in added
    ]
    return [*(document.get("history") or []), *steps]
