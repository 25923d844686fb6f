"""Test that a web server cannot make the client wait for long."""

from __future__ import annotations

import pytest
from urllib3 import HTTPResponse

from git_datmo.backends.http_session import LONGEST_PAUSE, open_session


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [({"Retry-After": "86400"}, LONGEST_PAUSE), ({"Retry-After": "2"}, 2), ({}, None)],
)
def test_pause_that_a_server_asks_for_is_bounded(
    asked: dict[str, str], seconds: float | None
) -> None:
    retry = open_session(1).get_adapter("https://host.invalid").max_retries
    assert retry.get_retry_after(HTTPResponse(headers=asked)) == seconds
    # A repeated request keeps the bound.
    assert retry.new().get_retry_after(HTTPResponse(headers=asked)) == seconds
