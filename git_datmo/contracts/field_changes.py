"""Order the rules of two versions of a field: tightened, loosened, or neither."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from git_datmo.contracts.contract_types import Field, QualityRule, Table, Tensor, Value
from git_datmo.contracts.rule_gaps import promises, threshold_text
from git_datmo.contracts.value_kinds import kind_of, relate
from git_datmo.contracts.value_sets import Interval, NotComparable, interval_of, is_among

Effect = Literal["none", "neutral", "tightened", "loosened", "other"]


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A change of one rule. `effect` says whether the new version allows fewer or more rows.

    `none` changes no row, `neutral` suits both sides, `other` has no order.
    """

    path: str
    kind: str
    effect: Effect
    reason: str


def field_steps(old: Field, new: Field, path: str) -> Iterator[RuleChange]:
    """Yield the changed rules of a field, without those of its items and members."""
    yield from _flag_steps(old, new, path)
    yield from _type_steps(old, new, path)
    yield from _interval_steps(old, new, path)
    yield from _enum_steps(old.enum, new.enum, path)
    yield from _text_steps(old, new, path)
    if old.tensor != new.tensor:
        yield from _tensor_steps(old.tensor, new.tensor, path)
    yield from _quality_steps(old.quality, new.quality, path)
    yield from _note_steps(old, new, path)


def table_steps(old: Table, new: Table) -> Iterator[RuleChange]:
    """Yield the changed rules of a table, without those of its fields."""
    yield from _quality_steps(old.quality, new.quality, "")
    if old.files != new.files:
        yield RuleChange("", "files", "other", "rules of the files changed")
    for other in sorted({*old.disjoint} ^ {*new.disjoint}):
        is_new = other in new.disjoint
        effect: Effect = "tightened" if is_new else "loosened"
        yield RuleChange("", "disjoint", effect, f"disjoint from '{other}' {_added(is_new=is_new)}")
    if old.physical_name != new.physical_name:
        reason = f"'{old.physical_name}' became '{new.physical_name}'"
        yield RuleChange("", "physicalName", "neutral", reason)
    if old.description != new.description:
        yield RuleChange("", "description", "none", "description changed")
    yield from _unchecked_steps(old.unchecked, new.unchecked, "")


def order_steps(old: tuple[Field, ...], new: tuple[Field, ...]) -> Iterator[RuleChange]:
    """Yield a step if tensors that both versions have changed their order."""
    common = {field.name for field in old} & {field.name for field in new}
    before = [field.name for field in old if field.name in common]
    after = [field.name for field in new if field.name in common]
    if before != after:
        yield RuleChange("", "order", "other", f"order of the tensors is now {', '.join(after)}")


def _added(*, is_new: bool) -> str:
    return "added" if is_new else "removed"


def _flag_steps(old: Field, new: Field, path: str) -> Iterator[RuleChange]:
    for kind, was, now, more, less in (
        ("null", old.is_required, new.is_required, "null no longer allowed", "null allowed"),
        ("optional", not old.is_optional, not new.is_optional, "no longer optional", "optional"),
        ("unique", old.is_unique, new.is_unique, "unique", "no longer unique"),
        ("key", old.is_key, new.is_key, "part of the key", "no longer part of the key"),
    ):
        if was != now:
            yield RuleChange(path, kind, "tightened" if now else "loosened", more if now else less)


def _type_steps(old: Field, new: Field, path: str) -> Iterator[RuleChange]:
    was, now = kind_of(old), kind_of(new)
    relation = relate(was, now)
    reason = f"{was} became {now}"
    if relation == "wider":
        yield RuleChange(path, "type", "loosened", reason)
    elif relation == "narrower":
        yield RuleChange(path, "type", "tightened", reason)
    elif relation == "unknown" and not was.family:
        yield RuleChange(path, "type", "tightened", f"type declared: {now}")
    elif relation == "unknown":
        yield RuleChange(path, "type", "loosened", f"type {was} no longer declared")
    elif relation == "other":
        yield RuleChange(path, "type", "other", reason)
    elif old.physical_type != new.physical_type:
        changed = f"'{old.physical_type}' became '{new.physical_type}'"
        yield RuleChange(path, "physicalType", "none", changed)


def _interval_steps(old: Field, new: Field, path: str) -> Iterator[RuleChange]:
    declared = [
        (one.minimum, one.maximum, one.is_minimum_exclusive, one.is_maximum_exclusive)
        for one in (old, new)
    ]
    if declared[0] != declared[1]:
        try:
            yield from _compare(interval_of(old), interval_of(new), "range", "values", path)
        # Times with and without a zone do not compare, for instance.
        except (NotComparable, TypeError):
            yield RuleChange(path, "range", "other", "range changed, cannot tell how")
    if (old.min_length, old.max_length) != (new.min_length, new.max_length):
        # A minimum of 0 and no minimum allow the same text.
        was = Interval(old.min_length or 0, old.max_length)
        now = Interval(new.min_length or 0, new.max_length)
        yield from _compare(was, now, "length", "length", path)
    if (old.min_items, old.max_items) != (new.min_items, new.max_items):
        was = Interval(old.min_items or 0, old.max_items)
        now = Interval(new.min_items or 0, new.max_items)
        yield from _compare(was, now, "items", "number of items", path)
    if old.multiple_of != new.multiple_of:
        yield _multiple_step(old, new, path)


