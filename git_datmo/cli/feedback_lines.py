"""Show which feedback an experiment learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from git_datmo.history.taken_feedback import LearnedFrom
from git_datmo.terminal_text import make_printable


def learned_lines(found: Sequence[LearnedFrom]) -> Iterator[str]:
    """Yield a line for each payload that was made of feedback, with the ids of its batches."""
    for path, batches in groupby(found, key=lambda each: each.path):
        ids = ", ".join(
            f"{each.batch[:10]}{' (dropped)' if each.dropped else ''}" for each in batches
        )
        yield f"learned from feedback {ids} ({make_printable(path)})"


def learned_keys(found: Sequence[LearnedFrom]) -> dict[str, Any]:
    """Return the key `feedback` of the JSON document of an experiment."""
    return {
        "feedback": [
            {"batch": each.batch, "path": each.path, "dropped": each.dropped} for each in found
        ]
    }
