"""Check all values of one column against its field, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from git_datmo.contracts.contract_types import Field, Finding, Level
from git_datmo.contracts.nested_values import TIME_TYPES, NestedCheck, is_null
from git_datmo.contracts.rule_messages import describe_rule
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
        self._nested = NestedCheck(wanted)
        self._rules = self._nested.rules
        self._is_text = is_text
        self._broken: dict[str, RuleCount] = {}

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
        if is_text_of(column, self.field, is_text=self._is_text):
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
            level: Level = "warn" if rule.rpartition(".")[2] == "finite" else "refuse"
            message = describe_rule(self.field, rule, broken.count)
            rows = tuple(sorted(broken.rows)[:SAMPLES])
            yield Finding(
                level, rule, contract, table, self.field.name, message, rows, broken.count
            )
        for rule, message in self._nested.unchecked():
            yield Finding("unchecked", rule, contract, table, self.field.name, message)

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
        """Check Python values."""
        skip = absent.count if absent else 0
        nulls = sum(map(is_null, values)) - skip
        self.nulls += nulls
        if skip and nulls and self.field.is_required:
            # Absent fields look like nulls, so it is not known which rows are null.
            self._count("required", nulls, [])
        rows = [(row, value) for row, value in enumerate(values) if value is not None or not skip]
        # A rule counts once for a row, however many elements break it.
        for row, rule in sorted({(row, rule) for rule, row in self._nested.find(rows)}):
            self._count(rule, 1, [(first_row + row, str(values[row])[:SAMPLE_TEXT])])

    def _check_values(self, values: Any, column: Any, first_row: int) -> None:
        """Check ranges, enumerations, lengths and patterns of values of the right type."""
        for rule, mask in self._rules.find(values):
            self._count_mask(rule, mask, column, first_row)

    def _count_mask(
        self, rule: str, mask: Any, column: Any, first_row: int, count: int | None = None
    ) -> None:
        """Count the rows of a mask, and keep the first of them as samples."""
        from pyarrow import compute

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


def is_text_of(column: Any, wanted: Field, *, is_text: bool) -> bool:
    """Return whether values are text of another type, in a file where text stands for all types.

    CSV has text alone, as `is_text` says. JSON and Parquet may write dates and times as text, but
    no numbers.
    """
    from pyarrow import types

    kind = wanted.logical_type
    if kind not in TEXT_TYPES or not types.is_string(column.type):
        return False
    return is_text or kind in TIME_TYPES


def _show(value: Any) -> str:
    """Return a value of a column as a short text."""
    plain = value.as_py()
    return "(null)" if plain is None else str(plain)[:SAMPLE_TEXT]
