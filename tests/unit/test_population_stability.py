"""Test the population stability index on changes that it is made for."""

from __future__ import annotations

import math
import random

import pytest

from git_datmo.contracts.population_stability import compare_profiles
from git_datmo.contracts.profile_values import profile_values
from git_datmo.records.field_profile import FieldProfile


def profiled(values: list[object]) -> FieldProfile:
    profile = profile_values(values)
    assert profile is not None
    return profile


def spread(low: float, high: float, count: int = 10_000) -> list[object]:
    """Return evenly spread numbers."""
    return [low + (high - low) * index / count for index in range(count)]


def index_of(reference: list[object], current: list[object]) -> float:
    return compare_profiles(profiled(reference), profiled(current)).index


def test_many_numbers_are_profiled_by_their_deciles() -> None:
    profile = profiled(spread(0, 100))
    assert len(profile.edges) == 11
    assert [round(edge) for edge in profile.edges] == list(range(0, 101, 10))
    assert not profile.is_discrete


def test_few_numbers_are_profiled_one_by_one() -> None:
    profile = profiled([1, 2, 2, 5.5, None, math.nan])
    assert (profile.rows, profile.missing) == (6, 2)
    assert (profile.edges, profile.counts) == ((1, 2, 5.5), (1, 2, 1))
    assert profile.is_discrete


def test_text_is_profiled_by_its_most_frequent_categories() -> None:
    names: list[object] = [f"name {index}" for index in range(100)]
    profile = profiled([*names, "b", "a", "b", "a", "x" * 81, "x" * 81, None])
    assert (profile.categories, profile.counts) == (("a", "b"), (2, 2, 102))


def test_values_with_parts_have_no_profile() -> None:
    assert profile_values([[1], None]) is None


@pytest.mark.parametrize(
    ("reference", "current", "expected"),
    [
        # One of two equal classes grows to 75%: 0.25 * ln(0.5/0.25) + 0.25 * ln(0.75/0.5).
        (["a", "b"] * 5000, ["a", "a", "a", "b"] * 2500, 0.25 * math.log(3)),
        ([0, 1] * 5000, [0, 0, 0, 1] * 2500, 0.25 * math.log(3)),
        ([True, False] * 5000, [True, True, True, False] * 2500, 0.25 * math.log(3)),
        ([1, None] * 5000, [1, 1, 1, None] * 2500, 0.25 * math.log(3)),
        # The lower half of ten bins of 10% each is empty, and the upper half is doubled.
        (spread(0, 1), [*spread(0, 0.5, 5000), *spread(0, 0.5, 5000)], None),
    ],
)
def test_index_is_the_sum_over_bins(
    reference: list[object], current: list[object], expected: float | None
) -> None:
    index = index_of(reference, current)
    if expected is None:
        empty = 0.5 / 10_000
        expected = 5 * ((0.1 - 0.2) * math.log(0.1 / 0.2) + (0.1 - empty) * math.log(0.1 / empty))
    assert index == pytest.approx(expected, rel=0.02)


def test_moved_numbers_are_a_large_change() -> None:
    source = random.Random(7)
    reference = profiled([source.gauss(0, 1) for _ in range(1000)])
    moved = profiled([source.gauss(1, 1) for _ in range(1000)])
    assert compare_profiles(reference, moved).is_large


def test_many_values_at_the_minimum_are_a_bin() -> None:
    zeros, some = [0.0] * 6000, spread(0, 1, 4000)
    assert index_of([*zeros, *some], spread(0, 1)) > 0.25


def test_text_in_place_of_numbers_is_a_large_change() -> None:
    assert compare_profiles(profiled([1, 2] * 50), profiled(["1", "x"] * 50)).is_large


def test_categories_past_the_most_frequent_ones_are_compared_together() -> None:
    texts: list[object] = [f"t{index}" for index in range(40) for _ in range(50)]
    # Other categories are among the most frequent ones now, by one row each.
    others = [f"t{index}" for index in range(20, 40)]
    assert index_of(texts, [*texts, *others]) < 0.01


def test_few_rows_are_no_large_change() -> None:
    stability = compare_profiles(profiled([1, 2, 3]), profiled([2, 3, 4]))
    assert stability.chance > stability.index
    assert not stability.is_large
