"""Classify the URLs behind `datmo::` as git does, and refuse transports that run commands."""

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
    """Return the transport of a URL; raise `DatmoError` if git-datmo does not serve it."""
    if scheme := re.match(r"([A-Za-z0-9][A-Za-z0-9+.-]*)://", url):
        if kind := SCHEMES.get(scheme[1]):
            return kind
        raise _refusal(scheme[1])
    # Security: `ext::` runs any command and `fd::` uses any descriptor. A URL may come from an
    # untrusted source, so it must not reach either.
    if helper := re.match(r"([A-Za-z0-9][A-Za-z0-9+.-]*)::", url):
        raise _refusal(helper[1])
    if url.startswith("-") or not url:
        raise DatmoError(f"'{url}' is no URL of a repository")
    # Git's rule for `host:path`: a colon before the first slash.
    return "ssh" if ":" in url.split("/", 1)[0] else "path"


def _refusal(scheme: str) -> DatmoError:
    """Return the error for a transport that is not served."""
    known = ", ".join(("a path", *SCHEMES, "host:path"))
    return DatmoError(f"transport '{scheme}' is not allowed behind datmo::", f"use one of: {known}")
