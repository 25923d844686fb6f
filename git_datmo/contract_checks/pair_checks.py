"""Checks of contracts against each other, in the form of checks of data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from git_datmo.contract_checks.branch_check import Branch, ContractScene
from git_datmo.contract_checks.changed_contracts import compare_files
from git_datmo.contract_checks.check_file import FileCheck
from git_datmo.contract_checks.contract_files import CommittedContracts
from git_datmo.contract_checks.meeting_check import MeetingFinding
from git_datmo.contracts.compatibility import meetings
from git_datmo.contracts.contract_types import Contract, Finding
from git_datmo.contracts.odcs_file import contract_name
from git_datmo.repository.workspace import Workspace

CONTRACTS, VERSION = "contracts compared", "version compared"


def check_pairs(scene: ContractScene) -> list[FileCheck]:
    """Return a check for each contract that requires something of another one."""
    contracts = [one.contract for one in scene.valid.values() if one.contract is not None]
    consumers = {
        meeting.consumer.file: meeting.consumer for meeting in meetings(contracts, contracts)
    }
    found = scene.findings()
    return [
        FileCheck(
            consumer,
            subject_of(consumer),
            tuple(_finding(one) for one in found if one.consumer.file == path),
            scope=CONTRACTS,
        )
        for path, consumer in consumers.items()
    ]


def subject_of(contract: Contract) -> str:
    """Return the path that a contract is bound to, else the path of its file."""
    return contract.paths[0] if contract.paths else contract.file


def check_branches(found: Iterable[MeetingFinding]) -> list[FileCheck]:
    """Return a check for each branch and contract that findings name."""
    groups: dict[tuple[str, str], list[MeetingFinding]] = {}
    for one in found:
        groups.setdefault((one.ref, one.consumer.file), []).append(one)
    return [
        FileCheck(
            group[0].consumer,
            f"{ref}:{subject_of(group[0].consumer)}",
            tuple(map(_finding, group)),
            scope=CONTRACTS,
        )
        for (ref, _), group in groups.items()
    ]


def check_unread(scene: ContractScene, branches: Iterable[Branch]) -> Iterator[FileCheck]:
    """Yield a check for each file of a branch that is no valid contract, once for all branches.

    Nothing is known of the data or the model that it is about.
    """
    seen = {file.blob for file in scene.files}
    for branch in branches:
        for file in scene.committed.of(branch.commit):
            if file.contract is None and file.blob not in seen:
                seen.add(file.blob)
                finding = Finding("unchecked", "contract", file.name, "", "", file.problem)
                contract = Contract(file.name, file.name, file=file.file)
                yield FileCheck(contract, f"{branch.name}:{file.file}", (finding,))


def check_versions(ws: Workspace, base: str, scene: ContractScene) -> list[FileCheck]:
    """Return a check for each contract that changed since a commit: its version must rise."""
    before = CommittedContracts(ws.odb).of(ws.repo.resolve(base))
    checks = []
    for diff in compare_files(before, scene.files):
        file = scene.valid.get(diff.file)
        if diff.state != "changed" or file is None or file.contract is None:
            continue
        name = contract_name(diff.file)
        problem = [Finding("refuse", "version", name, "", "", diff.problem)] if diff.problem else []
        checks.append(FileCheck(file.contract, diff.file, tuple(problem), scope=VERSION))
    return checks


def _finding(one: MeetingFinding) -> Finding:
    """Return the finding of a meeting with data, model, branch and commits in its message."""
    return replace(one.finding, message=one.line)
