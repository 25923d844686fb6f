"""The words that every layer shares: object ids, object formats, roles."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from git_datmo.errors import Damaged

_HEX = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")


class Oid(bytes):
    """A git object id: 20 raw bytes (SHA-1) or 32 (SHA-256); `str()` gives the hex form."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.hex()

    @classmethod
    def parse(cls, text: str) -> Oid:
        """The id that `text` spells in full lower-case hex; raises `Damaged` when it spells
        none."""
        if not _HEX.match(text):
            raise Damaged(f"not an object id: '{text[:80]}'")
        return cls.fromhex(text)


@dataclass(frozen=True, slots=True)
class ObjectFormat:
    """How a repository names its objects (`extensions.objectFormat`)."""

    name: str
    size: int
    new_hash: Callable[..., Any]

    def hash(self, kind: str, content: bytes | memoryview) -> Oid:
        """The id of an object: the hash of `<kind> <length>\\0<content>` (gitformat-loose)."""
        digest = self.new_hash(b"%s %d\0" % (kind.encode(), len(content)))
        digest.update(content)
        return Oid(digest.digest())


SHA1 = ObjectFormat("sha1", 20, lambda data=b"": hashlib.sha1(data, usedforsecurity=False))
SHA256 = ObjectFormat("sha256", 32, hashlib.sha256)
FORMATS = {"sha1": SHA1, "sha256": SHA256}


class Role(str, Enum):
    """What a payload is to an experiment."""

    DATA = "data"
    MODEL = "model"
    OUTPUT = "output"

    def __str__(self) -> str:
        return self.value


class Form(str, Enum):
    """What a payload's path is in the working tree."""

    FILE = "file"
    EXECUTABLE = "executable"
    FOLDER = "folder"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Content:
    """A captured file or folder: the object that holds it, its bytes, its number of files."""

    object: Oid
    form: Form
    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Payload:
    """One captured path of the working tree; `path` is relative to the repository, with `/`."""

    path: str
    role: Role
    content: Content

    @property
    def object(self) -> Oid:
        return self.content.object
