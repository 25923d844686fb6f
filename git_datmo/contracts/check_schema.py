"""Check the columns of a table against a contract, without reading a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from git_datmo.contracts.column_types import fits_physical
from git_datmo.contracts.contract_types import Contract, Field, Finding, Level, LogicalType, Table
from git_datmo.contracts.rule_messages import name_type


def check_schema(
    contract: Contract,
    table: Table,
    names: Sequence[str],
    physical_types: Mapping[str, str],
    logical_types: Mapping[str, LogicalType],
) -> Iterator[Finding]:
    """Yield the differences between the columns of a file and the fields of a table.

    The types are those that the file itself states; CSV and JSON Lines state none.
    """

    def make(level: Level, rule: str, field: str, message: str) -> Finding:
        return Finding(level, rule, contract.id, table.name, field, message, (), 1)

    declared = [field.name for field in table.fields]
    for field in table.fields:
        if field.name not in names:
            if not field.is_optional:
                yield make(
                    "refuse", "present", field.name, _describe_missing(field, names, declared)
                )
            continue
        physical = physical_types.get(field.name, "")
        for rule, message in _compare_types(field, logical_types.get(field.name, ""), physical):
            yield make("refuse", rule, field.name, message)
    if table.is_closed:
        for name in names:
            if name not in declared:
                yield make("warn", "undeclared", name, "column is not declared in the contract")
    common = [name for name in declared if name in names]
    order = [name for name in names if name in declared]
    if common != order:
        first = next(one for one, other in zip(order, common, strict=True) if one != other)
        message = "columns are in another order than the fields of the contract"
        # Rows are checked by the names of columns, so another order breaks no rule.
        yield make("warn", "order", first, message)


def _compare_types(field: Field, found: LogicalType, physical: str) -> Iterator[tuple[str, str]]:
    """Yield the rule that the type of a column breaks, with its message."""
    if found and not accepts_type(found, field):
        is_kind = f"is {name_type(found)} ({physical or found})"
        yield "type", f"column {is_kind}, not {name_type(field.logical_type)}"
    elif not fits_physical(physical, field.physical_type):
        yield "physicalType", f"column is {physical}, which {field.physical_type} does not hold"


def accepts_type(found: LogicalType, field: Field) -> bool:
    """Return whether a field accepts the logical type that a file states for its column."""
    wanted = field.logical_type
    if not wanted or found == wanted or (found, wanted) == ("integer", "number"):
        return True
    # Dates and times may be written as text, whose form the values' check looks at.
    return found == "string" and wanted in ("date", "timestamp", "time")


def _describe_missing(field: Field, names: Sequence[str], declared: Sequence[str]) -> str:
    """Return the message for a column that is missing in the file, with a close name."""
    from git_datmo.suggest import nearest

    others = [name for name in names if name not in declared]
    near = nearest(field.name, others)
    return f"column is missing{f'; did it become {near!r}?' if near else ''}"
