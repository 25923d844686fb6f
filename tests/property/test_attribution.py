"""Test that attribution to the parts of a change adds up, and equals Shapley values."""

from __future__ import annotations

from itertools import combinations as choose
from math import factorial, isclose

from hypothesis import given
from hypothesis import strategies as st

from git_datmo.runs.attribution import Combination, all_orders, attribute, combinations, two_orders

PARTS = ("code", "data", "env", "params")
EVERY = [frozenset(chosen) for size in range(5) for chosen in choose(PARTS, size)]
figures = st.integers(-1000, 1000).map(float)
tables = st.fixed_dictionaries(dict.fromkeys(EVERY, figures))


def shapley(part: str, value: dict[Combination, float]) -> float:
    """Return the textbook's sum over coalitions."""
    total = 0.0
    for without in (each for each in EVERY if part not in each):
        weight = factorial(len(without)) * factorial(3 - len(without)) / factorial(4)
        total += weight * (value[without | {part}] - value[without])
    return total


@given(tables)
def test_attribution_over_all_orders_gives_shapley_values(value: dict[Combination, float]) -> None:
    found = attribute(all_orders(PARTS), value.get)
    assert found.of is not None
    assert (found.used, found.orders) == (24, 24)
    for part in PARTS:
        assert isclose(found.of[part], shapley(part, value), abs_tol=1e-6)


@given(
    tables,
    st.permutations(PARTS).flatmap(lambda all_: st.integers(1, 4).map(lambda count: all_[:count])),
)
def test_attribution_over_two_orders_adds_up(
    value: dict[Combination, float], parts: list[str]
) -> None:
    orders = two_orders(parts)
    found = attribute(orders, value.get)
    assert found.of is not None
    assert isclose(
        sum(found.of.values()), value[frozenset(parts)] - value[frozenset()], abs_tol=1e-6
    )
    assert len(combinations(orders)) == (2 if len(parts) == 1 else 2 * len(parts))


@given(tables, st.sets(st.sampled_from(EVERY), min_size=1))
def test_orders_through_what_failed_are_left_out(
    value: dict[Combination, float], failed: set[Combination]
) -> None:
    found = attribute(all_orders(PARTS), lambda c: None if c in failed else value[c])
    if found.of is None:
        assert found.used == 0
    else:
        assert 0 < found.used < 24
        assert isclose(
            sum(found.of.values()), value[frozenset(PARTS)] - value[frozenset()], abs_tol=1e-6
        )
    if frozenset() in failed:
        assert found.of is None


def test_orders_pass_through_all_combinations() -> None:
    assert set(combinations(all_orders(PARTS))) == set(EVERY)
    assert len(combinations(two_orders(PARTS))) == 8
