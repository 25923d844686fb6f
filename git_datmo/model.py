"""Types that every layer shares: object ids, object formats, payloads."""

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
    """Git object id of 20 (SHA-1) or 32 (SHA-256) raw bytes; `str()` gives the hex form."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.hex()

    @classmethod
    def parse(cls, text: str) -> Oid:
        """Parse an id in lower-case hex; raise `Damaged` if it is invalid."""
        if not _HEX.match(text):
            raise Damaged(f"not an object id: '{text[:80]}'")
        return cls.fromhex(text)


@dataclass(frozen=True, slots=True)
class ObjectFormat:
    """Hash function of a repository's object ids (`extensions.objectFormat`).

    `size` is the length of an id in bytes.
    """

    name: str
    size: int
    new_hash: Callable[..., Any]

    def hash(self, kind: str, content: bytes | memoryview) -> Oid:
        r"""Return the id of an object.

        The id is the hash of `<kind> <length>\0<content>` (gitformat-loose).
        """
        digest = self.new_hash(b"%s %d\0" % (kind.encode(), len(content)))
        digest.update(content)
        return Oid(digest.digest())


# Some builds of OpenSSL allow SHA-1 only if it is not for security (hashlib).
SHA1 = ObjectFormat("sha1", 20, lambda data=b"": hashlib.sha1(data, usedforsecurity=False))
SHA256 = ObjectFormat("sha256", 32, hashlib.sha256)
FORMATS = {"sha1": SHA1, "sha256": SHA256}


class Role(str, Enum):
    """Role of a payload in an experiment."""

    DATA = "data"
    MODEL = "model"
    OUTPUT = "output"

    def __str__(self) -> str:
        return self.value


class Form(str, Enum):
    """Form of a payload in the working tree."""

    FILE = "file"
    EXECUTABLE = "executable"
    FOLDER = "folder"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Content:
    """Captured file or folder: the object that contains it, its size in bytes, its file count."""

    object: Oid
    form: Form
    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Payload:
    """Captured path of the working tree. `path` is relative to its top, with `/`."""

    path: str
    role: Role
    content: Content

    @property
    def object(self) -> Oid:
        """Return the id of the content's object."""
        return self.content.object
