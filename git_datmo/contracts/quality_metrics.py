"""Judge the quality metrics of a contract: counts of rows, and their bounds."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Contract, Finding, QualityRule, Table
from git_datmo.sizes import show_count

_NOUNS = {
    "nullValues": "null values",
    "missingValues": "missing values",
    "invalidValues": "invalid values",
    "duplicateValues": "duplicate values",
}


def read_argument(rule: QualityRule, name: str) -> Any:
    """Return an argument of a rule; None if it has none of the name."""
    text = dict(rule.arguments).get(name)
    return None if text is None else json.loads(text)


def judge_metric(
    contract: Contract, table: Table, field: str, rule: QualityRule, count: int, rows: int
) -> Finding | None:
    """Return a warning if `count` of `rows` is outside the bounds of a rule."""
    value = Decimal(count)
    if rule.unit == "percent" and rule.metric != "rowCount":
        # A table without rows breaks no share.
        value = Decimal(100 * count) / rows if rows else Decimal(0)
    if is_inside(rule, value) != rule.is_negated:
        return None
    if rule.metric == "rowCount":
        text = show_count(count, "row")
    else:
        share = f" ({value:.3g}% of {show_count(rows, 'row')})" if rule.unit == "percent" else ""
        text = f"{count} {_NOUNS[rule.metric]}{share}"
    message = f"{text}, but the contract says {describe_bounds(rule)}"
    return Finding("warn", rule.metric, contract.id, table.name, field, message, (), count)


def is_inside(rule: QualityRule, value: Decimal) -> bool:
    """Return whether a value is within the bounds of a rule."""
    if rule.lower is not None and (
        value < rule.lower or (rule.is_lower_exclusive and value == rule.lower)
    ):
        return False
    return rule.upper is None or not (
        value > rule.upper or (rule.is_upper_exclusive and value == rule.upper)
    )


def describe_bounds(rule: QualityRule) -> str:
    """Return the bounds of a rule in words."""
    unit = " percent" if rule.unit == "percent" and rule.metric != "rowCount" else ""
    negated = "not " if rule.is_negated else ""
    if rule.lower is not None and rule.lower == rule.upper:
        return f"{negated}{rule.lower}{unit}"
    parts = []
    if rule.lower is not None:
        parts.append(f"{'more than' if rule.is_lower_exclusive else 'at least'} {rule.lower}")
    if rule.upper is not None:
        parts.append(f"{'less than' if rule.is_upper_exclusive else 'at most'} {rule.upper}")
    return f"{negated}{' and '.join(parts)}{unit}"
