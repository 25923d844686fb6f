"""Warn of data that are added and whose headers do not fit their contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from git_datmo.contract_checks.contract_folder import has_contracts
from git_datmo.repository.workspace import Workspace

MOST_NAMED = 10


def name_misfits_of_headers(ws: Workspace, paths: Sequence[str]) -> tuple[str, ...]:
    """Return a line for each finding about tables at or below `paths`.

    Without contracts, this costs one `stat`. Contracts that are invalid are left out: `status` and
    `run` name them. If a library that reads the data is missing, a line says so.
    """
    if not has_contracts(ws.root):
        return ()
    from git_datmo.contracts.table_readers.table_batches import MissingLibrary

    lines: list[str] = []
    try:
        lines.extend(_find_misfits(ws, paths))
    except MissingLibrary as error:
        lines.append(f"contracts are not checked: {error.what}")
    if len(lines) <= MOST_NAMED:
        return tuple(lines)
    more = len(lines) - MOST_NAMED
    return (*lines[:MOST_NAMED], f"{more} more: 'git datmo contract check' shows all")


def _find_misfits(ws: Workspace, paths: Sequence[str]) -> Iterator[str]:
    """Yield a line for each finding, with the path, the field and the contract's file."""
    from git_datmo.contract_checks.check_headers import check_headers
    from git_datmo.contract_checks.contract_files import worktree_contracts

    contracts = [each.contract for each in worktree_contracts(ws) if each.contract is not None]
    for check in check_headers(ws.root, contracts, paths):
        for finding in check.findings:
            field = f"{finding.field}: " if finding.field else ""
            yield f"'{check.path}' does not fit {check.contract.file}: {field}{finding.message}"
