"""Parse gates: conditions on metrics of a model, which a contract lists as `datmo.gates`.

    METRIC [where FIELD = VALUE | by FIELD] OPERATOR BOUND

A bound is a number, a percentage, or `champion` with a number added or subtracted.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from git_datmo.errors import DatmoError, UsageError
from git_datmo.query.tokens import Tokens

METRICS = ("accuracy", "flips", "mae", "rmse")
"""Names of the metrics that a gate can compare."""

_OPERATORS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_HINT = "a gate is, for example, 'accuracy >= champion - 0.005' or 'flips <= 2%'"


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition on a metric of the held-out rows.

    `field` chooses rows: those with the text `value`, or each of its values if `value` is None.
    `bound` is added to the champion's metric if `is_relative`.
    """

    text: str
    metric: str
    operator: str
    bound: Fraction
    is_relative: bool = False
    field: str = ""
    value: str | None = None

    @property
    def needs_champion(self) -> bool:
        """Return True if the gate cannot be judged without the champion's answers."""
        return self.is_relative or self.metric == "flips"

    def limit(self, champion: Fraction | None) -> Fraction:
        """Return the number that the metric is compared with."""
        return self.bound + champion if self.is_relative and champion is not None else self.bound

    def holds(self, found: Fraction, champion: Fraction | None) -> bool:
        """Return True if the metric of a model satisfies the gate."""
        return _OPERATORS[self.operator](found, self.limit(champion))


def parse_gate(text: str) -> Gate:
    """Return the gate that a text describes; raise `DatmoError` if it describes none."""
    try:
        return _parse(text)
    except UsageError as error:
        raise DatmoError(f"the gate '{text}' is not valid: {error.what}", _HINT) from error


def _parse(text: str) -> Gate:
    tokens = Tokens(text)
    metric = tokens.take("word", "a metric").text
    if metric not in METRICS:
        raise UsageError(f"'{metric}' is not a metric ({', '.join(METRICS)})")
    field, value = _parse_slice(tokens)
    sign = tokens.take_operator()
    if sign not in _OPERATORS:
        raise UsageError(f"one of {' '.join(_OPERATORS)} is expected")
    is_relative = tokens.take_word("champion")
    bound = Fraction(0)
    if not is_relative:
        bound = _parse_number(tokens)
    elif tokens.peek is not None:
        bound = _parse_difference(tokens)
    if tokens.peek is not None:
        raise tokens.error("the end")
    if metric == "flips" and is_relative:
        raise UsageError("flips compare with the champion already, and need a number")
    return Gate(text, metric, sign, bound, is_relative, field, value)


def _parse_slice(tokens: Tokens) -> tuple[str, str | None]:
    """Return the field and the value that choose rows; '' as field chooses all rows."""
    if tokens.take_word("by"):
        return tokens.take_value().text, None
    if not tokens.take_word("where"):
        return "", None
    field = tokens.take_value().text
    if tokens.take_operator() not in ("=", "=="):
        raise UsageError("'=' is expected after the field")
    return field, tokens.take_value().text


def _parse_difference(tokens: Tokens) -> Fraction:
    """Return the number that is added to the champion's metric."""
    for sign, factor in (("+", 1), ("-", -1)):
        if tokens.take_word(sign):
            return factor * _parse_number(tokens)
    raise tokens.error("'+' or '-' with spaces around it")


def _parse_number(tokens: Tokens) -> Fraction:
    word = tokens.take("word", "a number").text
    try:
        number = Fraction(word.removesuffix("%"))
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError(f"'{word}' is not a number") from error
    return number / 100 if word.endswith("%") else number
