"""Check the arrays of a request or an answer against a table of a contract."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from git_datmo.contracts.contract_types import Field, Table, Tensor
from git_datmo.serving.named_tensors import NamedTensor, RequestViolation
from git_datmo.serving.worker.tensor_bytes import BYTES, FLOATS, INTEGERS, JSON, count_of

MOST = 100
"""Number of violations that an answer lists."""


def check_arrays(table: Table, tensors: Sequence[NamedTensor]) -> list[RequestViolation]:
    """Return the rules of `table` that the arrays break, at most `MOST`.

    Undeclared arrays break a closed table, and are ignored in an open one.
    """
    found: list[RequestViolation] = []
    for violation in _violations(table, tensors):
        found.append(violation)
        if len(found) == MOST:
            break
    return found


def _violations(table: Table, tensors: Sequence[NamedTensor]) -> Iterator[RequestViolation]:
    by_name = {tensor.name: tensor for tensor in tensors}
    declared = {field.name for field in table.fields}
    if table.is_closed:
        for name in by_name.keys() - declared:
            yield RequestViolation(name, None, "undeclared", None)
    rows = {tensor.rows for tensor in tensors if tensor.name in declared}
    if len(rows) > 1:
        # Without a common number of rows, no violation could name its row.
        yield RequestViolation("", None, "rows", sorted(rows, key=str))
        return
    for field in table.fields:
        tensor = by_name.get(field.name)
        if tensor is not None:
            yield from _check_field(field, tensor)
        elif not field.is_optional and not field.has_default:
            yield RequestViolation(field.name, None, "missing", None)


def _check_field(field: Field, tensor: NamedTensor) -> Iterator[RequestViolation]:
    """Yield the violations of one field: first of its form, then of its values."""
    if field.tensor is not None:
        wrong = _check_tensor(field.tensor, tensor)
        if wrong is not None:
            yield RequestViolation(field.name, None, *wrong)
            return
    # Without a declared tensor, a field has one value a row: shapes (n) and (n, 1).
    elif not tensor.shape or count_of(tensor.shape[1:]) != 1:
        if field.logical_type != "array" or not tensor.shape:
            yield RequestViolation(field.name, None, "shape", list(tensor.shape))
        return
    if _needs_values(field, tensor):
        # A row can have several values, and a violation names the row.
        step = count_of(tensor.shape[1:]) or 1
        values = tensor.values()
        if _is_only_required(field, tensor) and not math.isnan(sum(values)):
            # A sum is not a number if one of its terms is not, so no value is missing.
            return
        # The type of a tensor's field is that of the whole, and its elements have the datatype.
        rule_of = value_rules(field if field.tensor is None else replace(field, logical_type=""))
        for index, value in enumerate(values):
            rule = rule_of(value)
            if rule:
                yield RequestViolation(field.name, index // step, rule, _shown(value))


def _check_tensor(declared: Tensor, tensor: NamedTensor) -> tuple[str, object] | None:
    """Return the rule that an array breaks, and its value; None if its form is as declared."""
    if tensor.datatype != declared.datatype:
        return "datatype", tensor.datatype
    same = len(tensor.shape) == len(declared.shape) and all(
        wanted in (-1, size) for wanted, size in zip(declared.shape, tensor.shape, strict=True)
    )
    return None if same else ("shape", list(tensor.shape))


def _needs_values(field: Field, tensor: NamedTensor) -> bool:
    """Return False if the datatype alone shows that all values are accepted."""
    if _is_limited(field) or tensor.datatype == JSON:
        return True
    if field.tensor is not None:
        return field.is_required and tensor.datatype in FLOATS
    if field.logical_type == "number":
        # An array of floats can have NaN, which stands for a missing value.
        return field.is_required or tensor.datatype not in FLOATS | INTEGERS
    if field.logical_type == "integer":
        return tensor.datatype not in INTEGERS
    if field.logical_type == "boolean":
        return tensor.datatype != "BOOL"
    if field.logical_type == "string":
        return tensor.datatype != BYTES
    return bool(field.logical_type)


def _is_limited(field: Field) -> bool:
    """Return True if a field has rules about its values, beside those of type and presence."""
    return bool(
        field.enum is not None
        or field.minimum is not None
        or field.maximum is not None
        or field.multiple_of is not None
        or field.min_length is not None
        or field.max_length is not None
        or field.pattern
    )


def _is_only_required(field: Field, tensor: NamedTensor) -> bool:
    """Return True if floats break no rule of a field unless one of them is missing."""
    is_number = field.tensor is not None or field.logical_type == "number"
    return is_number and tensor.datatype in FLOATS and not _is_limited(field)


def _shown(value: object) -> object:
    """Return a value for the answer, which has no names for numbers that are not finite."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def value_rules(field: Field) -> Callable[[Any], str]:
    """Return a function that names the rule that a value breaks; '' for none."""
    pattern = _compile(field.pattern)
    is_of_type = _TYPES.get(field.logical_type)
    enum = None if field.enum is None else [_comparable(each) for each in field.enum]

    def rule_of(value: Any) -> str:
        # A missing number is null in JSON, and NaN in an array of floats.
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return "required" if field.is_required else ""
        if is_of_type is not None and not is_of_type(value):
            return "type"
        if enum is not None and _comparable(value) not in enum:
            return "enum"
        if isinstance(value, str):
            return _text_rule(field, pattern, value)
        # To Python, a boolean is an integer.
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return _number_rule(field, value) if is_number else ""

    return rule_of


