"""What stands behind `datmo::`: told apart as git tells URLs apart, and nothing let through that
runs commands."""

from __future__ import annotations

import re
from typing import Literal

from git_datmo.errors import DatmoError

Kind = Literal["path", "file", "ssh", "git", "http", "https"]

SCHEMES: dict[str, Kind] = {
    "file": "file",
    "ssh": "ssh",
    "git": "git",
    "http": "http",
    "https": "https",
}

PREFIX = "datmo::"


def kind_of(url: str) -> Kind:
    """The transport of a URL; raises `DatmoError` for one that git-datmo does not serve."""
    if scheme := re.match(r"([A-Za-z0-9][A-Za-z0-9+.-]*)://", url):
        if kind := SCHEMES.get(scheme[1]):
            return kind
        raise _refusal(scheme[1])
    # `ext::` runs any command and `fd::` talks to any descriptor: a URL from a stranger must reach
    # neither.
    if helper := re.match(r"([A-Za-z0-9][A-Za-z0-9+.-]*)::", url):
        raise _refusal(helper[1])
    if url.startswith("-") or not url:
        raise DatmoError(f"'{url}' is no URL of a repository")
    # git's own rule for `host:path`: a colon that comes before every slash.
    return "ssh" if ":" in url.split("/", 1)[0] else "path"


def _refusal(scheme: str) -> DatmoError:
    known = ", ".join(("a path", *SCHEMES, "host:path"))
    return DatmoError(f"transport '{scheme}' is not allowed behind datmo::", f"use one of: {known}")
