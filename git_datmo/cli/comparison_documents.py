"""Make JSON and CSV of a comparison of experiments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from git_datmo.cli.log_formats import exact_value, group_documents, summary_document
from git_datmo.report.experiment_comparison import ExperimentComparison, MetricRow
from git_datmo.report.value_rows import ValueRow

PREFIXES = {"parameters": "params"}
WHICH = ("min", "max", "best")


def comparison_document(found: ExperimentComparison) -> dict[str, Any]:
    """Return the JSON document of a comparison."""
    return {
        "experiments": [
            {
                "id": str(each.id),
                "commit": str(each.commit),
                "created": each.snapshot.created,
                "author": each.snapshot.author.name,
                "message": each.snapshot.message,
            }
            for each in found.founds
        ],
        "different": [
            {"section": row.section, "name": row.name, "values": _exact(row.values)}
            for row in found.different
        ],
        "equal": [
            {"section": row.section, "name": row.name, "value": exact_value(row.values[0])}
            for row in found.equal
        ],
        "metrics": [_metric_document(row) for row in found.metrics],
        "groups": None if found.groups is None else list(group_documents(found.groups)),
    }


def _exact(values: Sequence[Any]) -> list[Any]:
    # JSON has booleans of its own; `exact_value` makes them texts, as CSV needs.
    return [value if isinstance(value, bool) else exact_value(value) for value in values]


def _metric_document(row: MetricRow) -> dict[str, Any]:
    """Return the JSON document of a metric."""
    return {
        "name": row.name,
        "goal": row.goal or None,
        "best": row.best,
        "summary": None if row.summary is None else summary_document(row.summary),
        "values": [
            None
            if each is None
            else {name: exact_value(getattr(each, name)) for name in ("last", *WHICH)}
            for each in row.values
        ],
    }


def comparison_cells(found: ExperimentComparison) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the rows for CSV: one row for each experiment."""
    columns = [_value_column(row) for row in found.different]
    for row in found.metrics:
        columns += _metric_columns(row)
    header = ["id", *(name for name, _ in columns)]
    return header, [
        [str(each.id), *(values[index] for _, values in columns)]
        for index, each in enumerate(found.founds)
    ]


def _value_column(row: ValueRow) -> tuple[str, Sequence[Any]]:
    return f"{PREFIXES.get(row.section, row.section)}.{row.name}", row.values


def _metric_columns(row: MetricRow) -> list[tuple[str, Sequence[Any]]]:
    """Return the column of the last values, and those of the curve if there is one."""
    columns: list[tuple[str, Sequence[Any]]] = [
        (f"metrics.{row.name}", [each.last if each else None for each in row.values])
    ]
    for which in WHICH if row.has_curve else ():
        values = [getattr(each, which) if each else None for each in row.values]
        if any(value is not None for value in values):
            columns.append((f"metrics.{row.name}.{which}", values))
    return columns
