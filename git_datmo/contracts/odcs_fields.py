"""Read fields and rules of quality of a contract's file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import (
    Field,
    LogicalType,
    Metric,
    QualityRule,
    Tensor,
    Value,
)
from git_datmo.contracts.odcs_values import BadContract, OdcsObject

_TYPES: tuple[LogicalType, ...] = (
    *("string", "integer", "number", "boolean", "date", "timestamp", "time", "object", "array"),
)
_METRICS: tuple[Metric, ...] = (
    *("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"),
)
_CUSTOM = ("datmo.optional", "datmo.default", "datmo.unit", "datmo.tensor", "datmo.port")
# Of `logicalTypeOptions`: the format of a date is how the file writes it, which readers see.
_OPTIONS = frozenset(
    {
        *("minLength", "maxLength", "pattern", "format", "minimum", "maximum", "multipleOf"),
        *("exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems", "required"),
        *("timezone", "defaultTimezone"),
    }
)
_BOUNDS = ("mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo")
_RANGES = ("mustBeBetween", "mustNotBeBetween")
_OPERATORS = ("mustBe", "mustNotBe", *_BOUNDS, *_RANGES)
_UNITS = ("rows", "percent")


@dataclass(frozen=True, slots=True)
class FieldQuality:
    """Rules of quality, and the values that a rule of exactly 0 invalid values allows."""

    rules: tuple[QualityRule, ...] = ()
    enum: tuple[Value, ...] | None = None
    pattern: str = ""


def read_field(found: OdcsObject, *, is_named: bool) -> Field:
    """Return a property; the items of an array need no name."""
    name = found.text("name")
    if is_named and not name:
        raise found.error("name", "a property has no 'name'")
    logical = _read_type(found)
    options = found.object("logicalTypeOptions")
    quality, unchecked = read_quality(found)
    custom = found.custom_properties(_CUSTOM)
    minimum, is_minimum_exclusive = _read_bound(options, "minimum", "exclusiveMinimum")
    maximum, is_maximum_exclusive = _read_bound(options, "maximum", "exclusiveMaximum")
    field = Field(
        name=name,
        id=found.text("id"),
        logical_type=logical,
        physical_type=found.text("physicalType"),
        # A key has no nulls, even where the file does not say so.
        is_required=found.flag("required") or found.flag("primaryKey"),
        is_optional=custom.flag("datmo.optional"),
        is_unique=found.flag("unique"),
        is_key=found.flag("primaryKey"),
        enum=_read_enum(found) if found.has("enum") else quality.enum,
        minimum=minimum,
        maximum=maximum,
        is_minimum_exclusive=is_minimum_exclusive,
        is_maximum_exclusive=is_maximum_exclusive,
        multiple_of=_read_multiple(options),
        min_length=options.count("minLength"),
        max_length=options.count("maxLength"),
        min_items=options.count("minItems"),
        max_items=options.count("maxItems"),
        pattern=options.text("pattern") or quality.pattern,
        format=options.text("format"),
        default=_plain(custom.data.get("datmo.default")),
        has_default="datmo.default" in custom.data,
        unit=custom.text("datmo.unit"),
        tensor=_read_tensor(custom) if custom.has("datmo.tensor") else None,
        classification=found.text("classification"),
        is_deprecated=found.flag("deprecated"),
        description=found.text("description"),
        examples=found.values("examples"),
        quality=quality.rules,
        unchecked=(*unchecked, *_unknown_options(options), *custom.unknown_of_datmo),
    )
    return _with_children(found, options, field)


def _with_children(found: OdcsObject, options: OdcsObject, field: Field) -> Field:
    """Return a field with the items of an array, or the fields of an object."""
    if found.has("items"):
        field = replace(field, items=read_field(found.object("items"), is_named=False))
    children = tuple(read_field(one, is_named=True) for one in found.objects("properties"))
    names = [child.name for child in children]
    if len({*names}) < len(names):
        raise found.error("properties", f"two fields of '{field.name}' have one name")
    needed = {*options.texts("required")} if options.has("required") else set()
    if children:
        marked = [replace(c, is_required=c.is_required or c.name in needed) for c in children]
        return replace(field, fields=tuple(marked))
    # The names bind to nothing if the members are not listed.
    if needed:
        return replace(field, unchecked=(*field.unchecked, "required of an object"))
    return field


def _read_type(found: OdcsObject) -> LogicalType:
    text = found.text("logicalType")
    if not text:
        return ""
    for known in _TYPES:
        if known == text:
            return known
    raise found.error("logicalType", f"'logicalType' is '{text}', not {', '.join(_TYPES)}")


def _plain(value: Any) -> Value:
    """Return a plain value; lists and mappings as JSON text."""
    if isinstance(value, list | dict):
        return json.dumps(value, default=str, sort_keys=True)
    plain: Value = value
    return plain


def _read_enum(found: OdcsObject) -> tuple[Value, ...]:
    """Return the values of `enum`, which v3.2 writes plainly or as mappings with `value`."""
    values = []
    for item in found.list("enum"):
        value = item.get("value") if isinstance(item, dict) else item
        if isinstance(value, list | dict):
            raise found.error("enum", "a value of 'enum' is a list or a mapping")
        values.append(value)
    return tuple(values)


def _read_bound(options: OdcsObject, plain: str, exclusive: str) -> tuple[Value, bool]:
    """Return a bound, and whether the bound itself is outside. The tighter of two is not sought."""
    value = options.data.get(exclusive)
    if value is True:
        # Draft 4 of JSON Schema, and ODCS before v3, have a flag.
        return _plain_bound(options, plain), True
    if value is not None and value is not False:
        return _plain_bound(options, exclusive), True
    return _plain_bound(options, plain), False


def _plain_bound(options: OdcsObject, key: str) -> Value:
    value: Any = options.data.get(key)
    if isinstance(value, bool | list | dict):
        raise options.error(key, f"'{key}' is not a number or a date")
    bound: Value = value
    return bound


def _read_multiple(options: OdcsObject) -> Decimal | None:
    multiple = options.number("multipleOf")
    if multiple is not None and multiple <= 0:
        raise options.error("multipleOf", "'multipleOf' is not above 0")
    return multiple


def _unknown_options(options: OdcsObject) -> Iterable[str]:
    return tuple(f"logicalTypeOptions.{key}" for key in options.data if key not in _OPTIONS)


def _read_tensor(custom: OdcsObject) -> Tensor:
    tensor = custom.object("datmo.tensor")
    tensor.allow("datatype", "shape")
    shape = tensor.numbers("shape")
    if any(size < -1 for size in shape):
        raise tensor.error("shape", "a dimension is below -1")
    return Tensor(tensor.text("datatype"), shape)


def read_quality(found: OdcsObject) -> tuple[FieldQuality, tuple[str, ...]]:
    """Return the library rules of a table or field, and the names of rules that are unchecked."""
    rules: list[QualityRule] = []
    unchecked: list[str] = []
    enum: tuple[Value, ...] | None = None
    pattern = ""
    # Without a type, a rule is one of the standard's library.
    for index, item in enumerate(found.objects("quality")):
        # `rule` is the older name of `metric`.
        metric = item.text("metric") or item.text("rule")
        known = [one for one in _METRICS if one == metric]
        unit = item.text("unit") or "rows"
        kind = item.text("type") or "library"
        # Such a rule is a sentence for people, and no program is meant to check it.
        if kind == "text":
            continue
        if kind != "library" or not known or unit not in _UNITS:
            unchecked.append(f"quality[{index}] ({metric or kind})")
            continue
        rule = _read_rule(item, known[0], unit)
        arguments = item.object("arguments")
        if _allows_none(rule) and rule.metric == "invalidValues" and len(arguments.data) == 1:
            # The way of v3.1 to write an `enum`, or a pattern.
            if arguments.has("validValues"):
                enum = arguments.values("validValues")
                continue
            if arguments.has("pattern"):
                pattern = arguments.text("pattern")
                continue
        rules.append(rule)
    return FieldQuality(tuple(rules), enum, pattern), tuple(unchecked)


def _allows_none(rule: QualityRule) -> bool:
    """Return whether a rule holds for no violation alone."""
    return not rule.is_negated and rule.upper == 0 and rule.lower in (0, None)


def _read_rule(item: OdcsObject, metric: Metric, unit: str) -> QualityRule:
    operators = [key for key in _OPERATORS if item.has(key)]
    if len(operators) != 1:
        raise BadContract(item.path, f"rule '{metric}' does not have exactly 1 'must…' operator")
    operator = operators[0]
    arguments = item.object("arguments").data
    lower, upper = _read_range(item, operator)
    return QualityRule(
        metric=metric,
        unit="percent" if unit == "percent" else "rows",
        lower=lower,
        upper=upper,
        is_lower_exclusive=operator == "mustBeGreaterThan",
        is_upper_exclusive=operator == "mustBeLessThan",
        is_negated=operator in ("mustNotBe", "mustNotBeBetween"),
        arguments=tuple(
            (name, json.dumps(value, default=str)) for name, value in sorted(arguments.items())
        ),
        severity=item.text("severity"),
    )


def _read_range(item: OdcsObject, operator: str) -> tuple[Decimal | None, Decimal | None]:
    """Return the bounds of an operator; None is unbounded."""
    if operator in _RANGES:
        numbers = item.list(operator)
        if len(numbers) != 2 or not all(_is_number(number) for number in numbers):
            raise item.error(operator, f"'{operator}' is not two numbers")
        lower, upper = map(Decimal, numbers)
        if lower > upper:
            raise item.error(operator, f"'{operator}' does not begin with the smaller number")
        return lower, upper
    number = item.number(operator)
    if operator.startswith("mustBeGreater"):
        return number, None
    if operator.startswith("mustBeLess"):
        return None, number
    return number, number


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
