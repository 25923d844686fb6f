"""Check the data of the working tree against its contracts, or recall what is recorded."""

from __future__ import annotations

import os
from collections.abc import Sequence

from git_datmo.contract_checks.check_file import FileCheck
from git_datmo.contract_checks.check_paths import bound_paths, check_paths, is_within
from git_datmo.contract_checks.field_drift import add_drift
from git_datmo.contract_checks.recorded_checks import (
    CheckedData,
    bind_contract,
    finish_profiles,
    recall_check,
    record_check,
)
from git_datmo.contracts.contract_types import Contract, Finding
from git_datmo.contracts.sampled_fields import SampledFields
from git_datmo.model import Oid
from git_datmo.payloads.payload_changes import current_tracking, find_differences
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import quote_word


def hash_contract(ws: Workspace, contract: Contract) -> Oid:
    """Return the blob id of a contract's file in the working tree."""
    with open(os.path.join(ws.root, contract.file), "rb") as file:
        return ws.odb.format.hash("blob", file.read())


def check_worktree(
    ws: Workspace,
    contracts: Sequence[Contract],
    within: str = "",
    *,
    progress: Progress = QUIET,
) -> list[FileCheck]:
    """Return the checks of the data that contracts are bound to.

    With `within`, only data at this path count. Data of payloads that did not change, whose check
    is recorded, are not read. Of a check of all that a contract is bound to, a record is made.
    Fields that are distributed differently than in the last checked version have a warning.
    """
    head, tracking = ws.head(), current_tracking(ws)
    changed = {path for path, found in find_differences(ws, tracking).items() if found}
    stored = [t.payload for t in tracking.payloads if t.payload.path not in changed]
    done: list[FileCheck] = []
    for contract in contracts:
        wanted = bind_contract(ws, contract, hash_contract(ws, contract), stored, progress)
        here = [path for _, path in bound_paths(ws.root, [contract])]
        # A record names stored objects, so data outside of payloads have none.
        is_stored = set(here) <= set(wanted.bound.paths)
        known = recall_check(ws, wanted) if is_stored and wanted.bound.paths else None
        if known is not None:
            subject = wanted.bound.subject
            told = add_drift(ws, contract, subject, head, known.checks, known.profiles)
            done += [check for check in told if is_within(check.path, within)]
            continue
        is_whole = is_stored and len(here) == len(wanted.bound.paths)
        checked = [path for path in here if is_within(path, within)]
        pairs = [(contract, path) for path in checked]
        samples: dict[str, SampledFields] = {}
        found = list(check_paths(ws.root, pairs, ws.state, samples, progress=progress))
        # A record names a commit, which a new repository does not have.
        if len(checked) == len(here) > 0 and head is not None:
            data = CheckedData(tuple(found), finish_profiles(samples))
            if is_whole:
                record_check(ws, wanted, head, data)
            found = add_drift(ws, contract, wanted.bound.subject, head, found, data.profiles)
        done += found
        missing = set(wanted.bound.paths) - set(here)
        done += [_not_here(contract, p) for p in sorted(missing) if is_within(p, within)]
    return done


def _not_here(contract: Contract, path: str) -> FileCheck:
    """Return the check of data that are stored, but not in the working tree."""
    message = f"not in the working tree: 'git datmo checkout -- {quote_word(path)}' fetches it"
    return FileCheck(
        contract, path, (Finding("unchecked", "present", contract.id, "", "", message),)
    )
