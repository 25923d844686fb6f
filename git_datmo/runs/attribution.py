"""How much of a change is due to each of several parts: Shapley values, by the orders in which the
parts can change.

In an order, what the value changes by when a part comes in is due to it. Its Shapley value is the
mean of that over all orders; what is due to all parts of an order, and so the means, add up to the
whole change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, permutations

Combination = frozenset[str]
"""The parts that are the other experiment's."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What each part changed, as the mean over `used` orders out of `orders`; None where no order
    could be followed."""

    of: Mapping[str, float] | None
    used: int
    orders: int


def all_orders(parts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(permutations(parts))


def two_orders(parts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """An order and its reverse: each part then comes in early once and late once."""
    return tuple(dict.fromkeys((tuple(parts), tuple(reversed(parts)))))


def combinations(orders: Sequence[Sequence[str]]) -> tuple[Combination, ...]:
    """The combinations that some orders pass through, smallest first."""
    found = {combination for order in orders for combination in _steps(order)}
    return tuple(sorted(found, key=lambda each: (len(each), sorted(each))))


def _steps(order: Sequence[str]) -> Iterator[Combination]:
    return accumulate((frozenset({part}) for part in order), frozenset.union, initial=frozenset())


def attribute(
    orders: Sequence[Sequence[str]], value: Callable[[Combination], float | None]
) -> Attribution:
    """What is due to each part by `orders`; one that passes through a combination without a value
    is left out."""
    sums, used = dict.fromkeys(orders[0], 0.0), 0
    for order in orders:
        values = [value(combination) for combination in _steps(order)]
        if None in values:
            continue
        used += 1
        known = [each for each in values if each is not None]
        for part, (before, after) in zip(order, pairwise(known), strict=True):
            sums[part] += after - before
    return Attribution(
        {part: total / used for part, total in sums.items()} if used else None, used, len(orders)
    )
