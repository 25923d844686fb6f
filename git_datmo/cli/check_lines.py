"""Show the recorded checks of an experiment's data against contracts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from git_datmo.cli.text_tables import shorten
from git_datmo.report.check_words import check_words, describe_first
from git_datmo.report.experiment_checks import ContractCheck


def check_lines(checks: Iterable[ContractCheck]) -> Iterator[str]:
    """Yield a line for each check: the contract, the verdict, counts, and the first finding."""
    for check in checks:
        first = describe_first(check)
        finding = f": {shorten(first)}" if first else ""
        yield f"{shorten(check.file)} {shorten(check_words(check))}{finding}"


def check_documents(checks: Iterable[ContractCheck]) -> list[dict[str, Any]]:
    """Return the key `checks` of the JSON document of an experiment."""
    return [
        {
            "contract": check.file,
            "verdict": check.verdict,
            "files": check.files,
            "rows": check.rows,
            "errors": check.errors,
            "warnings": check.warnings,
            "unchecked": check.unchecked,
            "first": describe_first(check),
            "drift": [
                {
                    "table": each.table,
                    "field": each.field,
                    "index": each.stability.index,
                    "since": str(each.reference),
                }
                for each in check.drift
            ],
            "author": check.author,
            "created": check.created,
        }
        for check in checks
    ]
