"""Generate requests at the limits of a contract: values just inside, and just outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Field, Table
from git_datmo.serving.model_contract import datatype_of_field
from git_datmo.serving.named_tensors import NamedTensor, tensor_of_json
from git_datmo.serving.request_checks import value_rules
from git_datmo.serving.worker.tensor_bytes import count_of

_LONGEST = 10_000
_TIMES = {
    "date": "2000-02-29",
    "timestamp": "2000-02-29T12:00:00",
    "time": "12:00:00",
}


class NoRequest(ValueError):
    """Error of a contract for whose field no accepted value can be made."""


@dataclass(frozen=True, slots=True)
class BoundaryRequest:
    """A request of one row, in which `field` is at a limit: `case` describes its value."""

    field: str
    case: str
    row: Mapping[str, Any]
    is_accepted: bool


def boundary_requests(table: Table) -> Iterator[BoundaryRequest]:
    """Yield requests in which one field is at a limit, and the others have usual values.

    Raises `NoRequest` if no usual value of a field can be made.
    """
    usual = {field.name: usual_value(field) for field in table.fields}
    for field in table.fields:
        rule_of = value_rules(field)
        for value in _distinct(limit_values(field)):
            row = {**usual, field.name: value}
            yield BoundaryRequest(field.name, f"value {value!r}", row, not rule_of(value))
        without = {name: value for name, value in usual.items() if name != field.name}
        if without:
            accepted = field.is_optional or field.has_default
            yield BoundaryRequest(field.name, "no value", without, accepted)


def tensors_of_row(table: Table, row: Mapping[str, Any]) -> tuple[NamedTensor, ...]:
    """Return a row as arrays; raise `RefusedRequest` if a value is not of its datatype."""
    return tuple(_tensor(field, row[field.name]) for field in table.fields if field.name in row)


def usual_value(field: Field) -> Any:
    """Return an accepted value: an example, else a limit; raise `NoRequest` if none is known."""
    rule_of = value_rules(field)
    for value in (*map(_plain, field.examples), *limit_values(field)):
        if value is not None and not rule_of(value):
            return value
    if not field.is_required and field.logical_type != "":
        return None
    raise NoRequest(f"no value of '{field.name}' can be made; give the field examples")


def limit_values(field: Field) -> Iterator[Any]:
    """Yield values at, inside and outside the limits of a field, null among them."""
    if field.enum is not None:
        yield from map(_plain, field.enum)
    kind = field.logical_type or _kind_of_tensor(field)
    if kind in ("integer", "number"):
        yield from _numbers(field, kind)
    elif kind == "boolean":
        yield from (False, True)
    elif kind == "string":
        yield from _texts(field)
    elif kind in _TIMES:
        yield from (each for each in (field.minimum, field.maximum) if each is not None)
        yield _TIMES[kind]
    if field.tensor is None:
        yield None
        yield 1 if kind == "string" else "text"


def _kind_of_tensor(field: Field) -> str:
    """Return the logical type of the elements of an array."""
    datatype = field.tensor.datatype if field.tensor else ""
    kinds = {"BOOL": "boolean", "BYTES": "string"}
    if "FP" in datatype:
        return "number"
    return "integer" if "INT" in datatype else kinds.get(datatype, "")


def _numbers(field: Field, kind: str) -> Iterator[float | int]:
    """Yield numbers at the bounds, and one step inside and outside of them."""
    step = field.multiple_of or Decimal(1)
    bounds = [Decimal(str(each)) for each in (field.minimum, field.maximum) if each is not None]
    around = [bound + sign * step for bound in bounds for sign in (0, -1, 1)]
    if len(bounds) == 2:
        around.append(sum(bounds, Decimal(0)) / 2)
    around += [Decimal(0), step, -step]
    for number in around:
        if kind == "number":
            yield float(number)
        elif number == number.to_integral_value():
            yield int(number)


def _texts(field: Field) -> Iterator[str]:
    """Yield texts of the shortest and longest length, and of one character fewer and more."""
    lengths = {0, 1}
    for bound in (field.min_length, field.max_length):
        if bound is not None:
            lengths |= {bound - 1, bound, bound + 1}
    for length in sorted(lengths):
        if 0 <= length <= _LONGEST:
            yield "a" * length
    yield "\N{LATIN SMALL LETTER E WITH ACUTE}" * max(field.min_length or 1, 1)


def _plain(value: object) -> Any:
    """Return a contract's value as JSON has it."""
    return float(value) if isinstance(value, Decimal) else value


def _distinct(values: Iterator[Any]) -> Iterator[Any]:
    seen = set()
    for value in values:
        key = (type(value), value)
        if key not in seen:
            seen.add(key)
            yield value


def _tensor(field: Field, value: Any) -> NamedTensor:
    """Return an array with one row of `value`."""
    if field.tensor is None:
        return tensor_of_json(field.name, datatype_of_field(field), [value])
    shape = [1 if size < 0 else size for size in field.tensor.shape]
    flat = [value] * count_of(shape)
    return tensor_of_json(field.name, field.tensor.datatype, flat, shape)
