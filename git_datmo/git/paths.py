"""Which names may be written below a folder of the user's, and how a raw name is shown.

Payloads and records come from strangers: a name that could write outside its folder, or into a `.git`, is refused when
it is stored and before a byte of it is placed. The spellings of `.git` are those of git's `verify_path` and `fsck`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from git_datmo.errors import Damaged

# HFS+ drops these code points when it compares names (git's utf8.c, next_hfs_char).
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")

# Bytes of paths on one command line. Systems take 128 KiB or more in all, the environment among them (ARG_MAX).
PORTION = 48 << 10


def in_portions(paths: Iterable[str]) -> Iterator[list[str]]:
    """Yield `paths` in groups, each of which fits a command line."""
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
    """Return the arguments that limit git to `paths`, or none where these do not fit a command line."""
    first, *more = list(in_portions(paths)) or [[]]
    return ("--", *first) if first and not more else ()


def is_dotgit(name: bytes) -> bool:
    """Return whether some file system takes `name` for `.git`."""
    if b"g" not in name and b"G" not in name:
        return False
    text = name.decode("utf-8", "replace")
    if _IGNORED_BY_HFS.sub("", text).lower() == ".git":
        return True
    # NTFS ends a name at a colon and drops trailing blanks and dots; a backslash separates there.
    components = (component.split(":")[0].rstrip(" .").lower() for component in text.split("\\"))
    return any(component in (".git", "git~1") for component in components)


def is_safe(name: bytes) -> bool:
    """Return whether `name` may be created below a payload's folder."""
    return bool(name) and name not in (b".", b"..") and b"/" not in name and b"\0" not in name and not is_dotgit(name)


def check_name(name: bytes) -> None:
    """Raise `Damaged` unless `name` is safe."""
    if not is_safe(name):
        raise Damaged(f"refusing the unsafe name {show(name)} in a payload", "nothing was written; ask who shared it")


def check_path(path: str) -> None:
    """Raise `Damaged` unless `path` is relative, with `/`, and each of its names is safe."""
    try:
        names = path.encode().split(b"/")
    except UnicodeEncodeError as error:
        raise Damaged("a payload's path is not valid Unicode") from error
    if not all(map(is_safe, names)):
        raise Damaged(f"refusing the unsafe payload path {show(path.encode())}", "nothing was written")


def show(name: bytes) -> str:
    """A name for a message: printable, quoted."""
    return "'" + name.decode("utf-8", "backslashreplace").encode("unicode_escape").decode() + "'"
