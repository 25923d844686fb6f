"""Tell how a new version of a contract differs from the old one, and for whom.

A provider may promise more, a consumer may demand less: both are minor. The opposite is major, and
so is a change that no order relates, like a unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.field_changes import RuleChange, field_steps, order_steps, table_steps

Direction = Literal["provides", "requires"]
Size = Literal["patch", "minor", "major"]
_SIZES: tuple[Size, ...] = ("patch", "minor", "major")
_VERSION = re.compile(r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class Change:
    """A difference of two versions. `path` is `table.field`; `kind` names the rule."""

    path: str
    kind: str
    direction: Direction
    size: Size
    reason: str


def change(old: Table, new: Table, direction: Direction) -> tuple[Change, ...]:
    """Return the changes of a table for those who rely on it (`provides`) or serve it."""
    steps = [*_field_changes(old.fields, new.fields, "")]
    steps.extend(table_steps(old, new))
    if any(field.tensor for field in (*old.fields, *new.fields)):
        # A model takes tensors in order, while columns are found by name.
        steps.extend(order_steps(old.fields, new.fields))
    return tuple(_sized(step, new.name, direction) for step in steps)


def contract_changes(old: Contract, new: Contract) -> tuple[Change, ...]:
    """Return the changes of all tables, and those of the contract itself."""
    # One name may stand for a table in and a table out, so the port is part of the key.
    before = {(table.name, table.port): table for table in old.tables}
    after = {(table.name, table.port): table for table in new.tables}
    changes: list[Change] = []
    for key in [*before, *(key for key in after if key not in before)]:
        direction = direction_of(before.get(key) or after[key])
        if key in before and key in after:
            changes.extend(change(before[key], after[key], direction))
        else:
            changes.append(_whole_table(key[0], direction, is_new=key in after))
    changes.extend(_root_changes(old, new))
    return tuple(changes)


def direction_of(table: Table) -> Direction:
    """Return the direction of a table's port."""
    return "provides" if table.is_closed else "requires"


def largest(changes: Iterable[Change]) -> Size | None:
    """Return the size of the largest change; None if nothing changed."""
    sizes = {found.size for found in changes}
    return next((size for size in reversed(_SIZES) if size in sizes), None)


def needed_version(old: str, size: Size) -> str:
    """Return the lowest version that a change needs; empty if the old one has no numbers.

    Before 1.0.0, a major change raises the second number, as Semantic Versioning allows.
    """
    numbers = _numbers(old)
    if numbers is None:
        return ""
    major, minor, patch = numbers
    if size == "major" and major > 0:
        return f"{major + 1}.0.0"
    if size == "patch":
        return f"{major}.{minor}.{patch + 1}"
    return f"{major}.{minor + 1}.0"


def version_problem(old: Contract, new: Contract, changes: Iterable[Change]) -> str:
    """Return why the new version is too low for its changes; empty if it is high enough."""
    size = largest(changes)
    if size is None:
        return ""
    needed = needed_version(old.version, size)
    has, least = _numbers(new.version), _numbers(needed)
    if least is None or (has is not None and has >= least):
        return ""
    return (
        f"version {new.version or 'none'} is too low for a {size} change of {old.version}: "
        f"{needed} or higher is needed"
    )


def _numbers(version: str) -> tuple[int, int, int] | None:
    # A suffix such as `-rc1` does not count.
    found = _VERSION.match(version)
    if found is None:
        return None
    return int(found[1]), int(found[2] or 0), int(found[3] or 0)


def _sized(step: RuleChange, table: str, direction: Direction) -> Change:
    """Return the size that a step has in a direction."""
    if step.effect == "none":
        size: Size = "patch"
    elif step.effect == "neutral":
        size = "minor"
    elif step.effect == "other":
        size = "major"
    else:
        promises_more = step.effect == "tightened"
        size = "minor" if promises_more == (direction == "provides") else "major"
    path = f"{table}.{step.path}" if step.path else table
    return Change(path, step.kind, direction, size, step.reason)


def _whole_table(name: str, direction: Direction, *, is_new: bool) -> Change:
    """Return the change of a table that is new or gone: like that of a mandatory field."""
    step = RuleChange(
        "",
        "table",
        "tightened" if is_new else "loosened",
        f"table '{name}' {'added' if is_new else 'removed'}",
    )
    return _sized(step, name, direction)


def _field_changes(
    old: tuple[Field, ...], new: tuple[Field, ...], prefix: str
) -> Iterator[RuleChange]:
    """Yield the steps of fields matched by name, then by id, which makes a rename."""
    before = {field.name: field for field in old}
    after = {field.name: field for field in new}
    # Only a field whose name is gone can have been renamed.
    gone_by_id = {field.id: field for field in old if field.id and field.name not in after}
    renamed: set[str] = set()
    for field in new:
        path = f"{prefix}{field.name}"
        was = before.get(field.name)
        if was is None and field.id in gone_by_id:
            was = gone_by_id[field.id]
            renamed.add(was.name)
            yield RuleChange(path, "rename", "other", f"'{was.name}' renamed to '{field.name}'")
        if was is None:
            yield _presence(path, field, is_new=True)
        elif was != field:
            yield from field_steps(was, field, path)
            yield from _child_changes(was, field, path)
    for field in old:
        if field.name not in after and field.name not in renamed:
            yield _presence(f"{prefix}{field.name}", field, is_new=False)


def _child_changes(old: Field, new: Field, path: str) -> Iterator[RuleChange]:
    yield from _field_changes(old.fields, new.fields, f"{path}.")
    if old.items is not None and new.items is not None:
        # Items need no name. With the same one, a pair is never taken as removed and added.
        yield from _field_changes(
            (replace(old.items, name="[]"),), (replace(new.items, name="[]"),), path
        )
    elif old.items is not None or new.items is not None:
        yield RuleChange(path, "items", "other", "type of the items declared or no longer declared")


def _presence(path: str, field: Field, *, is_new: bool) -> RuleChange:
    verb = "added" if is_new else "removed"
    if field.is_optional:
        return RuleChange(path, "field", "neutral", f"optional field {verb}")
    effect: Literal["tightened", "loosened"] = "tightened" if is_new else "loosened"
    return RuleChange(path, "field", effect, f"field {verb}")


def _root_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Yield the changes of a contract outside its tables."""
    if old.id != new.id:
        yield Change("id", "id", "provides", "major", f"'{old.id}' became '{new.id}'")
    if old.entry != new.entry:
        reason = f"'{old.entry or 'none'}' became '{new.entry or 'none'}'"
        yield Change("entry", "entry", "provides", "major", reason)
    for name, was, now in (
        ("paths", sorted(old.paths), sorted(new.paths)),
        ("gates", sorted(old.gates), sorted(new.gates)),
    ):
        if was != now:
            reason = f"{', '.join(was) or 'none'} became {', '.join(now) or 'none'}"
            yield Change(name, name, "provides", "minor", reason)
    for name, text, other in (("status", old.status, new.status), ("name", old.name, new.name)):
        if text != other:
            reason = f"'{text}' became '{other}'"
            yield Change(name, name, "provides", "patch", reason)
