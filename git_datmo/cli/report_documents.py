"""Make the JSON document of a report."""

from __future__ import annotations

from typing import Any

from git_datmo.cli.check_lines import check_documents
from git_datmo.cli.diff_sections import diff_document
from git_datmo.cli.feedback_lines import learned_keys
from git_datmo.cli.log_formats import exact_value
from git_datmo.cli.model_test_lines import model_test_documents
from git_datmo.report.experiment_report import ExperimentReport, JudgedMetric


def report_document(report: ExperimentReport) -> dict[str, Any]:
    """Return the JSON document of the report of one experiment."""
    snapshot = report.found.snapshot
    return {
        "id": str(report.found.id),
        "commit": str(report.found.commit),
        "author": snapshot.author.name,
        "message": snapshot.message,
        "base": None if report.base is None else str(report.base.id),
        "counts": dict(report.counts),
        "checks": check_documents(report.checks),
        "tests": model_test_documents(report.tests),
        "metrics": list(map(_metric_document, report.metrics)),
        "changes": None if report.changes is None else diff_document(report.changes),
        **learned_keys(report.feedback),
    }


def _metric_document(metric: JudgedMetric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "goal": metric.goal or None,
        "before": metric.before,
        "after": metric.after,
        "difference": exact_value(metric.difference),
        "verdict": metric.verdict,
    }
