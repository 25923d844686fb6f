"""Compute each part's share of a change, as Shapley values.

In an order, the share of a part is the change of the value when this part is replaced. The Shapley
value is the mean of the shares over all orders. In each order the shares add up to the whole
change, and so do the means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, permutations

Combination = frozenset[str]
"""The parts that are the other experiment's."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """The share of each part, as the mean over `used` of all `orders`.

    `of` is None if no order has values for all its combinations.
    """

    of: Mapping[str, float] | None
    used: int
    orders: int


def all_orders(parts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return all orders in which the parts can be replaced."""
    return tuple(permutations(parts))


def two_orders(parts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return an order and its reverse, so that each part comes early once and late once."""
    # With a single part, the order and its reverse are the same.
    return tuple(dict.fromkeys((tuple(parts), tuple(reversed(parts)))))


def combinations(orders: Sequence[Sequence[str]]) -> tuple[Combination, ...]:
    """Return the combinations that the orders pass through, smallest first."""
    found = {combination for order in orders for combination in _steps(order)}
    return tuple(sorted(found, key=lambda each: (len(each), sorted(each))))


def _steps(order: Sequence[str]) -> Iterator[Combination]:
    """Yield the combinations of an order, from none of its parts to all."""
    return accumulate((frozenset({part}) for part in order), frozenset.union, initial=frozenset())


def attribute(
    orders: Sequence[Sequence[str]], value: Callable[[Combination], float | None]
) -> Attribution:
    """Return each part's share. An order with a combination that has no value is left out."""
    sums, used = dict.fromkeys(orders[0], 0.0), 0
    for order in orders:
        values = [value(combination) for combination in _steps(order)]
        # The shares of an order add up to the whole change only if all its values are known.
        if None in values:
            continue
        used += 1
        known = [each for each in values if each is not None]
        for part, (before, after) in zip(order, pairwise(known), strict=True):
            sums[part] += after - before
    return Attribution(
        {part: total / used for part, total in sums.items()} if used else None, used, len(orders)
    )
