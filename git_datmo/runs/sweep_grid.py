"""Compute the combinations of a sweep: parameter values, and the command for each combination."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.errors import UsageError
from git_datmo.readers.scalar_values import parse_value
from git_datmo.records.record_values import Value

LIMIT = 10_000
_RANGE = re.compile(r"(-?[0-9]{1,9})\.\.(-?[0-9]{1,9})\Z")


@dataclass(frozen=True, slots=True)
class Combination:
    """A value for each parameter, and the command with these values."""

    parameters: Mapping[str, Value]
    command: tuple[str, ...]


def parse_grid(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the values of `NAME=VALUE,VALUE` and `NAME=FIRST..LAST`, as text.

    Raises `UsageError` for any other word, a repeated name, or a range of more than `LIMIT`
    numbers.
    """
    grid: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not (name and equals) or name in grid:
            raise UsageError(
                f"'{word}' is not of the form NAME=VALUE,...",
                "give each parameter once, with its values",
            )
        match = _RANGE.match(text)
        if match is None:
            grid[name] = tuple(dict.fromkeys(text.split(",")))
            continue
        first, last = int(match[1]), int(match[2])
        if not 0 <= last - first < LIMIT:
            raise UsageError(
                f"'{text}' is no range of at most {LIMIT} whole numbers", "give it like 1..5"
            )
        grid[name] = tuple(str(number) for number in range(first, last + 1))
    return grid


def combine(grid: Mapping[str, Sequence[str]], command: Sequence[str]) -> tuple[Combination, ...]:
    """Return all combinations; the last parameter changes first.

    `{NAME}` in a word of the command is replaced by the value. Raises `UsageError` if a parameter
    does not occur in the command, or for more than `LIMIT` combinations.
    """
    count = 1
    for name, values in grid.items():
        if not any(f"{{{name}}}" in word for word in command):
            raise UsageError(
                f"the command has no place for '{name}'", f"write {{{name}}} where its value goes"
            )
        count *= len(values)
    if count > LIMIT:
        raise UsageError(f"these are {count} combinations, more than {LIMIT}")
    chosen = (dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))
    return tuple(
        Combination(
            {name: parse_value(text) for name, text in values.items()},
            tuple(_filled(word, values) for word in command),
        )
        for values in chosen
    )


def _filled(word: str, values: Mapping[str, str]) -> str:
    """Return `word` with each `{NAME}` replaced by the value."""
    names = "|".join(map(re.escape, values))
    return re.sub(rf"\{{({names})\}}", lambda match: values[match[1]], word) if values else word
