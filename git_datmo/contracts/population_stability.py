"""Compare two profiles of a field by the population stability index.

With the shares p and q of the values of two data sets in each bin, the index is the sum of
(p - q) * ln(p / q). By a rule of thumb, a change is moderate from 0.1 and large from 0.25.

Yurdakul and Naranjo give the rule, and the distribution of the index by chance, in "Statistical
properties of the population stability index" (Journal of Risk Model Validation, 2020). For n and m
values in B bins of equal distributions, it is about (1/n + 1/m) times the chi-squared distribution
with B - 1 degrees of freedom.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from git_datmo.records.field_profile import FieldProfile

MODERATE, LARGE = 0.1, 0.25
# Is added to each count, so that an empty bin has a share above zero.
SMOOTHING = 0.5
# Standard deviations from the mean of a normal distribution that 1 of 1,000 values is above.
CHANCE_DEVIATIONS = 3.09

Bins = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Stability:
    """Population stability index of two profiles.

    `chance` is the index that 1 of 1,000 pairs of samples of the same size from equal
    distributions exceeds.
    """

    index: float
    chance: float

    @property
    def is_large(self) -> bool:
        """Return whether the distribution changed much, and not by chance."""
        return self.index >= LARGE and self.index > self.chance


def compare_profiles(reference: FieldProfile, current: FieldProfile) -> Stability:
    """Return the population stability index of two profiles.

    The bins are those of the reference, and one of missing values. The index is 0 for equal
    profiles, and also if one of them has no rows. It is never negative, and always finite.
    """
    if not reference.rows or not current.rows:
        return Stability(0.0, math.inf)
    bins = _common_bins(reference, current)
    bins.append((reference.missing, current.missing))
    # A bin that both lack has no share.
    bins = [each for each in bins if any(each)]
    sums = [sum(each[side] for each in bins) + SMOOTHING * len(bins) for side in (0, 1)]
    index = 0.0
    for one, other in bins:
        p, q = (one + SMOOTHING) / sums[0], (other + SMOOTHING) / sums[1]
        index += (p - q) * math.log(p / q)
    spread = 1 / reference.rows + 1 / current.rows
    return Stability(index, spread * _chi_squared_limit(len(bins) - 1))


def _common_bins(reference: FieldProfile, current: FieldProfile) -> Bins:
    """Return the counts of both profiles in bins of values that are not missing."""
    values = [each.rows - each.missing for each in (reference, current)]
    if not all(values):
        return [(values[0], values[1])]
    if reference.is_numeric != current.is_numeric:
        # No number equals a text.
        return [(values[0], 0), (0, values[1])]
    if reference.is_numeric:
        return _bins_of_numbers(reference, current)
    return _bins_of_categories(reference, current)


def _bins_of_numbers(reference: FieldProfile, current: FieldProfile) -> Bins:
    """Return the counts of numbers between the edges of the reference."""
    cuts = _cuts(reference)
    one, other = (_counts_between(profile, cuts) for profile in (reference, current))
    return list(zip(one, other, strict=True))


def _cuts(reference: FieldProfile) -> Sequence[float]:
    """Return the ends of bins. The first bin has no lower end, and the last bin no upper end."""
    edges = reference.edges
    if reference.is_discrete:
        return edges
    # Many values at the minimum, as zeros among amounts, are a bin of their own.
    is_frequent = reference.counts[0] * 2 * len(edges) >= sum(reference.counts)
    return edges[:-1] if is_frequent else edges[1:-1]


def _counts_between(profile: FieldProfile, cuts: Sequence[float]) -> list[float]:
    """Return the counts up to the first cut, between neighbours, and above the last cut."""
    below = [_count_up_to(profile, cut) for cut in cuts]
    ends = [0.0, *below, float(sum(profile.counts))]
    return [max(0.0, high - low) for low, high in pairwise(ends)]


def _count_up_to(profile: FieldProfile, number: float) -> float:
    """Return about how many numbers of a profile are up to `number`.

    The numbers between two edges are taken as evenly spread.
    """
    edges = profile.edges
    index = bisect_right(edges, number)
    total = float(sum(profile.counts[:index]))
    if index in (0, len(edges)) or profile.is_discrete:
        return total
    return total + profile.counts[index] * _fraction(edges[index - 1], edges[index], number)


def _fraction(low: float, high: float, number: float) -> float:
    """Return the position of a number between two others, from 0 to 1."""
    # Halves cannot overflow.
    width = high / 2 - low / 2
    return min(1.0, (number / 2 - low / 2) / width) if width > 0 else 0.0


def _bins_of_categories(reference: FieldProfile, current: FieldProfile) -> Bins:
    """Return the counts of the categories that both profiles know, and of all others."""
    one, other = (
        dict(zip(profile.categories, profile.counts, strict=False))
        for profile in (reference, current)
    )
    # A profile without other texts has counted all categories, those that it lacks with 0.
    known = [
        text
        for text in {**one, **other}
        if (text in one or not reference.counts[-1]) and (text in other or not current.counts[-1])
    ]
    bins: Bins = [(one.get(text, 0), other.get(text, 0)) for text in known]
    rest = [
        sum(profile.counts) - sum(each[side] for each in bins)
        for side, profile in enumerate((reference, current))
    ]
    return [*bins, (rest[0], rest[1])]


def _chi_squared_limit(freedom: int) -> float:
    """Return about the value that 1 of 1,000 values of the chi-squared distribution exceeds.

    The approximation is that of Wilson and Hilferty, by a normal distribution.
    """
    if freedom < 1:
        return 0.0
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + CHANCE_DEVIATIONS * math.sqrt(part)) ** 3)
