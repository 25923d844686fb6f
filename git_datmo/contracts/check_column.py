"""Check all values of one column against its field, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Field, Finding, Level, Value
from git_datmo.contracts.enumerations import Enumeration
from git_datmo.contracts.nested_values import find_broken_rules, is_null
from git_datmo.contracts.rule_messages import describe_rule, name_type
from git_datmo.contracts.table_readers.table_batches import SAMPLES, Absences

SAMPLE_TEXT = 80
TEXT_TYPES = ("boolean", "integer", "number", "date", "timestamp", "time")
HIDDEN = "(not shown: the field is classified)"


@dataclass(slots=True)
class RuleCount:
    """Rows that break a rule: their count, and the first of them."""

    count: int = 0
    rows: list[tuple[int, str]] = field(default_factory=list)


class ColumnCheck:
    """Check of one field. `rows` and `nulls` count all rows so far."""

    def __init__(self, wanted: Field, *, is_text: bool) -> None:
        self.field = wanted
        self.rows = self.nulls = 0
        # Rules that cannot be checked, with the reason.
        self._unchecked: dict[str, str] = {}
        if wanted.pattern and not is_linear_pattern(wanted.pattern):
            self._unchecked["pattern"] = f"pattern {wanted.pattern!r} needs more than linear time"
        self._is_text = is_text
        self._broken: dict[str, RuleCount] = {}
        self._enum = Enumeration(wanted)

    def add(self, column: Any, first_row: int, absent: Absences | None) -> None:
        """Check the values of a batch."""
        if absent:
            # The batch counts its absent rows below, so none is added to `rows` by this call.
            self.add_absent(0, absent)
        self.rows += len(column)
        if isinstance(column, list):
            self._add_values(column, first_row, absent)
            return
        self._check_nulls(column, first_row, absent)
        # A batch without a value has no type to compare.
        if str(column.type) == "null":
            return
        values = column
        kind = self.field.logical_type
        if self._is_converted(column):
            from git_datmo.contracts.text_values import convert_text

            values, wrong = convert_text(column, kind)
            if wrong is not None:
                self._count_mask("type", wrong, column, first_row)
        elif not self._has_type(column):
            self._check_type(column, first_row)
            return
        if isinstance(values, list):
            self._add_values(values, first_row, absent)
            return
        self._check_values(values, column, first_row)

    def add_absent(self, rows: int, absent: Absences) -> None:
        """Count rows without the field."""
        self.rows += rows
        if not self.field.is_optional:
            self._count("present", absent.count, [(absent.first_row, "")])

    def findings(self, contract: str, table: str) -> Iterator[Finding]:
        """Yield the rules that values broke."""
        for rule, broken in self._broken.items():
            level: Level = "warn" if rule == "finite" else "refuse"
            message = describe_rule(self.field, rule, broken.count)
            rows = tuple(sorted(broken.rows)[:SAMPLES])
            yield Finding(
                level, rule, contract, table, self.field.name, message, rows, broken.count
            )
        for rule, message in self._unchecked.items():
            yield Finding("unchecked", rule, contract, table, self.field.name, message)

    def _is_converted(self, column: Any) -> bool:
        """Return whether values are text of another type."""
        from pyarrow import types

        kind = self.field.logical_type
        if kind not in TEXT_TYPES or not types.is_string(column.type):
            return False
        # CSV has text alone. JSON and Parquet may write dates and times as text, but no numbers.
        return self._is_text or kind in ("date", "timestamp", "time")

    def _has_type(self, column: Any) -> bool:
        """Return whether all values of a flat column have the field's type."""
        from git_datmo.contracts.column_types import find_logical, fits_logical

        return fits_logical(find_logical(column.type), self.field.logical_type)

    def _check_type(self, column: Any, first_row: int) -> None:
        """Count the values of another type; whole floating-point numbers are integers."""
        from pyarrow import compute, types

        wrong = compute.is_valid(column)
        if self.field.logical_type == "integer" and types.is_floating(column.type):
            # Data frames store integers with nulls as floating-point numbers, and null as NaN.
            whole = compute.equal(column, compute.round(column))
            right = compute.or_(whole, compute.is_nan(column))
            wrong = compute.invert(compute.fill_null(right, True))
            self._check_values(column, column, first_row)
        self._count_mask("type", wrong, column, first_row)

    def _check_nulls(self, column: Any, first_row: int, absent: Absences | None) -> None:
        """Count nulls and NaN; absent fields are no nulls."""
        from pyarrow import compute, types

        has_nan = types.is_floating(column.type)
        mask = compute.is_null(column, nan_is_null=has_nan) if has_nan else None
        nulls = compute.sum(mask).as_py() or 0 if mask is not None else column.null_count
        # Readers fill absent fields with null, and rule `present` has counted those rows.
        nulls -= absent.count if absent else 0
        self.nulls += nulls
        if nulls and self.field.is_required:
            if mask is None:
                mask = compute.is_null(column)
            self._count_mask("required", mask, column, first_row, count=nulls)

    def _add_values(self, values: list[Any], first_row: int, absent: Absences | None) -> None:
        """Check Python values one by one."""
        skip = absent.count if absent else 0
        nulls = sum(map(is_null, values)) - skip
        self.nulls += nulls
        if skip and nulls and self.field.is_required:
            # Absent fields look like nulls, so it is not known which rows are null.
            self._count("required", nulls, [])
        for index, value in enumerate(values):
            if value is None and skip:
                continue
            for rule in find_broken_rules(value, self.field):
                self._count(rule, 1, [(first_row + index, str(value)[:SAMPLE_TEXT])])

    def _check_values(self, values: Any, column: Any, first_row: int) -> None:
        """Check ranges, enumerations, lengths and patterns of values of the right type."""
        from pyarrow import types

        kind = values.type
        if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
            self._check_range(values, column, first_row)
        elif types.is_temporal(kind):
            self._check_times(values, column, first_row)
        if types.is_string(kind):
            # ISO dates are compared as text: they sort as the days do.
            if self.field.logical_type == "date":
                self._check_bounds(values, column, first_row)
            self._check_text(values, column, first_row)
        if self.field.enum is not None:
            self._count_mask("enum", self._enum.find_others(values), column, first_row)

    def _check_range(self, values: Any, column: Any, first_row: int) -> None:
        """Count numbers outside the range, infinite ones, and those off the step."""
        from pyarrow import compute, types

        if types.is_floating(values.type):
            # The ends rule out infinite values at little cost, so most batches need no mask.
            ends = compute.min_max(values)
            if float("inf") in (ends["max"].as_py(), -(ends["min"].as_py() or 0.0)):
                self._count_mask("finite", compute.is_inf(values), column, first_row)
        self._check_bounds(values, column, first_row)
        step = self.field.multiple_of
        if step:
            off = [value is not None and _is_off_step(value, step) for value in values.to_pylist()]
            self._count_mask("multipleOf", off, column, first_row)

    def _check_bounds(self, values: Any, column: Any, first_row: int) -> None:
        """Count values below the minimum or above the maximum."""
        from pyarrow import compute

        wanted = self.field
        low, high = wanted.minimum, wanted.maximum
        if low is not None:
            below = compute.less_equal if wanted.is_minimum_exclusive else compute.less
            self._check_bound("minimum", low, below, values, column, first_row)
        if high is not None:
            above = compute.greater_equal if wanted.is_maximum_exclusive else compute.greater
            self._check_bound("maximum", high, above, values, column, first_row)

    def _check_bound(
        self, rule: str, limit: Value, is_past: Any, values: Any, column: Any, first_row: int
    ) -> None:
        """Count values past a bound, if the most extreme value is."""
        import pyarrow as pa
        from pyarrow import compute

        # One comparison settles the usual batch, in which no value is past the bound.
        end = compute.min_max(values)["min" if rule == "minimum" else "max"]
        if not end.is_valid:
            return
        try:
            bound = _as_bound(limit, values.type)
            is_broken = is_past(end, bound).as_py()
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            name = name_type(self.field.logical_type)
            self._unchecked[rule] = f"{rule} {limit!r} does not compare with {name}"
            return
        if is_broken:
            self._count_mask(rule, is_past(values, bound), column, first_row)

    def _check_times(self, values: Any, column: Any, first_row: int) -> None:
        """Check the bounds of dates and timestamps."""
        import pyarrow as pa
        from pyarrow import types

        if types.is_timestamp(values.type):
            # Bounds are in UTC, and pyarrow compares no times with and without a zone.
            # Digits below a microsecond are cut off, as those of text are.
            values = values.cast(pa.timestamp("us", tz="UTC"), safe=False)
        if types.is_date(values.type) or types.is_timestamp(values.type):
            self._check_bounds(values, column, first_row)

    def _check_text(self, values: Any, column: Any, first_row: int) -> None:
        """Count text of another length, or that a pattern does not match."""
        from pyarrow import compute

        wanted = self.field
        if wanted.min_length is not None or wanted.max_length is not None:
            lengths = compute.utf8_length(values)
            if wanted.min_length is not None:
                short = compute.less(lengths, wanted.min_length)
                self._count_mask("minLength", short, column, first_row)
            if wanted.max_length is not None:
                long = compute.greater(lengths, wanted.max_length)
                self._count_mask("maxLength", long, column, first_row)
        if wanted.pattern and "pattern" not in self._unchecked:
            matched = compute.match_substring_regex(values, wanted.pattern)
            self._count_mask("pattern", compute.invert(matched), column, first_row)

    def _count_mask(
        self, rule: str, mask: Any, column: Any, first_row: int, count: int | None = None
    ) -> None:
        """Count the rows of a mask, and keep the first of them as samples."""
        import pyarrow as pa
        from pyarrow import compute

        # The mask of `multipleOf` is a list of Python, that of other rules an array.
        mask = pa.array(mask, pa.bool_()) if not hasattr(mask, "type") else mask
        found = compute.sum(mask).as_py() or 0
        if not found:
            return
        kept = self._broken[rule].rows if rule in self._broken else ()
        indices = compute.indices_nonzero(compute.fill_null(mask, False))
        samples = [
            (first_row + index, _show(column[index]))
            for index in indices[: SAMPLES - len(kept)].to_pylist()
        ]
        self._count(rule, found if count is None else count, samples)

    def _count(self, rule: str, count: int, samples: list[tuple[int, str]]) -> None:
        """Count rows that break a rule."""
        broken = self._broken.setdefault(rule, RuleCount())
        broken.count += count
        is_hidden = self.field.classification not in ("", "public")
        for row, text in samples[: max(0, SAMPLES - len(broken.rows))]:
            broken.rows.append((row, HIDDEN if is_hidden else text))


def is_linear_pattern(pattern: str) -> bool:
    """Return whether RE2 takes a pattern, so that it needs linear time."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        compute.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowException:
        return False
    return True


def _is_off_step(value: float | Decimal, step: Decimal) -> bool:
    """Return whether a number is no multiple of a step."""
    # By its shortest text, 0.3 is a multiple of 0.1. Its binary value is not.
    number = Decimal(str(value))
    return number.is_finite() and bool(number % step)


def _as_bound(bound: Any, kind: Any) -> Any:
    """Return a bound as a value that compares with values of a type."""
    from pyarrow import types

    if types.is_timestamp(kind):
        from git_datmo.contracts.time_bounds import parse_timestamp

        return parse_timestamp(str(bound))
    if types.is_date(kind):
        from git_datmo.contracts.time_bounds import parse_date

        return parse_date(str(bound))
    if types.is_floating(kind):
        return float(bound)
    return str(bound) if types.is_string(kind) else bound


def _show(value: Any) -> str:
    """Return a value of a column as a short text."""
    plain = value.as_py()
    return "(null)" if plain is None else str(plain)[:SAMPLE_TEXT]
