"""Compute the combinations of a sweep: parameter values, and the command for each combination."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from git_datmo.errors import UsageError
from git_datmo.readers.scalar_values import parse_value
from git_datmo.records.record_values import Value
from git_datmo.runs.config_edit import Edits
from git_datmo.runs.config_files import ConfigFile
from git_datmo.suggest import nearest

LIMIT = 10_000
_RANGE = re.compile(r"(-?[0-9]{1,9})\.\.(-?[0-9]{1,9})\Z")


@dataclass(frozen=True, slots=True)
class Combination:
    """A value for each parameter, and the command with these values.

    `edits` are the values to set in configuration files.
    """

    parameters: Mapping[str, Value]
    command: tuple[str, ...]
    edits: Edits = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return a text that no other combination of a sweep has."""
        return json.dumps([dict(self.parameters), self.command], sort_keys=True)


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
            # A value that is given twice is one combination.
            grid[name] = tuple(dict.fromkeys(text.split(",")))
            continue
        first, last = int(match[1]), int(match[2])
        if not 0 <= last - first < LIMIT:
            raise UsageError(
                f"'{text}' is no range of at most {LIMIT} whole numbers", "give it like 1..5"
            )
        grid[name] = tuple(str(number) for number in range(first, last + 1))
    return grid


def combine(
    grid: Mapping[str, Sequence[str]], command: Sequence[str], files: Sequence[ConfigFile] = ()
) -> tuple[Combination, ...]:
    """Return all combinations; the last parameter changes first.

    `{NAME}` in a word of the command is replaced by the value. A parameter that does not occur in
    the command is a key of one of the configuration `files`; the last one that has it counts.
    Raises `UsageError` for other parameters, or for more than `LIMIT` combinations.
    """
    count, homes = 1, dict[str, str]()
    for name, values in grid.items():
        count *= len(values)
        if any(f"{{{name}}}" in word for word in command):
            continue
        having = [file.path for file in files if name in file.values]
        if not having:
            near = nearest(name, (key for file in files for key in file.values))
            raise UsageError(
                f"the command has no place for '{name}', and no configuration file has this key",
                f"did you mean '{near}'?" if near else f"write {{{name}}} where its value goes",
            )
        homes[name] = having[-1]
    # Counted before any combination is made, since the product can be huge.
    if count > LIMIT:
        raise UsageError(f"these are {count} combinations, more than {LIMIT}")
    chosen = (dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))
    return tuple(_combination(values, command, homes) for values in chosen)


def _combination(
    values: Mapping[str, str], command: Sequence[str], homes: Mapping[str, str]
) -> Combination:
    """Return a combination. `homes` are the files of the parameters that files have."""
    parameters = {name: parse_value(text) for name, text in values.items()}
    edits: dict[str, dict[str, Value]] = {}
    for name, path in homes.items():
        edits.setdefault(path, {})[name] = parameters[name]
    return Combination(parameters, tuple(_filled(word, values) for word in command), edits)


def _filled(word: str, values: Mapping[str, str]) -> str:
    """Return `word` with each `{NAME}` replaced by the value."""
    # One pass replaces all names, so a value that contains `{NAME}` is not replaced again.
    names = "|".join(map(re.escape, values))
    return re.sub(rf"\{{({names})\}}", lambda match: values[match[1]], word) if values else word
