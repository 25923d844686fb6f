"""Refuse work on data that break their contracts, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from git_datmo.contract_checks.contract_folder import has_contracts
from git_datmo.contracts.contract_types import Finding
from git_datmo.errors import DatmoError
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace

if TYPE_CHECKING:
    from git_datmo.contract_checks.check_file import FileCheck


def refuse_broken_data(ws: Workspace, *, progress: Progress = QUIET) -> None:
    """Raise `DatmoError` if data of the working tree break the contract that is bound to them.

    Without contracts, this costs one `stat`. Results that are recorded are not computed again. If
    a library that reads the data is missing, a line says that nothing was checked.
    """
    if not has_contracts(ws.root):
        return
    from git_datmo.contract_checks.contract_files import find_contracts
    from git_datmo.contract_checks.worktree_checks import check_worktree
    from git_datmo.contracts.table_readers.table_batches import MissingLibrary

    try:
        checks = check_worktree(ws, find_contracts(ws), progress=progress)
    except MissingLibrary as error:
        progress.tell(f"warning: contracts are not checked: {error.what}")
        return
    line = name_broken(checks)
    if line:
        raise DatmoError(
            line,
            "'git datmo contract check' shows all; mend the data or the contract, or use"
            " --no-contract",
        )


def name_broken(checks: Iterable[FileCheck]) -> str:
    """Return the first error of checks with the number of other broken paths; '' for none."""
    broken = [check for check in checks if check.verdict == "broken"]
    if not broken:
        return ""
    first = next(found for found in broken[0].findings if found.level == "refuse")
    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    return f"'{broken[0].path}' breaks {broken[0].contract.file}: {_describe(first)}{more}"


def _describe(finding: Finding) -> str:
    """Return the field and the message of a finding, with its first row."""
    field = f"{finding.field}: " if finding.field else ""
    row = f" (row {finding.rows[0][0]})" if finding.rows and finding.rows[0][0] else ""
    return f"{field}{finding.message}{row}"
