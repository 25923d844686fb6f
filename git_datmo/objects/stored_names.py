"""Escape names in the trees of a payload.

Names are escaped if they collide with the format's markers or with files that git interprets.
"""

from __future__ import annotations

import re

from git_datmo.errors import Damaged
from git_datmo.git.safe_paths import check_name, show

CHUNKED_FILE = b".datmo-file"
CHUNKED_EXECUTABLE = b".datmo-exec"
PART = b".datmo-part"
ESCAPE = b".datmo-name"

# Names that end like a marker, and names that git fsck checks (.gitmodules, .gitattributes,
# .mailmap, in every spelling that NTFS or HFS+ treats as equal). They are stored with ESCAPE
# appended.
RESERVED = re.compile(
    rb"\.datmo-[a-z]+\Z|\A\.?git|\A\.mailmap\Z|~[0-9]|\\"
    rb"|\xe2\x80[\x8c-\x8f\xaa-\xae]|\xe2\x81[\xaa-\xaf]|\xef\xbb\xbf",
    re.IGNORECASE,
)

# Common names that are safe and need no escape.
ORDINARY = re.compile(rb"\A[0-9A-FH-Za-fh-z_-][0-9A-Za-z_ -]*(?:\.[0-9A-Za-z]*)?\Z")

# No system makes a link whose target is longer (PATH_MAX of Linux, less the NUL).
LINK_LIMIT = 4095

# Prefix of temporary files that a checkout renames to their final names.
TEMPORARY = b".git-datmo-tmp-"


def escape(name: bytes) -> bytes:
    """Return the name under which a real name is stored in a tree."""
    # Most names pass the first test, which is faster than the search.
    return name + ESCAPE if not ORDINARY.match(name) and RESERVED.search(name) else name


def unescape(name: bytes) -> bytes:
    """Return the real name of a tree entry.

    Raises `Damaged` if `escape` never produces this name, or if the real name is unsafe.
    """
    if ORDINARY.match(name):
        return name
    real = name.removesuffix(ESCAPE)
    # Each real name has one stored form, so equal folders have equal ids.
    if escape(real) != name:
        raise Damaged(f"the name {show(name)} in a payload is not in the one valid form")
    check_name(real)
    return real


def check_target(target: bytes, path: bytes) -> None:
    """Raise `Damaged` unless a symbolic link at `path` can have this target."""
    if not 1 <= len(target) <= LINK_LIMIT or b"\0" in target:
        raise Damaged(
            f"the link {show(path)} has a target that no link can have",
            "ask the person who shared it",
        )
