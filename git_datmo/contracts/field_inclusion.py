"""Include the values of a provided field in those of a required one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from git_datmo.contracts.contract_types import Field, Level, Tensor, Value
from git_datmo.contracts.rule_gaps import Mismatch, quality_gaps
from git_datmo.contracts.safe_patterns import search
from git_datmo.contracts.value_kinds import Kind, holds_all, kind_of, whole_range
from git_datmo.contracts.value_sets import (
    Interval,
    NotComparable,
    allows,
    interval_of,
    is_among,
    longest_text,
    narrowed,
)

# A range of whole numbers up to this size is compared with an enum value by value.
_MOST_LISTED = 1_000


def field_gaps(offered: Field, wanted: Field, path: str = "") -> Iterator[Mismatch]:
    """Yield why values of a provided field may not be accepted; `path` names the field."""
    path = path or wanted.name
    # Most fields of two versions are the same, and a set includes itself.
    if offered == wanted and _is_decided(offered):
        return
    yield from _presence_gaps(offered, wanted, path)
    if offered.is_deprecated and not wanted.is_optional:
        yield Mismatch("warn", "deprecated", path, f"'{path}' is deprecated")
    type_gaps = list(_type_gaps(offered, wanted, path))
    yield from type_gaps
    # Values of another type break the other rules too, and those gaps would explain nothing.
    if not any(gap.level == "refuse" for gap in type_gaps):
        yield from _value_gaps(offered, wanted, path)
    if wanted.unit and wanted.unit != offered.unit:
        level: Level = "refuse" if offered.unit else "unchecked"
        has = f"has the unit '{offered.unit}'" if offered.unit else "has no unit"
        yield Mismatch(level, "unit", path, f"'{path}' {has}, not '{wanted.unit}'")
    if wanted.tensor is not None:
        yield from _tensor_gaps(offered.tensor, wanted.tensor, path)
    yield from quality_gaps(offered.quality, wanted.quality, path, has_no_nulls=offered.is_required)
    for name in wanted.unchecked:
        yield Mismatch("unchecked", "unchecked", path, f"'{name}' of '{path}' is not interpreted")


def _is_decided(field: Field) -> bool:
    """Return whether a field has neither rules that are unchecked, nor a reason to warn."""
    children = (*field.fields, field.items) if field.items else field.fields
    return not field.unchecked and not field.is_deprecated and all(map(_is_decided, children))


def _presence_gaps(offered: Field, wanted: Field, path: str) -> Iterator[Mismatch]:
    if offered.is_optional and not wanted.is_optional and not wanted.has_default:
        yield Mismatch("refuse", "optional", path, f"'{path}' may be absent")
    if wanted.is_required and not offered.is_required:
        yield Mismatch("refuse", "null", path, f"'{path}' may be null")


def _type_gaps(offered: Field, wanted: Field, path: str) -> Iterator[Mismatch]:
    """Yield why the family or width does not fit. Declared bounds may make a wider type fit."""
    has, needs = kind_of(offered), kind_of(wanted)
    if not needs.family or holds_all(needs, has):
        return
    if not has.family:
        yield Mismatch("unchecked", "type", path, f"the type of '{path}' is not declared")
    elif needs.family in ("integer", "number") and has.family == "integer":
        yield from _width_gaps(offered, has, needs, path)
    elif has.family == needs.family and not has.bits:
        message = f"'{path}' is a {has} without a width, not {needs}: declare a 'physicalType'"
        yield Mismatch("unchecked", "type", path, message)
    else:
        yield Mismatch("refuse", "type", path, f"'{path}' is {has}, not {needs}")


def _width_gaps(offered: Field, has: Kind, needs: Kind, path: str) -> Iterator[Mismatch]:
    """Yield the gap of an integer whose bounds do not fit the whole numbers of a kind."""
    bounds = whole_range(needs)
    if bounds is None:
        return
    try:
        declared = interval_of(offered)
    except NotComparable:
        # Bounds without an order narrow nothing.
        declared = Interval()
    # An enum names all values, so the width of their type does not matter.
    if offered.enum is not None and all(
        allows(Field("", physical_type=str(needs)), value) for value in offered.enum
    ):
        return
    if Interval(*bounds).includes(narrowed(declared, has)):
        return
    if has.bits or declared != Interval():
        yield Mismatch("refuse", "type", path, f"'{path}' is {has}, not {needs}")
    else:
        message = f"'{path}' is an integer without a width, not {needs}: declare a 'physicalType'"
        yield Mismatch("unchecked", "type", path, message)


def _value_gaps(offered: Field, wanted: Field, path: str) -> Iterator[Mismatch]:
    if offered.enum is not None:
        yield from _listed_gaps(offered, wanted, path)
    else:
        yield from _range_gaps(offered, wanted, path)
        yield from _text_gaps(offered, wanted, path)
        yield from _enum_gaps(offered, wanted, path)
    yield from _count_gaps(offered, wanted, path)
    yield from _child_gaps(offered, wanted, path)


def _listed_gaps(offered: Field, wanted: Field, path: str) -> Iterator[Mismatch]:
    """Yield the values of an enum that are not accepted. Nulls are a matter of `required`."""
    assert offered.enum is not None
    # A listed value that another rule of the field excludes never occurs.
    rest = replace(offered, enum=None, is_required=False)
    given = [value for value in offered.enum if value is not None and allows(rest, value)]
    refused: list[Value] = [value for value in given if not allows(wanted, value)]
    if refused:
        yield Mismatch("refuse", "enum", path, f"'{path}' may be {_listing(refused)}")
    elif wanted.pattern and any(
        isinstance(value, str) and search(wanted.pattern, value) is None for value in given
    ):
        yield _pattern_gap(path)
    if wanted.format and wanted.format != offered.format and kind_of(wanted).family == "string":
        yield _format_gap(wanted, path)


def _listing(values: list[Value]) -> str:
    shown = [repr(value) if isinstance(value, str) else str(value) for value in values[:3]]
    more = f" and {len(values) - 3} more values" if len(values) > 3 else ""
    return ", ".join(shown) + more


def _pattern_gap(path: str) -> Mismatch:
    message = f"cannot tell whether '{path}' has the pattern: patterns are not compared"
    return Mismatch("unchecked", "pattern", path, message)


def _format_gap(wanted: Field, path: str) -> Mismatch:
    message = f"'{path}' has no declared format '{wanted.format}'"
    return Mismatch("unchecked", "format", path, message)


def _range_gaps(offered: Field, wanted: Field, path: str) -> Iterator[Mismatch]:
    if wanted.minimum is not None or wanted.maximum is not None:
        try:
            has = narrowed(interval_of(offered), kind_of(offered))
            needs = interval_of(wanted)
            fits = needs.includes(has)
        except (NotComparable, TypeError):
            message = f"the bounds of '{path}' cannot be compared"
            yield Mismatch("unchecked", "range", path, message)
        else:
            if not fits:
                message = f"'{path}' may be {interval_of(offered)}, not only {needs}"
                yield Mismatch("refuse", "range", path, message)
    yield from _multiple_gaps(offered, wanted, path)


def _multiple_gaps(offered: Field, wanted: Field, path: str) -> Iterator[Mismatch]:
    unit = wanted.multiple_of
    if unit is None:
        return
    steps = [offered.multiple_of] if offered.multiple_of is not None else []
    if kind_of(offered).family == "integer":
        # Every whole number is a multiple of 1.
        steps.append(type(unit)(1))
    if not any(step % unit == 0 for step in steps):
        yield Mismatch("refuse", "multiple", path, f"'{path}' may be no multiple of {unit}")


def _text_gaps(offered: Field, wanted: Field, path: str) -> Iterator[Mismatch]:
    if wanted.min_length or wanted.max_length is not None:
        needs = Interval(wanted.min_length or None, wanted.max_length)
        has = Interval(offered.min_length or 0, longest_text(offered))
        if not needs.includes(has):
            message = f"the length of '{path}' may be {has}, not only {needs}"
            yield Mismatch("refuse", "length", path, message)
    if wanted.pattern and wanted.pattern != offered.pattern:
        yield _pattern_gap(path)
    if (
        wanted.format
        and wanted.format != offered.format
        and kind_of(wanted).family in ("string", "")
    ):
        yield _format_gap(wanted, path)


def _enum_gaps(offered: Field, wanted: Field, path: str) -> Iterator[Mismatch]:
    """Yield the gap of a field without an enum, whose values must be among some."""
    if wanted.enum is None:
        return
    few = _few_values(offered)
    if few is None:
        yield Mismatch(
            "refuse", "enum", path, f"'{path}' may be more than {_listing([*wanted.enum])}"
        )
        return
    refused: list[Value] = [value for value in few if not is_among(value, wanted.enum)]
    if refused:
        yield Mismatch("refuse", "enum", path, f"'{path}' may be {_listing(refused)}")


def _few_values(field: Field) -> list[Value] | None:
    """Return all values of a boolean or of a short range of whole numbers; None for others."""
    kind = kind_of(field)
    if kind.family == "boolean":
        return [False, True]
    if kind.family != "integer":
        return None
    try:
        interval = narrowed(interval_of(field), kind)
    except NotComparable:
        return None
    # `narrowed` gives each integer two bounds, and they are inclusive.
    lower, upper = int(interval.lower), int(interval.upper)
    if upper - lower > _MOST_LISTED:
        return None
    return [value for value in range(lower, upper + 1) if allows(field, value)]


def _count_gaps(offered: Field, wanted: Field, path: str) -> Iterator[Mismatch]:
    if not wanted.min_items and wanted.max_items is None:
        return
    needs = Interval(wanted.min_items or None, wanted.max_items)
    has = Interval(offered.min_items or 0, offered.max_items)
    if not needs.includes(has):
        message = f"the number of items of '{path}' may be {has}, not only {needs}"
        yield Mismatch("refuse", "items", path, message)


def _child_gaps(offered: Field, wanted: Field, path: str) -> Iterator[Mismatch]:
    if wanted.items is not None:
        if offered.items is None:
            yield Mismatch("unchecked", "items", path, f"the items of '{path}' are not declared")
        else:
            yield from field_gaps(offered.items, wanted.items, f"{path}[]")
    children = {child.name: child for child in offered.fields}
    for child in wanted.fields:
        name = f"{path}.{child.name}"
        if child.name in children:
            yield from field_gaps(children[child.name], child, name)
        elif not child.is_optional and not child.has_default:
            yield Mismatch("refuse", "missing", name, f"'{name}' is missing")


def _tensor_gaps(offered: Tensor | None, wanted: Tensor, path: str) -> Iterator[Mismatch]:
    if offered is None:
        yield Mismatch("unchecked", "tensor", path, f"the tensor of '{path}' is not declared")
        return
    if wanted.datatype and offered.datatype != wanted.datatype:
        has = offered.datatype or "a tensor of unknown datatype"
        yield Mismatch("refuse", "tensor", path, f"'{path}' is {has}, not {wanted.datatype}")
    # Another number of dimensions is refused below, so the rest may go unseen.
    sizes = zip(offered.shape, wanted.shape, strict=False)
    fits = all(need in (-1, size) for size, need in sizes)
    if len(offered.shape) != len(wanted.shape) or not fits:
        message = f"the shape of '{path}' is {list(offered.shape)}, not {list(wanted.shape)}"
        yield Mismatch("refuse", "tensor", path, message)
