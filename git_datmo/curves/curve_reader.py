"""Read the file of a curve: its header, a range of its points, or a view of many points."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

from git_datmo.curves.curve_points import (
    BLOCK,
    EXACT,
    MAGIC,
    Buckets,
    Points,
    level_widths,
    no_points,
)
from git_datmo.errors import Damaged

FIRST_READ = 1 << 16
HEADER_LIMIT = 64 << 20

Read = Callable[[int, int], bytes]
"""Return the bytes of a file from an offset on, at most so many."""


@dataclass(frozen=True, slots=True)
class Header:
    """Start of a curve's file.

    `blocks` are offsets and lengths in bytes. `levels` are widths, offsets and lengths, the widest
    first. Offsets count from `start`, the length of the header itself.
    """

    name: str
    points: int
    low: float
    high: float
    blocks: tuple[tuple[int, int], ...]
    levels: tuple[tuple[int, int, int], ...]
    start: int


def read_header(read: Read) -> Header:
    """Read the start of a curve's file; raise `Damaged` if it is not one."""
    size, start = FIRST_READ, read(0, FIRST_READ)
    # The header lists every block, so that of a long curve exceeds the first read.
    while start.count(b"\n") < 2 and len(start) == size < HEADER_LIMIT:
        size *= 16
        start = read(0, size)
    magic, line, *_ = (*start.split(b"\n", 2), b"")
    if magic != MAGIC:
        raise Damaged("not the file of a curve")
    try:
        return _parse_header(json.loads(line), len(magic) + len(line) + 2)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged(f"the header of a curve is damaged: {str(error)[:80]}") from error


def _parse_header(raw: dict[str, Any], start: int) -> Header:
    """Return the header that a document describes; raise an error if its parts do not fit."""
    header = Header(
        str(raw["name"]),
        raw["points"],
        float(raw["min"]),
        float(raw["max"]),
        tuple((offset, length) for offset, length in raw["blocks"]),
        tuple((width, offset, length) for width, offset, length in raw["levels"]),
        start,
    )
    counts = (header.points, *chain(*header.blocks), *chain(*header.levels))
    if not all(type(count) is int and 0 <= count <= EXACT for count in counts):
        raise ValueError("a count, offset or length is no whole number")
    # Negating twice rounds up.
    if len(header.blocks) != -(-header.points // BLOCK) or not header.points:
        raise ValueError("it has another number of blocks than its points need")
    if [level[0] for level in header.levels] != list(level_widths(header.points))[::-1]:
        raise ValueError("it has other levels than its points need")
    return header


def read_points(read: Read, header: Header, begin: int = 0, end: int | None = None) -> Points:
    """Return the points from the index `begin` up to, and without, `end`.

    Reads only the blocks that hold them, in one piece. Raises `Damaged` if they are not whole.
    """
    end = header.points if end is None else min(end, header.points)
    if begin >= end:
        return no_points()
    first = begin // BLOCK
    wanted = header.blocks[first : (end - 1) // BLOCK + 1]
    start, (last, length) = wanted[0][0], wanted[-1]
    text = read(header.start + start, last + length - start)
    made = no_points()
    for index, (offset, size) in enumerate(wanted, first):
        values, steps, times = _lines(text[offset - start : offset - start + size], 3)
        made.values.extend(_parse_numbers(values))
        made.steps.extend(_parse_steps(steps))
        made.times.extend(_parse_integers(times))
        known = min((index + 1) * BLOCK, header.points) - first * BLOCK
        if not len(made.values) == len(made.steps) == len(made.times) == known:
            raise Damaged("a block of a curve has another number of points than it should")
    part = slice(begin - first * BLOCK, end - first * BLOCK)
    return Points(made.values[part], made.steps[part], made.times[part])


def read_view(
    read: Read, header: Header, most: int = 4000, begin: int = 0, end: int | None = None
) -> Buckets:
    """Return at most `most` buckets for the points from the index `begin` up to `end`.

    The buckets are the finest that are stored and few enough. Where the points themselves are few
    enough, each is a bucket. `most` is at least 6, since the widest level has at most 4 buckets.
    Raises `Damaged` if the level is not whole.
    """
    end = header.points if end is None else min(end, header.points)
    # A curve with at most `WIDTH` points has no levels.
    if end - begin <= most or not header.levels:
        points = read_points(read, header, begin, end)
        return Buckets(1, points.steps, points.times, points.values, points.values)
    # A range can begin and end within a bucket, which adds up to two.
    few = [level for level in header.levels if (end - begin) // level[0] + 2 <= most]
    level = read_level(read, header, few[-1][0] if few else header.levels[0][0])
    part = slice(begin // level.width, -(-end // level.width))
    return Buckets(
        level.width, level.steps[part], level.times[part], level.low[part], level.high[part]
    )


def read_level(read: Read, header: Header, width: int) -> Buckets:
    """Return the stored level with buckets of `width` points; raise `Damaged` if it is not
    whole."""
    offset, length = next(level[1:] for level in header.levels if level[0] == width)
    low, high, steps, times = _lines(read(header.start + offset, length), 4)
    level = Buckets(
        width,
        _parse_steps(steps),
        _parse_integers(times),
        _parse_numbers(low),
        _parse_numbers(high),
    )
    count = -(-header.points // width)
    if not len(level.steps) == len(level.times) == len(level.low) == len(level.high) == count:
        raise Damaged("a level of a curve has another number of buckets than it should")
    return level


def _lines(text: bytes, count: int) -> list[str]:
    """Return the lines of a block or level; raise `Damaged` unless it has `count`."""
    lines = text.decode("ascii", "replace").split("\n")
    # Each line ends in a line feed, so nothing is left behind the last one.
    if len(lines) != count + 1 or lines[-1]:
        raise Damaged("a curve has a block that is not whole")
    return lines[:-1]


def _parse_numbers(text: str) -> array[float]:
    """Return the numbers of a column."""
    return _parsed("d", float, text)


def _parse_steps(text: str) -> array[float]:
    """Return the steps of a column of either form."""
    return _parse_numbers(text[2:]) if text[:1] == "=" else array("d", _parse_integers(text))


def _parse_integers(text: str) -> array[int]:
    """Return the integers of a column of differences."""
    if text[:2] != "+ ":
        raise Damaged("a curve has a column in a form that is not known")
    return array("q", accumulate(_parsed("q", int, text[2:])))


def _parsed(code: str, parse: Callable[[str], Any], text: str) -> array[Any]:
    """Return the numbers of a text in an array; raise `Damaged` for anything else."""
    try:
        return array(code, map(parse, text.split(" ")))
    except (ValueError, OverflowError) as error:
        raise Damaged(f"a curve has what is no number: {str(error)[:80]}") from error


def bytes_reader(content: bytes) -> Read:
    """Return a function that reads from a file that is in memory."""
    return lambda offset, size: content[offset : offset + size]
