"""Rules that a consumer wants and a provider does not promise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from git_datmo.contracts.contract_types import Level, QualityRule
from git_datmo.contracts.value_sets import Interval


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A rule of the consumer that the provider breaks (`refuse`), or may break (`unchecked`)."""

    level: Level
    rule: str
    field: str
    message: str


def quality_gaps(
    offered: tuple[QualityRule, ...],
    wanted: tuple[QualityRule, ...],
    path: str,
    *,
    has_no_nulls: bool = False,
) -> Iterator[Mismatch]:
    """Yield a warning for each wanted threshold that is not promised."""
    for rule in wanted:
        # A required field has 0 nulls, also without a rule that promises it.
        if has_no_nulls and rule.metric == "nullValues" and is_met_by(rule, Decimal(0)):
            continue
        if not any(promises(one, rule) for one in offered):
            where = f"'{path}'" if path else "the table"
            message = f"{rule.metric} of {where} is not promised to be {threshold_text(rule)}"
            yield Mismatch("warn", "quality", path, message)


def promises(offered: QualityRule, wanted: QualityRule) -> bool:
    """Return whether each value of a metric that one rule allows is allowed by another."""
    if (offered.metric, offered.unit, offered.arguments) != (
        *(wanted.metric, wanted.unit, wanted.arguments),
    ):
        return False
    if offered.is_negated != wanted.is_negated:
        return False
    if wanted.is_negated:
        # The forbidden values of the wanted rule must be forbidden by the offered one.
        return threshold(offered).includes(threshold(wanted))
    return threshold(wanted).includes(threshold(offered))


def is_met_by(rule: QualityRule, value: Decimal) -> bool:
    """Return whether a value of the metric meets a rule."""
    return threshold(rule).holds(value) != rule.is_negated


def threshold(rule: QualityRule) -> Interval:
    """Return the bounds of a rule, without its negation."""
    return Interval(rule.lower, rule.upper, rule.is_lower_exclusive, rule.is_upper_exclusive)


def threshold_text(rule: QualityRule) -> str:
    """Return the bounds of a rule as text."""
    unit = " %" if rule.unit == "percent" else ""
    if rule.lower is not None and rule.lower == rule.upper:
        return f"{'not ' if rule.is_negated else ''}{rule.lower}{unit}"
    return f"{'not ' if rule.is_negated else ''}{threshold(rule)}{unit}"
