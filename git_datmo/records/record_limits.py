"""Leave out values that would make a record larger than a record may be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Curve
from git_datmo.sizes import show_count

V = TypeVar("V")

# Bytes of each kind of values. Together they are well below `codec.SIZE_LIMIT`.
PARAMETERS_LIMIT, METRICS_LIMIT, CURVES_LIMIT, TAGS_LIMIT = 5 << 20, 3 << 20, 4 << 20, 1 << 20
# A number, or a curve's bounds and count, with keys, quotes and indents.
VALUE_SIZE, CURVE_SIZE = 50, 350


@dataclass(frozen=True, slots=True)
class FittingValues:
    """The values of a run that its record can hold. `remarks` tell how many are left out."""

    parameters: Mapping[str, Value]
    sources: Mapping[str, str]
    metrics: Mapping[str, Value]
    curves: Mapping[str, Curve]
    tags: tuple[str, ...]
    remarks: tuple[str, ...]


def fit_values(
    parameters: Mapping[str, Value],
    sources: Mapping[str, str],
    metrics: Mapping[str, Value],
    curves: Mapping[str, Curve],
    tags: Iterable[str],
) -> FittingValues:
    """Return the values that fit into a record. Of too many, the small ones are kept."""
    remarks = list[str]()

    def chosen(noun: str, values: Mapping[str, V], limit: int, size: _Size) -> dict[str, V]:
        kept = _fitting(values, limit, size)
        count = len(values) - len(kept)
        if count:
            left_out = f"{show_count(count, noun)} {'is' if count == 1 else 'are'} left out"
            remarks.append(f"{left_out}: the record would be too large")
        return kept

    def parameter_size(name: str, value: object) -> int:
        # The name stands a second time, with the source.
        return _value_size(name, value) + _text_size(name) + _text_size(sources.get(name, ""))

    kept = chosen("parameter", parameters, PARAMETERS_LIMIT, parameter_size)
    return FittingValues(
        kept,
        {name: source for name, source in sources.items() if name in kept},
        chosen("metric", metrics, METRICS_LIMIT, _value_size),
        chosen("curve", curves, CURVES_LIMIT, lambda name, _: CURVE_SIZE + _text_size(name)),
        tuple(chosen("tag", dict.fromkeys(tags), TAGS_LIMIT, _value_size)),
        tuple(remarks),
    )


_Size = Callable[[str, object], int]


def _fitting(values: Mapping[str, V], limit: int, size: _Size) -> dict[str, V]:
    """Return the values that have at most `limit` bytes in all, in their order."""
    sizes = {name: size(name, value) for name, value in values.items()}
    if sum(sizes.values()) <= limit:
        return dict(values)
    kept = set[str]()
    for name in sorted(sizes, key=sizes.__getitem__):
        limit -= sizes[name]
        if limit < 0:
            break
        kept.add(name)
    return {name: value for name, value in values.items() if name in kept}


def _text_size(text: str) -> int:
    """Return the number of bytes that a text takes in a record."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))


def _value_size(name: str, value: object) -> int:
    """Return about the number of bytes of a parameter or a metric in a record."""
    return VALUE_SIZE + _text_size(name) + (_text_size(value) if isinstance(value, str) else 0)
