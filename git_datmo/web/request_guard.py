"""Decide which requests a server of the page answers: by Host, Origin, and a token in a cookie."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

# Texts of records can hold any markup, so only the page's own files are loaded.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
FILE_POLICY = "default-src 'none'; sandbox"
HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Guard:
    """The token of a server, and the hosts by which browsers may name it.

    The hosts of `outside` are names of a proxy: any port, or none, may follow them.
    """

    token: str
    port: int
    hosts: tuple[str, ...] = LOOPBACK
    outside: tuple[str, ...] = ()

    @property
    def cookie(self) -> str:
        """Return the name of the cookie. Cookies of one host are the same for all its ports."""
        return f"datmo-{self.port}"

    def refuse_host(self, host: str) -> str:
        """Return why a request for this host is refused; '' if it is not."""
        name, port = _split_host(host)
        # A browser leaves out the usual port of the scheme.
        if name in self.hosts and port in (None, self.port):
            return ""
        if name in self.outside:
            return ""
        return (
            "this server does not answer for this host: behind a proxy, start it with"
            " 'git datmo ui --allow-host NAME'"
        )

    def refuse_origin(self, origin: str | None, host: str) -> str:
        """Return why a request from a page of this origin is refused; '' if it is not."""
        if origin is None:
            return ""
        if urlsplit(origin).netloc == host and not self.refuse_host(host):
            return ""
        return "this request comes from another page"

    def knows(self, token: str) -> bool:
        """Return True for the server's token."""
        # In constant time, which tells nothing of the token.
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())


def _split_host(host: str) -> tuple[str, int | None]:
    """Return the name and port of a Host header; a name '' for one that is none."""
    try:
        parts = urlsplit(f"//{host}")
        port = parts.port
    except ValueError:
        return "", None
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return "", None
    return parts.hostname or "", port


def host_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of hosts in lower case, without ports and schemes."""
    found = []
    for name in names:
        netloc = urlsplit(name).netloc if "//" in name else name
        found.append(_split_host(netloc)[0])
    return tuple(filter(None, found))
