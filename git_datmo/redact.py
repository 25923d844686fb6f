"""Takes passwords out of what is shown or stored: the one rule for every URL, whole or within a
text."""

from __future__ import annotations

import re

# Up to the last `@` before the first slash, as curl reads it: people do not always encode an `@`.
_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/\s]*)@")
# Access tokens of every host look like this; names that people chose for themselves rarely do.
_TOKEN = re.compile(r"(?=\D*\d)[A-Za-z0-9_-]{20,}\Z")


def hide_passwords(text: str) -> str:
    """Return `text`, whose URLs have no password any more, nor over HTTP a user, who may be a
    token."""
    return _CREDENTIALS.sub(_without_password, text) if "@" in text else text


def _without_password(found: re.Match[str]) -> str:
    scheme, user = found[1], found[2].partition(":")[0]
    is_http = not {"http", "https"}.isdisjoint(scheme.lower().split("+"))
    return f"{scheme}://" if is_http else f"{scheme}://{user}@"


def holds_password(url: str) -> bool:
    """Return True for a URL with a password, or over HTTP with a token in the user's place."""
    found = _CREDENTIALS.match(url)
    if not found:
        return False
    user, _, password = found[2].partition(":")
    return bool(password) or (found[1].lower() in ("http", "https") and bool(_TOKEN.match(user)))
