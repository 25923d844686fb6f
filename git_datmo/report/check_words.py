"""Describe the recorded check of a contract in words."""

from __future__ import annotations

from git_datmo.report.experiment_checks import ContractCheck
from git_datmo.sizes import show_count


def check_words(check: ContractCheck) -> str:
    """Return the verdict of a check, and the counts of files, rows and findings."""
    words = [check.verdict, show_count(check.files, "file")]
    if check.rows:
        words.append(show_count(check.rows, "row"))
    if check.errors:
        words.append(show_count(check.errors, "error"))
    if check.warnings:
        words.append(show_count(check.warnings, "warning"))
    if check.unchecked:
        words.append(f"{check.unchecked} unchecked")
    return ", ".join(words)


def describe_first(check: ContractCheck) -> str:
    """Return the first finding of a check; '' for none. It is text of a record."""
    finding = check.first
    if finding is None:
        return ""
    return f"{finding.field}: {finding.message}" if finding.field else finding.message
