"""Strangers' text on a terminal."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def plain(text: str) -> str:
    """A stranger's text on one line, without what a terminal would obey."""
    # Nearly every text is, and to see that takes a fraction of the time.
    return text if text.isprintable() else _CONTROL.sub("\ufffd", text)