def _compile(pattern: str) -> re.Pattern[str] | None:
    """Return a compiled pattern; None if there is none, or one of another dialect."""
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None


def _comparable(value: object) -> object:
    """Return a value such that 1 and True differ, and 1 and 1.0 do not."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, Decimal):
        # Not every integer is a float.
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _text_rule(field: Field, pattern: re.Pattern[str] | None, value: str) -> str:
    if field.min_length is not None and len(value) < field.min_length:
        return "minLength"
    if field.max_length is not None and len(value) > field.max_length:
        return "maxLength"
    if pattern is not None and not pattern.search(value):
        return "pattern"
    # Dates and times are texts in ISO form, whose order is that of the texts.
    return _range_rule(field, value) if isinstance(field.minimum or field.maximum, str) else ""


def _number_rule(field: Field, value: float) -> str:
    # As Decimal, 0.3 is a multiple of 0.1; as binary numbers, it is not.
    rule = _range_rule(field, Decimal(repr(value)))
    if rule or field.multiple_of is None:
        return rule
    # Decimals have too few digits to divide a large number.
    is_number = isinstance(value, int) or math.isfinite(value)
    if not is_number or Fraction(repr(value)) % Fraction(field.multiple_of):
        return "multipleOf"
    return ""


def _range_rule(field: Field, value: Any) -> str:
    """Return the bound that a number or a text in ISO form is outside of; '' for none."""
    low, high = field.minimum, field.maximum
    if isinstance(value, Decimal):
        low, high = _exact(low), _exact(high)
    if low is not None and (value < low or (field.is_minimum_exclusive and value == low)):
        return "exclusiveMinimum" if field.is_minimum_exclusive else "minimum"
    if high is not None and (value > high or (field.is_maximum_exclusive and value == high)):
        return "exclusiveMaximum" if field.is_maximum_exclusive else "maximum"
    return ""


def _exact(bound: object) -> Decimal | None:
    return None if bound is None else Decimal(str(bound))


def _is_iso(parse: Callable[[str], object]) -> Callable[[Any], bool]:
    """Return a function that says if a value is a text in ISO form."""

    def check(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        try:
            # Python 3.10 does not know the letter for UTC.
            parse(value.replace("Z", "+00:00") if value.endswith("Z") else value)
        except ValueError:
            return False
        return True

    return check


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: (
        not isinstance(value, bool) and isinstance(value, (int, float)) and value == value // 1
    ),
    "number": lambda value: not isinstance(value, bool) and isinstance(value, (int, float)),
    "boolean": lambda value: isinstance(value, bool),
    "date": _is_iso(dt.date.fromisoformat),
    "timestamp": _is_iso(dt.datetime.fromisoformat),
    "time": _is_iso(dt.time.fromisoformat),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}
