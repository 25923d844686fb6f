"""Write and read curves by section 7.6 of `docs/FORMAT.md` alone, without the product's code."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

BLOCK, WIDTH, FACTOR, LARGEST = 4096, 64, 4, 2**53

Point = tuple[float, float, int]
"""Value, step and time in microseconds."""


def write(name: str, points: Sequence[Point]) -> bytes:
    """Return the file of a curve."""
    widths = []
    width = WIDTH
    while width < len(points):
        widths.insert(0, width)
        width *= FACTOR
    levels = [_level(points, width) for width in widths]
    blocks = [_block(points[at : at + BLOCK]) for at in range(0, len(points), BLOCK)]
    places, offset = [], 0
    for text in levels + blocks:
        places.append([offset, len(text)])
        offset += len(text)
    header: dict[str, Any] = {
        "blocks": places[len(levels) :],
        "levels": [[w, *place] for w, place in zip(widths, places, strict=False)],
        "max": _of_json(_largest(points)),
        "min": _of_json(_smallest(points)),
        "name": name,
        "points": len(points),
    }
    line = json.dumps(header, separators=(",", ":"), ensure_ascii=False)
    return f"datmo-curve 1\n{line}\n{''.join(levels)}{''.join(blocks)}".encode()


def read(content: bytes) -> list[Point]:
    """Return all points of a curve's file."""
    _, line, body = content.split(b"\n", 2)
    points: list[Point] = []
    for offset, length in json.loads(line)["blocks"]:
        values, steps, times, rest = body[offset : offset + length].decode().split("\n")
        assert rest == ""
        points += zip(
            map(float, values.split(" ")),
            map(float, _numbers(steps)),
            [int(time) for time in _numbers(times)],
            strict=True,
        )
    return points


def _numbers(column: str) -> list[float]:
    form, *words = column.split(" ")
    if form == "=":
        return [float(word) for word in words]
    assert form == "+"
    numbers = [int(words[0])]
    for word in words[1:]:
        numbers.append(numbers[-1] + int(word))
    return list(numbers)


def _level(points: Sequence[Point], width: int) -> str:
    buckets = [points[at : at + width] for at in range(0, len(points), width)]
    return (
        f"{_plain(map(_smallest, buckets))}\n{_plain(map(_largest, buckets))}\n"
        f"{_steps([bucket[0][1] for bucket in buckets])}\n"
        f"{_differences([bucket[0][2] for bucket in buckets])}\n"
    )


def _block(points: Sequence[Point]) -> str:
    values, steps, times = zip(*points, strict=True)
    return f"{_plain(values)}\n{_steps(steps)}\n{_differences(times)}\n"


def _smallest(points: Sequence[Point]) -> float:
    return min((p[0] for p in points if not math.isnan(p[0])), default=math.nan)


def _largest(points: Sequence[Point]) -> float:
    return max((p[0] for p in points if not math.isnan(p[0])), default=math.nan)


def _plain(values: Any) -> str:
    return " ".join(_word(value) for value in values)


def _word(value: float) -> str:
    return str(value) if math.isfinite(value) else json.dumps(value)


def _of_json(value: float) -> float | str:
    return value if math.isfinite(value) else json.dumps(value)


def _steps(steps: Sequence[float]) -> str:
    if all(math.isfinite(step) and step == step // 1 and abs(step) <= LARGEST for step in steps):
        return _differences([int(step) for step in steps])
    return f"= {_plain(steps)}"


def _differences(numbers: Sequence[int]) -> str:
    before = [0, *numbers[:-1]]
    return "+ " + " ".join(str(n - b) for n, b in zip(numbers, before, strict=True))
