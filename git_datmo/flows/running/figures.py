"""Parameters and metrics: from `NAME=VALUE` words and from the `metrics.json` that a run wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from pathlib import Path

from git_datmo.errors import DatmoError, UsageError
from git_datmo.records.types import Value

METRICS_FILE = "metrics.json"
FIGURES_LIMIT = 10_000


def parse_figures(words: Iterable[str]) -> dict[str, Value]:
    """What `-p NAME=VALUE` gives; numbers are numbers, `true` and `false` are booleans, the rest is text."""
    figures: dict[str, Value] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UsageError(f"'{word}' is not of the form NAME=VALUE")
        figures[name] = parse_value(text)
    return figures


def parse_value(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            # Python takes 1_000 and blanks; a person who writes them means text.
            value = number(text) if "_" not in text and text == text.strip() else text
            float(value)  # what no floating point number can hold is kept as its digits
        except (ValueError, OverflowError):
            continue
        return value
    return text


def read_metrics(path: Path) -> dict[str, Value]:
    """The figures of a JSON file; those of nested objects and lists are named by their path, with dots."""
    try:
        document = json.loads(path.read_text("utf-8"), parse_int=_whole)
        figures = dict(_flatten("", document))
    except (ValueError, RecursionError) as error:
        raise DatmoError(f"cannot read the metrics in '{path.name}': {error}", "write one JSON object") from error
    if not isinstance(document, dict):
        raise DatmoError(f"'{path.name}' holds no JSON object", 'write something like {"accuracy": 0.97}')
    if len(figures) > FIGURES_LIMIT:
        raise DatmoError(f"'{path.name}' holds {len(figures)} figures, more than {FIGURES_LIMIT}", "write fewer")
    return figures


def _whole(text: str) -> Value:
    """A whole number; beyond what a floating point number can hold, its digits."""
    return int(text) if isfinite(float(text)) else text


def _flatten(prefix: str, value: object) -> Iterator[tuple[str, Value]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flatten(f"{prefix}.{name}" if prefix else str(name), item)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _flatten(f"{prefix}.{place}", item)
    elif isinstance(value, bool | int | float | str):
        yield prefix, value
