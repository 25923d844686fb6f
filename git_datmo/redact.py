"""Remove passwords from URLs, alone or within text. Every message and file uses this rule."""

from __future__ import annotations

import re

# Credentials end at the last `@` before the first slash, as in curl, since users do not always
# encode an `@`.
_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/\s]*)@")
# Access tokens of hosts look like this; names that people choose rarely do.
_TOKEN = re.compile(r"(?=\D*\d)[A-Za-z0-9_-]{20,}\Z")


def hide_passwords(text: str) -> str:
    """Return `text` with URLs without passwords.

    HTTP URLs lose the user name too, since it can be a token.
    """
    return _CREDENTIALS.sub(_without_password, text) if "@" in text else text


def _without_password(found: re.Match[str]) -> str:
    """Return the start of a URL without its password."""
    scheme, user = found[1], found[2].partition(":")[0]
    is_http = not {"http", "https"}.isdisjoint(scheme.lower().split("+"))
    return f"{scheme}://" if is_http else f"{scheme}://{user}@"


def holds_password(url: str) -> bool:
    """Return True if a URL has a password, or over HTTP a token as its user name."""
    found = _CREDENTIALS.match(url)
    if not found:
        return False
    user, _, password = found[2].partition(":")
    return bool(password) or (found[1].lower() in ("http", "https") and bool(_TOKEN.match(user)))
