"""Check the data of any commit or experiment against the contracts of its commit."""

from __future__ import annotations

import tempfile
from pathlib import Path

from git_datmo.contract_checks.check_file import FileCheck
from git_datmo.contract_checks.check_paths import bound_paths, check_paths, is_bound
from git_datmo.contract_checks.contract_files import CommittedContracts
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import History
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.checkout_target import find_experiment
from git_datmo.payloads.record_claims import ClaimedContent, refuse_false_claims
from git_datmo.progress import QUIET, Progress
from git_datmo.remotes.required_objects import require
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_inputs import place


def check_revision(
    ws: Workspace, name: str, *, may_be_empty: bool = False, progress: Progress = QUIET
) -> list[FileCheck]:
    """Return the checks of the payloads of the experiment or commit `name`.

    Only payloads that a contract is bound to are fetched, to a temporary folder. Raises
    `DatmoError` if a contract is invalid; also if no contract is bound to a payload, or the commit
    has no experiment, unless the result `may_be_empty`.
    """
    history = History(ws)
    try:
        found = find_experiment(ws, history, name, progress=progress)
    except DatmoError:
        if may_be_empty:
            return []
        raise
    files = CommittedContracts(ws.odb).of(found.snapshot.commit)
    contracts = []
    for file in files:
        if file.contract is None:
            raise DatmoError(f"contract '{file.file}' of '{name}': {file.problem}", "mend it")
        contracts.append(file.contract)
    payloads = [each for each in found.snapshot.payloads if is_bound(contracts, each.path)]
    if not payloads and may_be_empty:
        return []
    if not payloads:
        raise DatmoError(
            f"no contract of '{name}' is bound to its data",
            "write one for the data at PATH with 'git datmo contract infer PATH'",
        )
    with tempfile.TemporaryDirectory(prefix="checked-", dir=ws.state) as folder:
        nodes = [(each.path, root_node(each.content)) for each in payloads]
        require(ws, nodes, progress=progress)
        for payload, (path, node) in zip(payloads, nodes, strict=True):
            content = payload.content
            refuse_false_claims(ws, [ClaimedContent(path, node, content.files, content.size)])
        place(ws, nodes, Path(folder), progress)
        bound = bound_paths(Path(folder), contracts)
        return list(check_paths(Path(folder), bound, ws.state, progress=progress))
