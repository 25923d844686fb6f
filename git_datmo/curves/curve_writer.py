"""Write the file of a curve, as `docs/FORMAT.md`, section 7.6, describes it.

The file is text in columns. Minima and maxima over buckets of several widths precede the blocks of
points, so that a view of many points reads few bytes.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from git_datmo.curves.curve_points import (
    BLOCK,
    EXACT,
    FACTOR,
    MAGIC,
    WIDTH,
    Buckets,
    Points,
    level_widths,
)


def write_curve(name: str, points: Points) -> bytes:
    """Return the file of the metric `name`; `points` has at least one point."""
    low, high = find_bounds(points.values)
    levels = list(_levels(points))[::-1]
    level_texts = [_level_text(level) for level in levels]
    block_texts = [_block_text(points, begin) for begin in range(0, len(points), BLOCK)]
    texts = (*level_texts, *block_texts)
    offsets = list(accumulate(map(len, texts), initial=0))
    places = [[offset, len(text)] for offset, text in zip(offsets, texts, strict=False)]
    header = {
        "blocks": places[len(levels) :],
        "levels": [[level.width, *place] for level, place in zip(levels, places, strict=False)],
        "max": _json_number(high),
        "min": _json_number(low),
        "name": name.encode("utf-8", "replace").decode(),
        "points": len(points),
    }
    # The same points always give the same bytes, and so the same object.
    line = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return b"".join((MAGIC, b"\n", line, b"\n", *texts))


def find_bounds(values: array[float]) -> tuple[float, float]:
    """Return the smallest and the largest value; NaN does not count if there is anything else."""
    low, high = _buckets(values, len(values))
    return low[0], high[0]


def _level_text(level: Buckets) -> bytes:
    """Return the lines of a level."""
    return _columns(
        _numbers(level.low), _numbers(level.high), _steps(level.steps), _differences(level.times)
    )


def _block_text(points: Points, begin: int) -> bytes:
    """Return the lines of the block whose first point has the index `begin`."""
    part = slice(begin, begin + BLOCK)
    return _columns(
        _numbers(points.values[part]), _steps(points.steps[part]), _differences(points.times[part])
    )


def _levels(points: Points) -> Iterator[Buckets]:
    """Yield the levels of a curve, the finest first."""
    low, high, united = points.values, points.values, WIDTH
    for width in level_widths(len(points)):
        low, high = _buckets(low, united)[0], _buckets(high, united)[1]
        yield Buckets(width, points.steps[::width], points.times[::width], low, high)
        # Each further level is computed from the one before it, not from the points.
        united = FACTOR


def _buckets(values: array[float], width: int) -> tuple[array[float], array[float]]:
    """Return the smallest and largest value of each `width` values; NaN where none is a number."""
    # The results of `min` and `max` depend on the order if NaN is among the values.
    plain = not any(map(math.isnan, values))
    low, high = array("d"), array("d")
    for begin in range(0, len(values), width):
        some: Sequence[float] = values[begin : begin + width]
        if not plain:
            some = [value for value in some if not math.isnan(value)] or (math.nan,)
        low.append(min(some))
        high.append(max(some))
    return low, high


def _columns(*columns: str) -> bytes:
    """Return columns as lines."""
    return "".join(f"{column}\n" for column in columns).encode()


def _numbers(values: Iterable[float]) -> str:
    """Return numbers with the fewest digits that read back as the same."""
    text = " ".join(map(repr, values))
    if "n" in text:  # of `nan` or `inf`
        text = text.replace("nan", "NaN").replace("inf", "Infinity")
    return text


def _steps(steps: array[float]) -> str:
    """Return steps as differences if all are whole, else as numbers."""
    if all(map(float.is_integer, steps)) and max(map(abs, steps)) <= EXACT:
        return _differences(array("q", map(int, steps)))
    return f"= {_numbers(steps)}"


def _differences(numbers: array[int]) -> str:
    """Return the first integer, and the difference of each later one to the one before."""
    following = map(int.__sub__, numbers[1:], numbers)
    return f"+ {' '.join(map(str, (numbers[0], *following)))}"


def _json_number(value: float) -> float | str:
    """Return a number as JSON can express it."""
    return value if math.isfinite(value) else _numbers([value])
