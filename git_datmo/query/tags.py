"""Hold the tags of an experiment as one value of a row.

A tag from another tracker may have any text. So the separator is a control character, which tags in
rows do not have.
"""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.terminal_text import make_printable

TAGS = "tags"
_SEPARATOR = "\x1f"


def join_tags(tags: Iterable[str]) -> str:
    """Return tags as the value of a row; control characters in them are replaced."""
    return _SEPARATOR.join(map(make_printable, tags))


def split_tags(value: str) -> tuple[str, ...]:
    """Return the tags in the value of a row."""
    return tuple(filter(None, value.split(_SEPARATOR)))


def show_tags(value: str) -> str:
    """Return the tags in the value of a row as text for people."""
    return ", ".join(split_tags(value))
