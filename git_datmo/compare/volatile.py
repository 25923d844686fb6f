"""Ignore values that change from run to run without meaning: times and folders."""

from __future__ import annotations

import re
from pathlib import Path

CONTAINER = "/work"
"""The working folder of reruns in containers."""

_TIME = re.compile(
    r"(?:19|20)\d\d[-/.][01]?\d[-/.][0-3]?\d"
    r"(?:[T _-]+[0-2]?\d[:h.-][0-5]\d(?:[:m.-][0-5]\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b[0-2]?\d:[0-5]\d:[0-5]\d(?:[.,]\d+)?"
    r"|(?<=/)[0-2]\d-[0-5]\d-[0-5]\d(?![\w-])"  # a folder's name
)
_PATH = re.compile(r"(?<![\w.:/-])(?:file://)?(?:/[\w.@+~-]+)+/?")
_TIME_NAME = re.compile(
    r"(?:.*[_.-])?(?:time|times|timestamp|timestamps|date|duration|elapsed|runtime|wall_?time|walltime)\Z"
    r"|.*(?:_at|_on|_seconds|_secs|_ms|_per_second|_per_sec)\Z",
    re.IGNORECASE,
)


def is_time_name(name: str) -> bool:
    """Return True for the name of a number that measures time: `fit_time`, `samples_per_second`."""
    return _TIME_NAME.match(name) is not None


def without_times(text: str) -> str:
    """Return a text with each date and time of day replaced by a word."""
    return _TIME.sub("TIME", text)


def alike(recorded: str, rerun: str, file: Path) -> bool:
    """Return True for two texts that differ only in times and folders.

    Two paths are alike if their last names are equal, or if the rerun's is a folder above `file`,
    whose name differs in every rerun.
    """
    one, other = without_times(recorded), without_times(rerun)
    if one == other:
        return True
    if _PATH.sub("/", one) != _PATH.sub("/", other):
        return False
    folders = {CONTAINER, *map(str, file.parents)}
    # Texts that are equal without their paths have the same number of them.
    pairs = zip(_PATH.findall(one), _PATH.findall(other), strict=True)
    return all(
        _last(before) == _last(after) or _without_scheme(after) in folders
        for before, after in pairs
    )


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _without_scheme(path: str) -> str:
    return path.removeprefix("file://").rstrip("/")