def _compare(old: Interval, new: Interval, kind: str, noun: str, path: str) -> Iterator[RuleChange]:
    if old == new:
        return
    reason = f"{noun} {old} became {new}"
    if old.includes(new):
        yield RuleChange(path, kind, "tightened", reason)
    elif new.includes(old):
        yield RuleChange(path, kind, "loosened", reason)
    else:
        yield RuleChange(path, kind, "other", reason)


def _multiple_step(old: Field, new: Field, path: str) -> RuleChange:
    was, now = old.multiple_of, new.multiple_of
    reason = f"multiple of {was or 'anything'} became {now or 'anything'}"
    if was is None or (now is not None and now % was == 0):
        return RuleChange(path, "multiple", "tightened", reason)
    if now is None or was % now == 0:
        return RuleChange(path, "multiple", "loosened", reason)
    return RuleChange(path, "multiple", "other", reason)


def _enum_steps(
    old: tuple[Value, ...] | None, new: tuple[Value, ...] | None, path: str
) -> Iterator[RuleChange]:
    if old is None and new is not None:
        yield RuleChange(path, "enum", "tightened", f"values limited to {_listing(new)}")
    elif old is not None and new is None:
        yield RuleChange(path, "enum", "loosened", "values no longer limited")
    elif old is not None and new is not None:
        # A version may add values and remove others, so that neither step tells all.
        added = tuple(value for value in new if not is_among(value, old))
        removed = tuple(value for value in old if not is_among(value, new))
        if added:
            yield RuleChange(path, "enum", "loosened", f"values {_listing(added)} added")
        if removed:
            yield RuleChange(path, "enum", "tightened", f"values {_listing(removed)} removed")


def _listing(values: tuple[Value, ...]) -> str:
    shown = ", ".join(map(str, values[:5]))
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown


def _text_steps(old: Field, new: Field, path: str) -> Iterator[RuleChange]:
    if old.pattern != new.pattern:
        yield RuleChange(path, "pattern", "other", "pattern changed, cannot tell how")
    # The format of dates says how a file writes them, which readers see.
    if old.format != new.format and kind_of(new).family == "string":
        yield RuleChange(path, "format", "other", f"format '{old.format}' became '{new.format}'")
    if old.unit != new.unit:
        reason = f"unit '{old.unit or 'none'}' became '{new.unit or 'none'}'"
        yield RuleChange(path, "unit", "other", reason)
    if (old.has_default, old.default) != (new.has_default, new.default):
        yield RuleChange(path, "default", "neutral", "default changed")
    yield from _unchecked_steps(old.unchecked, new.unchecked, path)


def _unchecked_steps(old: tuple[str, ...], new: tuple[str, ...], path: str) -> Iterator[RuleChange]:
    if old != new:
        names = ", ".join(sorted({*old} ^ {*new})) or "order"
        yield RuleChange(path, "unchecked", "other", f"{names} changed, cannot tell how")


def _tensor_steps(old: Tensor | None, new: Tensor | None, path: str) -> Iterator[RuleChange]:
    if old is None or new is None:
        effect: Effect = "tightened" if old is None else "loosened"
        yield RuleChange(path, "tensor", effect, f"tensor {_added(is_new=old is None)}")
        return
    if old.datatype != new.datatype:
        reason = f"datatype {old.datatype} became {new.datatype}"
        yield RuleChange(path, "tensor", "other", reason)
    if old.shape != new.shape:
        yield RuleChange(
            path,
            "tensor",
            _shape_effect(old.shape, new.shape),
            f"shape {list(old.shape)} became {list(new.shape)}",
        )


def _shape_effect(old: tuple[int, ...], new: tuple[int, ...]) -> Effect:
    if len(old) != len(new):
        return "other"
    changed = [(was, now) for was, now in zip(old, new, strict=True) if was != now]
    if all(now == -1 for _, now in changed):
        return "loosened"
    return "tightened" if all(was == -1 for was, _ in changed) else "other"


def _quality_steps(
    old: tuple[QualityRule, ...], new: tuple[QualityRule, ...], path: str
) -> Iterator[RuleChange]:
    """Yield the changed thresholds of a metric. A rule is known by its metric, unit, arguments."""
    if old == new:
        return
    before, after = _by_metric(old), _by_metric(new)
    for key in sorted({**before, **after}, key=str):
        was, now = before.get(key), after.get(key)
        if was == now:
            continue
        reason = f"{key[0]} {_rule_text(was)} became {_rule_text(now)}"
        yield RuleChange(path, "quality", _rule_effect(was, now), reason)


def _by_metric(rules: tuple[QualityRule, ...]) -> dict[Any, QualityRule]:
    return {(rule.metric, rule.unit, rule.arguments, rule.is_negated): rule for rule in rules}


def _rule_text(rule: QualityRule | None) -> str:
    return "any number" if rule is None else threshold_text(rule)


def _rule_effect(was: QualityRule | None, now: QualityRule | None) -> Effect:
    if was is None or (now is not None and promises(now, was)):
        # Rules that imply each other allow the same values; they may differ in severity.
        return "none" if now is not None and was is not None and promises(was, now) else "tightened"
    if now is None or promises(was, now):
        return "loosened"
    return "other"


def _note_steps(old: Field, new: Field, path: str) -> Iterator[RuleChange]:
    for kind, was, now in (
        ("description", old.description, new.description),
        ("examples", old.examples, new.examples),
        ("classification", old.classification, new.classification),
        ("deprecated", old.is_deprecated, new.is_deprecated),
        ("id", old.id, new.id),
    ):
        if was != now:
            yield RuleChange(path, kind, "none", f"{kind} changed")
