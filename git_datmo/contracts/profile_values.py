"""Profile the values of a field: quantiles of numbers, the most frequent categories of text."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

from git_datmo.records.field_profile import FieldProfile

BINS = 10
# Numbers with few values, such as classes or counts, have a bin for each value.
MOST_DISCRETE = 20
MOST_CATEGORIES = 20
# Longer texts are no categories.
MOST_CHARACTERS = 80
# Up to this number, each integer has a floating-point number of its own.
EXACT_INTEGERS = 2**53


def profile_values(values: Iterable[object]) -> FieldProfile | None:
    """Return the profile of values, of which None is a missing one.

    Numbers are profiled as numbers if all values are numbers; NaN and infinite ones are missing.
    Otherwise, text and booleans are categories. Returns None for values with parts, such as lists.
    """
    every = list(values)
    present = [value for value in every if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        numbers = sorted(filter(math.isfinite, map(_to_float, present)))
        if numbers or not present:
            return _profile_numbers(len(every), numbers)
    if not all(isinstance(value, str | bool | int | float) for value in present):
        return None
    return _profile_texts(len(every), [_to_text(value) for value in present])


def _to_float(value: object) -> float:
    """Return a number as floating-point number; infinity for integers past its range."""
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf


def _to_text(value: object) -> str:
    """Return the text of a category."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _profile_numbers(rows: int, numbers: Sequence[float]) -> FieldProfile:
    """Return the profile of sorted finite numbers."""
    distinct = _few_distinct(numbers)
    edges = distinct or _quantile_edges(numbers)
    totals = [bisect_right(numbers, edge) for edge in edges]
    return FieldProfile(
        rows=rows,
        missing=rows - len(numbers),
        edges=tuple(map(_shorten, edges)),
        is_discrete=bool(distinct),
        categories=(),
        counts=tuple(b - a for a, b in zip([0, *totals], totals, strict=False)),
    )


def _few_distinct(numbers: Sequence[float]) -> list[float]:
    """Return the distinct values of sorted numbers, or none if they are many."""
    found: list[float] = []
    index = 0
    while index < len(numbers):
        if len(found) == MOST_DISCRETE:
            return []
        found.append(numbers[index])
        index = bisect_right(numbers, numbers[index])
    return found


def _quantile_edges(numbers: Sequence[float]) -> list[float]:
    """Return the minimum, the deciles and the maximum of sorted numbers, each once."""
    last = len(numbers) - 1
    chosen = (numbers[math.ceil(last * index / BINS)] for index in range(BINS + 1))
    return list(dict.fromkeys(chosen)) if numbers else []


def _shorten(number: float) -> int | float:
    """Return a whole number as integer, which is shorter in a record."""
    return int(number) if number.is_integer() and abs(number) < EXACT_INTEGERS else number


def _profile_texts(rows: int, texts: Sequence[str]) -> FieldProfile:
    """Return the profile of texts."""
    found = Counter(texts)
    short = [item for item in found.items() if len(item[0]) <= MOST_CHARACTERS]
    if len(found) > MOST_CATEGORIES:
        # A text that occurs once among many others is a name or a sentence, no category.
        short = [item for item in short if item[1] > 1]
    # Equally frequent texts are sorted, so that equal data have equal profiles.
    kept = sorted(short, key=lambda item: (-item[1], item[0]))[:MOST_CATEGORIES]
    counts = [count for _, count in kept]
    return FieldProfile(
        rows=rows,
        missing=rows - len(texts),
        edges=(),
        is_discrete=False,
        categories=tuple(text for text, _ in kept),
        counts=(*counts, len(texts) - sum(counts)),
    )
