"""Open a session with a web server that repeats requests of a busy server, with bounded waits."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter, Retry

# Status codes of a busy server.
BUSY = (429, 500, 502, 503, 504)
# Seconds that a server can ask to be left alone before a request is repeated.
LONGEST_PAUSE = 30.0


class BoundedRetry(Retry):
    """Repeat a request; a pause that the server asks for (RFC 9110, Retry-After) is bounded."""

    def get_retry_after(self, response: Any) -> float | None:
        """Return the seconds to wait, at most `LONGEST_PAUSE`; None if the server names none."""
        seconds = super().get_retry_after(response)
        return None if seconds is None else min(seconds, LONGEST_PAUSE)


def open_session(connections: int) -> requests.Session:
    """Return a session for as many threads."""
    retry = BoundedRetry(
        total=3,
        connect=1,
        read=1,
        backoff_factor=0.5,
        status_forcelist=BUSY,
        # Objects are named by their content, so any request may be repeated.
        allowed_methods=None,
        # The caller raises an error of its own.
        raise_on_status=False,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=connections))
    return session
