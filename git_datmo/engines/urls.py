"""Addresses as they may be recorded. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def without_password(url: str) -> str:
    """`url` without what opens the door: a password, and over http a user too (it may be a token)."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url
    name = user.partition(":")[0]
    keep = f"{name}@" if parts.scheme not in {"http", "https"} else ""
    return parts._replace(netloc=keep + host).geturl()
