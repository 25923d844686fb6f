"""Describe the recorded check of a contract in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from git_datmo.report.experiment_checks import ContractCheck
from git_datmo.sizes import show_count

if TYPE_CHECKING:
    from git_datmo.contract_checks.field_drift import FieldDrift

# Of more fields that drifted, only the number is shown.
MOST_NAMES = 3


def check_words(check: ContractCheck) -> str:
    """Return the verdict of a check, the counts of files, rows and findings, and the drift."""
    words = (check.verdict, count_words(check), drift_words(check.drift))
    return ", ".join(filter(None, words))


def count_words(check: ContractCheck) -> str:
    """Return the counts of files, rows and findings of a check."""
    words = [show_count(check.files, "file")]
    if check.rows:
        words.append(show_count(check.rows, "row"))
    if check.errors:
        words.append(show_count(check.errors, "error"))
    if check.warnings:
        words.append(show_count(check.warnings, "warning"))
    if check.unchecked:
        words.append(f"{check.unchecked} unchecked")
    return ", ".join(words)


def drift_words(drift: Sequence[FieldDrift]) -> str:
    """Return the fields that drifted, and the commit of the earlier check; '' for none."""
    if not drift:
        return ""
    names = [each.field for each in drift[:MOST_NAMES]]
    if len(drift) > MOST_NAMES:
        names.append(f"{len(drift) - MOST_NAMES} more")
    since = str(drift[0].reference)[:10]
    return f"{show_count(len(drift), 'field')} drifted since {since} ({', '.join(names)})"


def describe_first(check: ContractCheck) -> str:
    """Return the first finding of a check; '' for none. It is text of a record."""
    finding = check.first
    if finding is None:
        return ""
    return f"{finding.field}: {finding.message}" if finding.field else finding.message
