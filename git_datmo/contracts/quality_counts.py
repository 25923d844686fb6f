"""Count the rows that the quality metrics of a contract ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from git_datmo.contracts.contract_types import Contract, Field, Finding, QualityRule, Table
from git_datmo.contracts.quality_metrics import judge_metric, read_argument
from git_datmo.contracts.table_readers.table_batches import Batch
from git_datmo.contracts.unique_values import KeyHasher, RepeatedKeys
from git_datmo.contracts.value_rules import is_linear_pattern


class RepeatedRows:
    """Search for rows that repeat the values of some columns."""

    def __init__(self, columns: tuple[str, ...], hasher: KeyHasher, folder: str) -> None:
        self.columns = columns
        self.keys = RepeatedKeys(folder)
        self._hasher = hasher

    def add(self, batch: Batch) -> None:
        """Take the rows of a batch into account, if it has all columns."""
        columns = [batch.columns[name] for name in self.columns if name in batch.columns]
        if columns and len(columns) == len(self.columns):
            hashes, valid = self._hasher.hash_rows(columns)
            self.keys.add(hashes, valid, batch.first_row)


class TableCounts:
    """Counts of a table's rows for uniqueness and quality metrics."""

    def __init__(self, table: Table, folder: str) -> None:
        self.table = table
        self.rows = 0
        self.hasher = KeyHasher()
        self._folder = folder
        self._unique: list[tuple[str, str, RepeatedRows]] = []
        self._metrics: list[tuple[str, QualityRule, RepeatedRows | None]] = []
        self._matches: dict[int, int] = {}
        # Metrics whose pattern RE2 refuses, as it does look-ahead. No count of theirs is known.
        self._unmatched: set[int] = set()
        self._start_unique()
        for field in table.fields:
            for rule in field.quality:
                self._start_metric(field, rule)
        for rule in table.quality:
            self._start_metric(None, rule)

    def add(self, batch: Batch) -> None:
        """Count the rows of a batch."""
        self.rows += batch.rows
        for _, _, rows in self._unique:
            rows.add(batch)
        for index, (field, rule, repeated) in enumerate(self._metrics):
            if repeated is not None:
                repeated.add(batch)
            elif field in batch.columns and index not in self._unmatched:
                found = _count_matches(rule, batch.columns[field])
                self._matches[index] = self._matches.get(index, 0) + found

    def findings(self, contract: Contract, nulls: dict[str, int]) -> Iterator[Finding]:
        """Yield repeated keys, and metrics outside their bounds."""
        for name, key, unique in self._unique:
            count, samples = unique.keys.find()
            if count:
                verb = "repeats" if count == 1 else "repeat"
                rows = "1 row" if count == 1 else f"{count} rows"
                columns = " and ".join(f"'{name}'" for name in unique.columns)
                message = f"{rows} {verb} the {columns} of an earlier row"
                found = tuple((row, "") for row in samples)
                yield Finding(
                    "refuse", key, contract.id, self.table.name, name, message, found, count
                )
        for index, (field, rule, repeated) in enumerate(self._metrics):
            if index in self._unmatched:
                message = "the pattern of invalidValues cannot be matched in linear time"
                yield Finding(
                    "unchecked", rule.metric, contract.id, self.table.name, field, message
                )
                continue
            if repeated is not None:
                count, _ = repeated.keys.find()
            elif rule.metric == "rowCount":
                count = self.rows
            elif rule.metric == "nullValues":
                count = nulls.get(field, 0)
            else:
                count = self._matches.get(index, 0)
            judged = judge_metric(contract, self.table, field, rule, count, self.rows)
            if judged is not None:
                yield judged

    def close(self) -> None:
        """Remove the files of the search for repeated rows."""
        for _, _, unique in self._unique:
            unique.keys.close()
        for _, _, repeated in self._metrics:
            if repeated is not None:
                repeated.keys.close()

    def _start_unique(self) -> None:
        """Start the search for repetitions of unique fields and of the key."""
        for field in self.table.fields:
            if field.is_unique:
                rows = RepeatedRows((field.name,), self.hasher, self._folder)
                self._unique.append((field.name, "unique", rows))
        key = tuple(field.name for field in self.table.fields if field.is_key)
        # A key that is one unique field would be searched and reported twice.
        if key and not any(rows.columns == key for _, _, rows in self._unique):
            rows = RepeatedRows(key, self.hasher, self._folder)
            self._unique.append((key[0] if len(key) == 1 else "", "primaryKey", rows))

    def _start_metric(self, field: Field | None, rule: QualityRule) -> None:
        """Start the count of a metric."""
        repeated = None
        if rule.metric == "duplicateValues":
            columns = read_argument(rule, "properties")
            names = tuple(columns) if isinstance(columns, list) else ()
            if field is not None:
                names = (field.name,)
            repeated = RepeatedRows(names, self.hasher, self._folder)
        pattern = read_argument(rule, "pattern") if rule.metric == "invalidValues" else None
        if isinstance(pattern, str) and not is_linear_pattern(pattern):
            self._unmatched.add(len(self._metrics))
        self._metrics.append((field.name if field else "", rule, repeated))


def _count_matches(rule: QualityRule, column: Any) -> int:
    """Return the number of missing or invalid values of a batch."""
    import pyarrow as pa
    from pyarrow import compute

    if rule.metric not in ("missingValues", "invalidValues"):
        return 0
    if isinstance(column, list):
        column = pa.array([None if value is None else str(value) for value in column])
    # Listed values and those of the column compare as text, whatever their types are.
    text = column.cast(pa.string())
    if rule.metric == "missingValues":
        listed = [str(v) for v in read_argument(rule, "missingValues") or () if v is not None]
        inside = compute.is_in(text, value_set=pa.array(listed, pa.string()))
        found: int = compute.sum(inside).as_py() or 0
        return found + int(text.null_count)
    valid = read_argument(rule, "validValues")
    pattern = read_argument(rule, "pattern")
    # An argument that is missing finds no value invalid.
    right = pa.array([True]).take(pa.array([0] * len(text)))
    if isinstance(valid, list):
        right = compute.is_in(text, value_set=pa.array([str(v) for v in valid], pa.string()))
    if isinstance(pattern, str):
        matched = compute.match_substring_regex(text, pattern)
        right = compute.and_(right, compute.fill_null(matched, True))
    wrong = compute.and_(compute.invert(right), compute.is_valid(text))
    count: int = compute.sum(wrong).as_py() or 0
    return count
