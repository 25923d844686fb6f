"""Leave out what changes from run to run and says nothing of the result: times and places of files."""

from __future__ import annotations

import re

_TIME = re.compile(
    r"(?:19|20)\d\d[-/.][01]?\d[-/.][0-3]?\d"
    r"(?:[T _-]+[0-2]?\d[:h.-][0-5]\d(?:[:m.-][0-5]\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b[0-2]?\d:[0-5]\d:[0-5]\d(?:[.,]\d+)?"
)
_FOLDER = re.compile(r"(?<![\w.:/-])(?:file://)?/(?:[\w.@+~-]+/)+")
_TIME_NAME = re.compile(
    r"(?:.*[_.-])?(?:time|times|timestamp|timestamps|date|duration|elapsed|runtime|wall_?time|walltime)\Z"
    r"|.*(?:_at|_on|_seconds|_secs|_ms|_per_second|_per_sec)\Z",
    re.IGNORECASE,
)


def is_time_name(name: str) -> bool:
    """Return True for the name of a number that measures time: `fit_time`, `elapsed`, `samples_per_second`."""
    return _TIME_NAME.match(name) is not None


def without_volatile(text: str) -> str:
    """Return a text with times, and the folders of absolute paths, taken out."""
    return _FOLDER.sub("/", _TIME.sub("<time>", text))
