"""Check stored payloads against contracts, or recall the recorded results."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from git_datmo.contract_checks.check_file import FileCheck
from git_datmo.contract_checks.check_paths import check_paths
from git_datmo.contract_checks.field_drift import add_drift
from git_datmo.contract_checks.recorded_checks import (
    CheckedData,
    ContractObjects,
    finish_profiles,
    recall_check,
    record_check,
)
from git_datmo.contracts.sampled_fields import SampledFields
from git_datmo.model import Oid, Payload
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.record_claims import ClaimedContent, refuse_false_claims
from git_datmo.progress import Progress
from git_datmo.remotes.required_objects import require
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_inputs import place


def check_stored(
    ws: Workspace,
    wanted: Sequence[ContractObjects],
    payloads: Sequence[Payload],
    commit: Oid,
    progress: Progress,
) -> list[FileCheck]:
    """Return the checks of all payloads that contracts are bound to.

    Only data without a recorded result are fetched and read. The new results are records of
    `commit`.
    """
    done: list[FileCheck] = []
    for each in wanted:
        found = recall_check(ws, each) or _check(ws, each, payloads, commit, progress)
        subject = each.bound.subject
        done += add_drift(ws, each.contract, subject, commit, found.checks, found.profiles)
    return done


def _check(
    ws: Workspace,
    wanted: ContractObjects,
    payloads: Sequence[Payload],
    commit: Oid,
    progress: Progress,
) -> CheckedData:
    """Fetch the payloads that a contract is bound to, check them, and record the result."""
    paths = wanted.bound.paths
    held = [
        each for each in payloads if any(f"{path}/".startswith(f"{each.path}/") for path in paths)
    ]
    nodes = [(each.path, root_node(each.content)) for each in held]
    with tempfile.TemporaryDirectory(prefix="checked-", dir=ws.state) as folder:
        require(ws, nodes, progress=progress)
        for payload, (path, node) in zip(held, nodes, strict=True):
            content = payload.content
            refuse_false_claims(ws, [ClaimedContent(path, node, content.files, content.size)])
        place(ws, nodes, Path(folder), progress)
        pairs = [(wanted.contract, path) for path in paths]
        samples: dict[str, SampledFields] = {}
        checks = tuple(check_paths(Path(folder), pairs, ws.state, samples, progress=progress))
    found = CheckedData(checks, finish_profiles(samples))
    record_check(ws, wanted, commit, found)
    return found
