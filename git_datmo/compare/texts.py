"""Compare logs and other texts by line. Times and folders of absolute paths do not count."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path

from git_datmo.compare.comparison import Comparison, Tally, UnreadableFile
from git_datmo.compare.volatile import alike, without_times

SIZE_LIMIT = 64 << 20

_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![\w.])")


def compare_texts(recorded: Path, rerun: Path) -> Comparison:
    """Compare two texts. Lines that differ only in numbers are as far apart as the numbers."""
    one, other = (_lines(path) for path in (recorded, rerun))
    tally, volatile = Tally(), 0
    for number, (line, beside) in enumerate(zip_longest(one, other), start=1):
        gap = _gap(line, beside, rerun)
        volatile += gap is None and line != beside
        tally.count(1, int(gap is not None), gap or 0.0, f"line {number}")
    lines = f"{len(one)} line{'' if len(one) == 1 else 's'}"
    more = f"{lines} became {len(other)}" if len(one) != len(other) else ""
    done = tally.conclude("lines", more)
    if not tally.differing and volatile:
        return Comparison(f"the same lines but for times or paths in {volatile}", 0.0)
    return done


def _gap(line: str | None, beside: str | None, file: Path) -> float | None:
    """Return the distance of two lines' numbers: infinite for other words, None if equal."""
    if line is None or beside is None:
        return float("inf")
    if line == beside or alike(line, beside, file):
        return None
    one, other = without_times(line), without_times(beside)
    if not alike(_NUMBER.sub("#", one), _NUMBER.sub("#", other), file):
        return float("inf")
    pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    return max(abs(float(a) - float(b)) for a, b in pairs)


def _lines(path: Path) -> list[str]:
    if path.stat().st_size > SIZE_LIMIT:
        raise UnreadableFile(f"it is larger than {SIZE_LIMIT >> 20} MiB")
    try:
        return path.read_bytes().decode().splitlines()
    except UnicodeDecodeError as error:
        raise UnreadableFile("it is not UTF-8 text") from error
