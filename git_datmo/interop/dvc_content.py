"""Name DVC's contents by their hashes, and check their bytes."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.safe_paths import check_path

PIECE = 1 << 20
_MD5 = re.compile(r"[0-9a-f]{32}(?:\.dir)?\Z")


class MissingData(DatmoError):
    """Data that neither DVC's cache nor its remote has, or not as their hash says."""


def is_hash(md5: str) -> bool:
    """Return True for the name of a content; the name of a folder's list ends with `.dir`."""
    return _MD5.match(md5) is not None


def content_paths(md5: str) -> tuple[tuple[str, bool], ...]:
    """Return the paths of a content in a cache or remote: of DVC 3, and of earlier versions.

    The second value is True for earlier versions, which hashed text without its carriage returns.
    """
    path = f"{md5[:2]}/{md5[2:]}"
    return ((f"files/md5/{path}", False), (path, True))


def has_hash(path: Path, md5: str, *, is_earlier: bool) -> bool:
    """Return True if a file has the content that its hash says."""
    expected = md5.removesuffix(".dir")
    if _md5(path, is_text=False) == expected:
        return True
    return is_earlier and _md5(path, is_text=True) == expected


def _md5(path: Path, *, is_text: bool) -> str:
    """Return the MD5 of a file, with `is_text` as earlier versions of DVC hashed text."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        # The size of a piece belongs to the hash: DVC kept an end of line between two pieces.
        while piece := file.read(PIECE):
            digest.update(piece.replace(b"\r\n", b"\n") if is_text else piece)
    return digest.hexdigest()


def listed_files(path: Path) -> Iterator[tuple[str, str]]:
    """Yield path and MD5 of each file of a folder; raise `MissingData` if the list is damaged."""
    try:
        entries = [
            (str(each["relpath"]), str(each["md5"])) for each in json.loads(path.read_bytes())
        ]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MissingData(f"the list of files '{path.name}' cannot be read: {error}") from error
    for relative, md5 in entries:
        # The list comes from other people, and must not lead out of the folder.
        check_path(relative)
        yield posixpath.normpath(relative), md5
