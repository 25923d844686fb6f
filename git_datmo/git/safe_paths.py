"""Check which names may be written below a user's folder, and show raw names safely.

Payloads and records come from strangers. A name that could leave its folder or reach a `.git` is
refused when it is stored, and again before any file is placed. The spellings of `.git` are those of
git's `verify_path` and `fsck`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from git_datmo.errors import Damaged

# HFS+ ignores these code points when it compares names (git's utf8.c, next_hfs_char).
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")

# Bytes that are not UTF-8, as `surrogateescape` decodes them, and code points that git refuses.
_NO_CHARACTER = re.compile("[\udc80-\udcff\ufffe\uffff]")

# Names that git's fsck knows in every spelling that HFS+ treats as equal.
_KNOWN_TO_GIT = frozenset({".git", ".gitmodules", ".gitattributes", ".gitignore", ".mailmap"})

# The bytes of paths on one command line. Systems allow 128 KiB or more, environment included
# (ARG_MAX).
PORTION = 48 << 10


def in_portions(paths: Iterable[str]) -> Iterator[list[str]]:
    """Yield `paths` in groups that fit a command line."""
    group: list[str] = []
    size = 0
    for path in paths:
        length = len(os.fsencode(path)) + 1
        if group and size + length > PORTION:
            yield group
            group, size = [], 0
        group.append(path)
        size += length
    if group:
        yield group


def as_pathspec(paths: Iterable[str]) -> tuple[str, ...]:
    """Return arguments that limit git to `paths`; none if they do not fit a command line."""
    first, *more = list(in_portions(paths)) or [[]]
    return ("--", *first) if first and not more else ()


def is_dotgit(name: bytes) -> bool:
    """Return True if some file system takes `name` for `.git`."""
    if b"g" not in name and b"G" not in name:
        return False
    text = name.decode("utf-8", "replace")
    if _IGNORED_BY_HFS.sub("", text).lower() == ".git":
        return True
    # NTFS ends a name at a colon, ignores trailing blanks and dots, and separates names by a
    # backslash.
    components = (component.split(":")[0].rstrip(" .").lower() for component in text.split("\\"))
    return any(component in (".git", "git~1") for component in components)


def is_known_name_cut_off(name: bytes) -> bool:
    """Return True for a name of git's own that continues with invalid UTF-8.

    Git's fsck ends a name at the first invalid sequence (`next_hfs_char`), so it takes this name
    for git's own. An escape after the sequence changes nothing.
    """
    text = name.decode("utf-8", "surrogateescape")
    beginning = _NO_CHARACTER.split(text, maxsplit=1)[0]
    return beginning != text and _IGNORED_BY_HFS.sub("", beginning).lower() in _KNOWN_TO_GIT


def is_safe(name: bytes) -> bool:
    """Return True if `name` may be created below a payload's folder."""
    return (
        bool(name)
        and name not in (b".", b"..")
        and b"/" not in name
        and b"\0" not in name
        and not is_dotgit(name)
        and (name.isascii() or not is_known_name_cut_off(name))
    )


def check_name(name: bytes) -> None:
    """Raise `Damaged` unless `name` is safe."""
    if not is_safe(name):
        raise Damaged(
            f"refusing the unsafe name {show(name)} in a payload",
            "nothing was written; ask the person who shared it",
        )


def check_path(path: str) -> None:
    """Raise `Damaged` unless `path` is relative, uses `/`, and consists of safe names."""
    try:
        names = path.encode().split(b"/")
    except UnicodeEncodeError as error:
        raise Damaged("a payload's path is not valid Unicode") from error
    if not all(map(is_safe, names)):
        raise Damaged(
            f"refusing the unsafe payload path {show(path.encode())}", "nothing was written"
        )


def show(name: bytes) -> str:
    """Return a name for a message: printable and quoted."""
    return "'" + name.decode("utf-8", "backslashreplace").encode("unicode_escape").decode() + "'"
