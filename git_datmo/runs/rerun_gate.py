"""Refuse to rerun a snapshot whose own contracts do not fit, before any engine is asked.

The contracts are those of the snapshot's code, not those of the working tree.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.contract_checks.contract_folder import FOLDER
from git_datmo.contract_checks.run_gate import count_misfits, name_scene
from git_datmo.contract_checks.value_gate import name_broken
from git_datmo.errors import DatmoError
from git_datmo.git.object_encoding import TreeEntry
from git_datmo.model import Oid
from git_datmo.objects.stored_folders import find_path
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.payloads.record_claims import ClaimedContent, refuse_false_claims
from git_datmo.progress import Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_parts import Parts

if TYPE_CHECKING:
    from git_datmo.contract_checks.contract_files import ContractFile

_HINT = (
    "rerun it with --no-contract, which is recorded, or reproduce an experiment whose contracts fit"
)


def refuse_unfit_contracts(
    ws: Workspace, parts: Parts, commit: Oid, progress: Progress
) -> tuple[ContractFile, ...]:
    """Return the contracts of a rerun's code; raise `DatmoError` if they do not fit each other.

    Only the contracts are fetched. `commit` is the snapshot's, whose history names the commits.
    """
    node = _contract_folder(ws, parts, progress)
    if node is None:
        return ()
    from git_datmo.contract_checks.branch_check import ContractScene

    files = _read_contracts(ws, parts, node, progress)
    lines = name_scene(ws, ContractScene(ws, commit, files))
    if lines:
        raise DatmoError(count_misfits(lines), _HINT)
    return files


def refuse_broken_inputs(
    ws: Workspace,
    parts: Parts,
    files: Iterable[ContractFile],
    commit: Oid,
    progress: Progress,
) -> None:
    """Raise `DatmoError` if data of a rerun break a contract that is bound to them.

    Contracts of data that the rerun does not place are left out. Recorded results are not computed
    again. If a library that reads the data is missing, a line says that nothing was checked.
    """
    from git_datmo.contract_checks.recorded_checks import bind_contract
    from git_datmo.contracts.table_readers.table_batches import MissingLibrary
    from git_datmo.runs.stored_checks import check_stored

    placed = [path for path, _ in parts.placed()]
    bound = [
        bind_contract(ws, file.contract, file.blob, parts.data, progress)
        for file in files
        if file.contract is not None
    ]
    wanted = [each for each in bound if _is_placed(each.bound.paths, placed)]
    try:
        checks = check_stored(ws, wanted, parts.data, commit, progress)
    except MissingLibrary as error:
        progress.tell(f"warning: contracts are not checked: {error.what}")
        return
    line = name_broken(checks)
    if line:
        raise DatmoError(line, _HINT)


def _contract_folder(ws: Workspace, parts: Parts, progress: Progress) -> Node | None:
    """Return the folder of contracts in a rerun's code; None if there is none."""
    if parts.code is None:
        return None

    def read(tree: Oid) -> Iterator[TreeEntry]:
        if tree not in ws.store:
            from git_datmo.remotes.fetch_objects import obtain_trees

            obtain_trees(ws, [tree], progress=progress)
        return ws.store.read_tree(tree)

    return find_path(root_node(parts.code), [os.fsencode(FOLDER)], read)


def _read_contracts(
    ws: Workspace, parts: Parts, node: Node, progress: Progress
) -> tuple[ContractFile, ...]:
    """Return the contracts of a stored folder, which is fetched."""
    from git_datmo.contract_checks.contract_files import contracts_below
    from git_datmo.remotes.required_objects import require
    from git_datmo.runs.rerun_inputs import place

    assert parts.code is not None
    require(ws, [(FOLDER, node)], progress=progress)
    # The record has no extent of a part of the code, so that of all code is the bound.
    refuse_false_claims(ws, [ClaimedContent(FOLDER, node, parts.code.files, parts.code.size)])
    with tempfile.TemporaryDirectory(prefix="contracts-", dir=ws.state) as folder:
        place(ws, [(FOLDER, node)], Path(folder), progress)
        return contracts_below(Path(folder), ws.repo.format)


def _is_placed(bound: Iterable[str], placed: Iterable[str]) -> bool:
    """Return whether a bound path is, holds or is within a path that is placed."""
    tops = [f"{path}/" for path in placed]
    return any(
        f"{path}/".startswith(top) or top.startswith(f"{path}/") for path in bound for top in tops
    )
