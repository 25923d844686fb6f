"""Check the statistics in a file's footer against a contract, without reading a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from git_datmo.contracts.contract_types import Contract, Field, Finding, Table, Value
from git_datmo.contracts.rule_messages import describe_rule
from git_datmo.contracts.table_readers.column_statistics import ColumnStatistics


def check_statistics(
    contract: Contract, table: Table, statistics: Mapping[str, ColumnStatistics]
) -> Iterator[Finding]:
    """Yield the rules of nulls and ranges that the statistics of columns break."""
    for field in table.fields:
        stated = statistics.get(field.name)
        if stated is None:
            continue
        for rule, message, count in _broken_rules(field, stated):
            yield Finding("refuse", rule, contract.id, table.name, field.name, message, (), count)


def _broken_rules(field: Field, stated: ColumnStatistics) -> Iterator[tuple[str, str, int]]:
    """Yield each rule that is broken, a message, and a count of rows that break it at least."""
    if field.is_required and stated.nulls:
        yield "required", describe_rule(field, "required", stated.nulls), stated.nulls
    if field.logical_type not in ("integer", "number"):
        return
    if _is_outside(stated.minimum, field.minimum, is_exclusive=field.is_minimum_exclusive):
        message = f"least value {stated.minimum} is below the minimum {field.minimum}"
        if field.is_minimum_exclusive:
            message = f"least value {stated.minimum} is not above {field.minimum}"
        yield "minimum", message, 1
    if _is_outside(field.maximum, stated.maximum, is_exclusive=field.is_maximum_exclusive):
        message = f"largest value {stated.maximum} is above the maximum {field.maximum}"
        if field.is_maximum_exclusive:
            message = f"largest value {stated.maximum} is not below {field.maximum}"
        yield "maximum", message, 1


def _is_outside(low: Value, high: Value, *, is_exclusive: bool) -> bool:
    """Return whether two numbers show that a value is outside of a bound."""
    # Bounds of a contract are decimals, which compare with other numbers exactly.
    numbers = (int, float, Decimal)
    if not (isinstance(low, numbers) and isinstance(high, numbers)):
        return False
    return low < high or (is_exclusive and low == high)
