"""Make the document of contracts: fields, versions, compatibility, checks and drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from git_datmo.contracts.contract_changes import largest
from git_datmo.contracts.contract_types import Contract, Field
from git_datmo.contracts.field_words import describe_field
from git_datmo.history.experiments import Found
from git_datmo.report.check_words import count_words, describe_first, drift_words
from git_datmo.report.contract_overview import (
    CheckedVersion,
    ContractOverview,
    ContractPair,
    ContractVersion,
    describe_contracts,
    pair_contracts,
)
from git_datmo.report.experiment_columns import seconds_of
from git_datmo.web.page_state import PageState


def contracts_document(state: PageState) -> dict[str, Any]:
    """Return the contracts of HEAD, and the pairs of them that meet."""
    head = state.ws.head()
    found = describe_contracts(state.ws, head) if head is not None else ()
    return {
        "contracts": [_contract(each, has_values=state.options.has_previews) for each in found],
        "pairs": [_pair(each) for each in pair_contracts(found)],
    }


def recorded_checks(state: PageState, found: Found) -> list[dict[str, Any]]:
    """Return the recorded checks of an experiment's data, in the words of `git datmo show`.

    A page without code has no contracts.
    """
    if not state.options.has_code:
        return []
    return [
        {
            "contract": each.file,
            "verdict": each.verdict,
            "counts": count_words(each),
            "first": describe_first(each),
            "drift": drift_words(each.drift),
        }
        for each in state.checks.of(str(found.id), found.commit)
    ]


def _contract(overview: ContractOverview, *, has_values: bool) -> dict[str, Any]:
    """Return a contract; `has_values` tells whether values of rows are shown."""
    contract = overview.file.contract
    return {
        "file": overview.file.file,
        "name": contract.name if contract is not None else overview.file.name,
        "version": contract.version if contract is not None else "",
        "status": contract.status if contract is not None else "",
        "paths": list(contract.paths) if contract is not None else [],
        "problem": overview.file.problem,
        "tables": _tables(contract) if contract is not None else [],
        "versions": [_version(each) for each in overview.versions],
        "checks": [_check(each, has_values=has_values) for each in overview.checks],
    }


def _tables(contract: Contract) -> list[dict[str, Any]]:
    """Return the tables of a contract."""
    return [
        {
            "name": table.name,
            "port": table.port,
            "description": table.description,
            "fields": _fields(table.fields, ""),
        }
        for table in contract.tables
    ]


def _fields(fields: Sequence[Field], prefix: str) -> list[dict[str, Any]]:
    """Return fields, each before the fields within it."""
    found: list[dict[str, Any]] = []
    for field in fields:
        name = f"{prefix}{field.name}"
        kind, *rules = describe_field(field)
        found.append(
            {
                "name": name,
                "type": kind,
                "rules": rules,
                "classification": field.classification,
                "description": field.description,
            }
        )
        found += _fields(field.fields, f"{name}.")
        if field.items is not None:
            found += _fields((field.items,), f"{name}[]")
    return found


def _version(version: ContractVersion) -> dict[str, Any]:
    """Return a version of a contract."""
    return {
        "version": _number(version),
        "commit": version.commit,
        "author": version.author,
        "time": version.time,
        "subject": version.subject,
        "size": largest(version.changes) or "",
        "problem": version.problem,
        "changes": [
            {"path": each.path, "size": each.size, "reason": each.reason}
            for each in version.changes
        ],
    }


def _number(version: ContractVersion) -> str:
    """Return the version that a file states; '' if it is no contract."""
    contract = version.file.contract
    return contract.version if contract is not None else ""


def _pair(pair: ContractPair) -> dict[str, Any]:
    """Return a pair of contracts that meet."""
    return {
        "provider": pair.provider,
        "consumer": pair.consumer,
        "findings": list(pair.findings),
        "provided": [_label(each) for each in pair.provided],
        "required": [_label(each) for each in pair.required],
        "fits": [list(row) for row in pair.fits],
    }


def _label(version: ContractVersion) -> dict[str, str]:
    """Return the names of a version in a matrix."""
    return {"version": _number(version), "commit": version.commit}


def _check(found: CheckedVersion, *, has_values: bool) -> dict[str, Any]:
    """Return a check with its findings, and the drift of its fields."""
    check = found.check
    return {
        "commit": str(check.commit),
        "time": seconds_of(check.created),
        "author": check.author.name,
        "verdict": check.verdict,
        "files": len(check.paths),
        "rows": sum(each.rows for each in check.paths),
        "findings": [
            {
                "level": each.level,
                "path": each.path,
                "field": each.field,
                "message": each.message,
                "count": each.count,
                "samples": [
                    {"row": sample.row, "value": sample.value if has_values else ""}
                    for sample in each.samples
                ],
            }
            for each in check.findings
        ],
        "drift": [
            {
                "table": each.table,
                "field": each.field,
                "index": each.stability.index,
                "is_large": each.stability.is_large,
                "since": str(each.reference),
            }
            for each in found.drift
        ],
    }
