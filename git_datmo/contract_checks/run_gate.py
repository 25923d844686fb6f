"""Refuse or warn where contracts of the working tree do not fit. No data are read.

Commands call these functions in every repository, so nothing is loaded where no contract is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.contract_checks.contract_folder import has_contracts
from git_datmo.errors import DatmoError
from git_datmo.repository.workspace import Workspace

if TYPE_CHECKING:
    from git_datmo.contract_checks.branch_check import ContractScene

SETTING = "datmo.contract"
ENFORCE = "enforce"
# The tag of a run that was started although contracts do not fit.
TAG = "no-contract"
_MOST_NAMED = 5


def find_misfits(ws: Workspace) -> tuple[str, ...]:
    """Return a line for each mismatch of contracts, with data, model, field and commit.

    With `datmo.contract=enforce`, thresholds of quality that are not promised count as well.
    """
    # A bare repository has no files that a contract could be about.
    if ws.repo.top is None or not has_contracts(ws.root):
        return ()
    from git_datmo.contract_checks.branch_check import ContractScene

    return name_scene(ws, ContractScene(ws))


def name_scene(ws: Workspace, scene: ContractScene) -> tuple[str, ...]:
    """Return a line for each invalid contract and each mismatch, as `find_misfits` does."""
    invalid = [file.problem for file in scene.files if file.contract is None]
    levels = ("refuse", "warn") if is_enforced(ws) else ("refuse",)
    found = [one.line for one in scene.findings() if one.finding.level in levels]
    return (*invalid, *found)


def is_enforced(ws: Workspace) -> bool:
    """Return whether contracts are enforced; raise `DatmoError` for an unknown setting."""
    value = ws.repo.config.get(SETTING, "warn")
    if value not in ("warn", ENFORCE):
        raise DatmoError(
            f"{SETTING} is '{value}', not warn or {ENFORCE}", f"git config {SETTING} warn"
        )
    return value == ENFORCE


def refuse_misfits(ws: Workspace) -> None:
    """Raise `DatmoError` if contracts of the working tree do not fit."""
    lines = find_misfits(ws)
    if lines:
        raise DatmoError(
            count_misfits(lines),
            "mend the contract or the data ('git datmo contract check' shows all), or run with"
            " --no-contract, which is recorded",
        )


def refuse_push_of_misfits(ws: Workspace) -> tuple[str, ...]:
    """Return warnings about contracts for a push; raise `DatmoError` if they are enforced."""
    lines = find_misfits(ws)
    if lines and is_enforced(ws):
        raise DatmoError(
            count_misfits(lines),
            f"mend the contract or the data, or set {SETTING} to warn",
        )
    return name_misfits(lines)


def name_misfits(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first lines, and the number of others."""
    more = len(lines) - _MOST_NAMED
    others = [f"{more} more findings: 'git datmo contract check' shows them"] if more > 0 else []
    return (*lines[:_MOST_NAMED], *others)


def count_misfits(lines: tuple[str, ...]) -> str:
    """Return the first line, and the number of others."""
    more = len(lines) - 1
    return f"{lines[0]} (and {more} more)" if more else lines[0]
