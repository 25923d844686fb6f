"""Property tests: profiles count every value, and the index of two profiles is a distance."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from git_datmo.contracts.population_stability import compare_profiles
from git_datmo.contracts.profile_values import profile_values
from git_datmo.records.field_profile import FieldProfile

NUMBERS = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.integers(),
    st.integers(10**400, 10**401),
    st.floats(),
)
TEXTS = st.one_of(st.none(), st.booleans(), st.sampled_from("abcdefgh"), st.text(max_size=100))
VALUES = st.lists(NUMBERS, max_size=80) | st.lists(TEXTS, max_size=80) | st.lists(NUMBERS | TEXTS)


def profiled(values: list[object]) -> FieldProfile:
    profile = profile_values(values)
    assert profile is not None
    return profile


@given(VALUES)
def test_profile_counts_each_value_once(values: list[object]) -> None:
    profile = profiled(values)
    assert profile.rows == len(values)
    assert profile.missing + sum(profile.counts) == len(values)
    assert min(profile.counts, default=0) >= 0
    assert list(profile.edges) == sorted(set(profile.edges))
    assert all(map(math.isfinite, profile.edges))


@given(VALUES)
def test_index_of_equal_profiles_is_zero(values: list[object]) -> None:
    stability = compare_profiles(profiled(values), profiled(list(reversed(values))))
    assert stability.index == 0
    assert not stability.is_large


@given(VALUES, VALUES)
def test_index_is_finite_and_never_negative(one: list[object], other: list[object]) -> None:
    index = compare_profiles(profiled(one), profiled(other)).index
    assert math.isfinite(index)
    assert index >= 0


@given(st.integers(0, 2**32), st.integers(1, 400), st.integers(1, 400))
def test_samples_of_one_distribution_are_no_large_change(seed: int, one: int, other: int) -> None:
    source = random.Random(seed)
    reference, current = (
        profiled([source.gauss(0, 1) for _ in range(size)]) for size in (one, other)
    )
    assert not compare_profiles(reference, current).is_large
