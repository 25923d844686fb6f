"""Which names may stand in a payload, and how names that collide with the format's markers or git's own are escaped.

A payload comes from strangers: a name that could write outside its folder, or into a `.git`, is refused both when it is
stored and before a byte of it is placed. The spellings of `.git` are those of git's `verify_path` and `fsck`.
"""

from __future__ import annotations

import re

from git_datmo.errors import Damaged

CHUNKED_FILE = b".datmo-file"
CHUNKED_EXECUTABLE = b".datmo-exec"
PART = b".datmo-part"
ESCAPE = b".datmo-name"

# Names that end like a marker, and names whose content git's fsck judges (.gitmodules, .gitattributes, .mailmap, and
# their short forms on NTFS): they are stored with ESCAPE behind them.
_RESERVED = re.compile(rb"\.datmo-[a-z]+\Z|\A\.?git|\A\.mailmap\Z", re.IGNORECASE)

# HFS+ drops these code points when it compares names (git's utf8.c, next_hfs_char).
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")

# Files that a checkout is about to rename into place.
TEMPORARY = b".git-datmo-tmp-"


def is_dotgit(name: bytes) -> bool:
    """Whether some file system takes `name` for `.git`."""
    text = name.decode("utf-8", "replace")
    if _IGNORED_BY_HFS.sub("", text).lower() == ".git":
        return True
    # NTFS ends a name at a colon and drops trailing blanks and dots; a backslash separates there.
    for component in text.split("\\"):
        if component.split(":")[0].rstrip(" .").lower() in (".git", "git~1"):
            return True
    return False


def is_safe(name: bytes) -> bool:
    """Whether `name` may be created below a payload's folder."""
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


def escape(name: bytes) -> bytes:
    """How a real name stands in a tree."""
    return name + ESCAPE if _RESERVED.search(name) else name


def unescape(name: bytes) -> bytes:
    """The real name of a tree's entry; raises `Damaged` for a name that `escape` never makes."""
    real = name.removesuffix(ESCAPE)
    if escape(real) != name:
        raise Damaged(f"the name {show(name)} in a payload is not in the one valid form")
    check_name(real)
    return real


def show(name: bytes) -> str:
    """A name for a message: printable, quoted."""
    return "'" + name.decode("utf-8", "backslashreplace").encode("unicode_escape").decode() + "'"
