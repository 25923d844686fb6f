"""Say in short texts which values a field allows."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.contracts.contract_types import Field
from git_datmo.contracts.rule_gaps import threshold_text
from git_datmo.contracts.value_kinds import kind_of
from git_datmo.contracts.value_sets import Interval


def describe_field(field: Field) -> Iterator[str]:
    """Yield the type and the rules of a field as short texts."""
    yield str(kind_of(field))
    if field.unit:
        yield f"in {field.unit}"
    if field.tensor is not None:
        yield f"tensor {field.tensor.datatype} {list(field.tensor.shape)}"
    for is_set, text in (
        (field.is_key, "key"),
        (field.is_required, "not null"),
        (field.is_unique, "unique"),
        (field.is_optional, "optional"),
        (field.is_deprecated, "deprecated"),
    ):
        if is_set:
            yield text
    yield from _value_rules(field)
    for rule in field.quality:
        yield f"{rule.metric} {threshold_text(rule)}"
    for name in field.unchecked:
        yield f"not interpreted: {name}"


def _value_rules(field: Field) -> Iterator[str]:
    """Yield the rules about the values of a field."""
    if field.minimum is not None or field.maximum is not None:
        low, high = field.is_minimum_exclusive, field.is_maximum_exclusive
        yield str(Interval(field.minimum, field.maximum, low, high))
    if field.min_length is not None or field.max_length is not None:
        yield f"length {Interval(field.min_length, field.max_length)}"
    if field.enum is not None:
        yield f"one of {', '.join(map(str, field.enum))}"
    if field.pattern:
        yield f"pattern {field.pattern}"
