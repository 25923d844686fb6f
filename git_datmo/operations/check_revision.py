"""Check the data of any commit or experiment against the contracts of its commit."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.contract_checks.check_file import FileCheck
from git_datmo.contract_checks.contract_files import CommittedContracts
from git_datmo.contract_checks.recorded_checks import bind_contract
from git_datmo.contracts.contract_types import Contract
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.payloads.checkout_target import find_experiment
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.stored_checks import check_stored


def check_revision(
    ws: Workspace, name: str, *, may_be_empty: bool = False, progress: Progress = QUIET
) -> list[FileCheck]:
    """Return the checks of the payloads of the experiment or commit `name`.

    Only payloads that a contract is bound to are fetched, to a temporary folder. Raises
    `DatmoError` if a contract is invalid; also if no contract is bound to a payload, or the commit
    has no experiment, unless the result `may_be_empty`.
    """
    try:
        found = find_experiment(ws, History(ws), name, progress=progress)
    except DatmoError:
        if may_be_empty:
            return []
        raise
    payloads, commit = found.snapshot.payloads, found.snapshot.commit
    wanted = [
        bind_contract(ws, *each, payloads, progress) for each in _read_contracts(ws, commit, name)
    ]
    wanted = [each for each in wanted if each.bound.paths]
    if not wanted and may_be_empty:
        return []
    if not wanted:
        raise DatmoError(
            f"no contract of '{name}' is bound to its data",
            "write one for the data at PATH with 'git datmo contract infer PATH'",
        )
    return check_stored(ws, wanted, payloads, commit, progress)


def _read_contracts(ws: Workspace, commit: Oid, name: str) -> Iterator[tuple[Contract, Oid]]:
    """Yield the contracts of a commit with their blobs."""
    for file in CommittedContracts(ws.odb).of(commit):
        if file.contract is None or file.blob is None:
            raise DatmoError(f"contract '{file.file}' of '{name}': {file.problem}", "mend it")
        yield file.contract, file.blob
