"""Compare logs and other texts by line."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from pathlib import Path

from git_datmo.compare.comparison import Comparison, Tally, UnreadableFile
from git_datmo.compare.volatile import alike, without_times

SIZE_LIMIT = 64 << 20

_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![\w.])")


# Returns the distance of two lines' numbers: infinite for other words, None for equal lines.
Gap = Callable[[str, str], float | None]


def compare_texts(recorded: Path, rerun: Path) -> Comparison:
    """Compare two texts. Lines that differ only in numbers are as far apart as the numbers."""
    return _compare(recorded, rerun, _text_gap)


def compare_logs(recorded: Path, rerun: Path) -> Comparison:
    """Compare two logs like texts. Times and the folders of absolute paths do not count."""
    return _compare(recorded, rerun, partial(_log_gap, file=rerun))


def _compare(recorded: Path, rerun: Path, gap_of: Gap) -> Comparison:
    """Compare two files line by line."""
    one, other = (_lines(path) for path in (recorded, rerun))
    tally, volatile = Tally(), 0
    for number, (line, beside) in enumerate(zip_longest(one, other), start=1):
        both = line is not None and beside is not None
        gap = gap_of(line, beside) if both else float("inf")
        volatile += gap is None and line != beside
        tally.count(1, int(gap is not None), gap or 0.0, f"line {number}")
    lines = f"{len(one)} line{'' if len(one) == 1 else 's'}"
    more = f"{lines} became {len(other)}" if len(one) != len(other) else ""
    done = tally.conclude("lines", more)
    if not tally.differing and volatile:
        return Comparison(f"the same lines but for times or paths in {volatile}", 0.0)
    return done


def _text_gap(line: str, beside: str) -> float | None:
    """Return the distance of two lines of a text."""
    if line == beside:
        return None
    if _NUMBER.sub("#", line) != _NUMBER.sub("#", beside):
        return float("inf")
    return _distance(line, beside)


def _log_gap(line: str, beside: str, file: Path) -> float | None:
    """Return the distance of two lines of the log `file`."""
    if line == beside or alike(line, beside, file):
        return None
    one, other = without_times(line), without_times(beside)
    if not alike(_NUMBER.sub("#", one), _NUMBER.sub("#", other), file):
        return float("inf")
    return _distance(one, other)


def _distance(line: str, beside: str) -> float:
    """Return the largest difference between the numbers of two lines."""
    pairs = zip(_NUMBER.findall(line), _NUMBER.findall(beside), strict=True)
    return max(abs(float(a) - float(b)) for a, b in pairs)


def _lines(path: Path) -> list[str]:
    if path.stat().st_size > SIZE_LIMIT:
        raise UnreadableFile(f"it is larger than {SIZE_LIMIT >> 20} MiB")
    try:
        return path.read_bytes().decode().splitlines()
    except UnicodeDecodeError as error:
        raise UnreadableFile("it is not UTF-8 text") from error
