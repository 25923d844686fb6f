"""Images: built environments of snapshots, frozen by a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from git_datmo.model import Content, Oid
from git_datmo.records.record_fields import decode_content
from git_datmo.records.record_kind import Document, RecordKind
from git_datmo.records.record_values import KeptObject, Person, more_field
from git_datmo.sizes import size_in_summary


@dataclass(frozen=True, slots=True)
class Image:
    """Built image of a snapshot's environment.

    `content` is a folder with its files (`engines/image_archive.py`). `platform` is its operating
    system and architecture (`linux/amd64`). `digest` is the SHA-256 of its configuration as engines
    write it (`sha256:…`). Most engines use it as the image id.
    """

    snapshot: Oid
    commit: Oid
    created: str
    author: Person
    platform: str
    digest: str
    content: Content
    more: tuple[KeptObject, ...] = more_field()

    kind = "image"


def _decode(document: Document) -> dict[str, Any]:
    """Return the fields of an image that are not plain JSON values."""
    return {
        "snapshot": Oid.parse(document["snapshot"]),
        "content": decode_content(document["content"]),
    }


def _words(image: Image) -> tuple[str, str]:
    """Return the platform, the author and the size."""
    return (
        f"{image.platform} frozen by {image.author.name}",
        f"({size_in_summary(image.content.size)})",
    )


def _objects(image: Image) -> tuple[KeptObject]:
    """Return the object of an image."""
    return (KeptObject("image", image.content),)


def _about(image: Image) -> tuple[Oid]:
    """Return the snapshot whose environment it is built from."""
    return (image.snapshot,)


IMAGE = RecordKind(Image, words=_words, decode=_decode, objects=_objects, about=_about)
