"""Test that a curve's file returns every point, views keep every extreme, and damage is named."""

from __future__ import annotations

import json
import math
from array import array
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.curves.curve_points import BLOCK, Points
from git_datmo.curves.curve_reader import bytes_reader, read_header, read_points, read_view
from git_datmo.curves.curve_writer import write_curve
from git_datmo.errors import Damaged
from tests.support import independent_curve

numbers = st.floats() | st.integers(-(2**60), 2**60).map(float)
point_lists = st.lists(st.tuples(numbers, numbers, st.integers(0, 2**50)), min_size=1, max_size=200)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def columns(points: list[tuple[float, float, int]]) -> Points:
    values, steps, times = zip(*points, strict=True)
    return Points(array("d", values), array("d", steps), array("q", times))


def long_curve(count: int, seed: int = 1) -> Points:
    """Return a curve whose values jump, from a simple generator of numbers."""
    values = array("d")
    for _ in range(count):
        seed = seed * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        values.append(math.nan if seed % 97 == 0 else (seed >> 11) / 2**53)
    return Points(values, array("d", range(count)), array("q", range(0, 250 * count, 250)))


def same(one: array[float], other: array[float]) -> bool:
    return list(map(repr, one)) == list(map(repr, other))


@given(names, point_lists)
def test_curve_is_read_as_written(name: str, points: list[tuple[float, float, int]]) -> None:
    content = write_curve(name, columns(points))
    header = read_header(bytes_reader(content))
    read = read_points(bytes_reader(content), header)
    assert header.name == name
    assert same(read.values, columns(points).values)
    assert list(read.times) == [time for _, _, time in points]
    # A step of minus zero is zero.
    assert same(
        array("d", (step + 0.0 for step in read.steps)),
        array("d", (step + 0.0 for _, step, _ in points)),
    )


@given(names, point_lists)
def test_independent_writer_makes_the_same_bytes(
    name: str, points: list[tuple[float, float, int]]
) -> None:
    assert write_curve(name, columns(points)) == independent_curve.write(name, points)


@pytest.mark.parametrize("count", [63, 64, 65, 256, 257, BLOCK, BLOCK + 1, 20_000])
def test_independent_writer_makes_the_same_bytes_of_long_curves(count: int) -> None:
    points = long_curve(count)
    rows = list(zip(points.values, points.steps, points.times, strict=True))
    content = write_curve("loss", points)
    assert content == independent_curve.write("loss", rows)
    assert list(map(repr, independent_curve.read(content))) == list(map(repr, rows))


def numbers_of(values: array[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


@given(st.integers(0, 20_000), st.integers(0, 21_000), st.integers(6, 5000))
def test_view_has_the_extremes_of_its_range(begin: int, end: int, most: int) -> None:
    view = read_view(bytes_reader(LONG), read_header(bytes_reader(LONG)), most, begin, end)
    assert len(view) <= most
    values = numbers_of(LONG_POINTS.values[begin:end])
    if values:
        # Buckets at both ends may begin before the range, and end behind it.
        assert min(numbers_of(view.low)) <= min(values)
        assert max(numbers_of(view.high)) >= max(values)


LONG_POINTS = long_curve(20_000)
LONG = write_curve("loss", LONG_POINTS)


@given(st.integers(0, 20_000), st.integers(0, 21_000))
def test_range_is_read_from_its_blocks_alone(begin: int, end: int) -> None:
    sizes = []

    def read(offset: int, size: int) -> bytes:
        sizes.append(size)
        return LONG[offset : offset + size]

    header = read_header(bytes_reader(LONG))
    part = read_points(read, header, begin, end)
    assert same(part.values, LONG_POINTS.values[begin:end])
    assert list(part.steps) == list(LONG_POINTS.steps[begin:end])
    blocks = max(min(end, 20_000) - begin, 0) // BLOCK + 2
    assert sum(sizes) <= blocks * max(length for _, length in header.blocks)


@given(st.data())
def test_damaged_curve_is_named_damaged_or_reads_as_one(data: st.DataObject) -> None:
    raw = bytearray(write_curve("loss", long_curve(300)))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.sampled_from([0, 1, 30, len(raw)]))] = data.draw(
        st.binary(max_size=3)
    )
    read = bytes_reader(bytes(raw))
    with suppress(Damaged):
        header = read_header(read)
        read_points(read, header)
        read_view(read, header, 10)


@pytest.mark.parametrize(
    "changes",
    [
        {"points": 0},
        {"points": 10**400},
        {"points": 5000},
        {"points": True},
        {"blocks": []},
        {"blocks": [[0, -1]]},
        {"blocks": [["0", 10]]},
        {"levels": [[64, 0, 10], [64, 0, 10]]},
        {"min": "small"},
        {"min": None},
    ],
    ids=str,
)
def test_header_that_does_not_fit_is_damaged(changes: dict[str, object]) -> None:
    magic, line, body = write_curve("loss", long_curve(300)).split(b"\n", 2)
    header = json.dumps({**json.loads(line), **changes}).encode()
    with pytest.raises(Damaged):
        read_header(bytes_reader(b"\n".join((magic, header, body))))
