from __future__ import annotations

import pytest

from git_datmo.errors import DatmoError, GitFailed
from git_datmo.redact import hide_passwords, holds_password

URLS = {
    "https://alex:secret@host/r": "https://host/r",
    "https://alex:a@b:c@host:8/r@x": "https://host:8/r@x",
    "lfs+https://token@host/r": "lfs+https://host/r",
    "ssh://git:secret@host/r": "ssh://git@host/r",
    "datmo::https://alex:secret@host/r": "datmo::https://host/r",
    "sftp://alex@host/r": "sftp://alex@host/r",
    "https://host/r?mail=me@host": "https://host/r?mail=me@host",
    "git@host:r": "git@host:r",
    "/a/path@x": "/a/path@x",
}


@pytest.mark.parametrize("url", URLS)
def test_url_in_a_text_keeps_no_password(url: str) -> None:
    assert hide_passwords(url) == URLS[url]
    assert hide_passwords(f"no '{url}', nor {url}\n") == f"no '{URLS[url]}', nor {URLS[url]}\n"


def test_errors_hold_no_password() -> None:
    error = DatmoError("no https://a:secret@host", "try https://a:secret@host")
    failed = GitFailed(["fetch"], 128, "fatal: unable to access 'https://a:secret@host/'\n")
    assert "secret" not in f"{error} {error.what} {error.hint} {failed} {failed.stderr}"


@pytest.mark.parametrize(
    ("url", "holds"),
    [
        ("https://alex:secret@host/r", True),
        ("ssh://git:secret@host/r", True),
        ("https://glpat-0123456789abcdefghij@host/r", True),
        ("https://alex@host/r", False),
        ("https://alex:@host/r", False),
        ("ssh://git@host/r", False),
        ("https://host/a:b@c", False),
        ("alex:secret@host:r", False),
    ],
)
def test_password_in_a_url_is_found(url: str, holds: bool) -> None:
    assert holds_password(url) == holds
