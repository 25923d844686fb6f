"""Compare the contracts of two commits, or of a commit and the working tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.contract_checks.contract_files import (
    CommittedContracts,
    ContractFile,
    worktree_contracts,
)
from git_datmo.contracts.contract_changes import (
    Change,
    contract_changes,
    largest,
    version_problem,
)
from git_datmo.contracts.odcs_file import contract_name
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ContractDiff:
    """The changes of one contract. `state` is added, removed, changed or invalid.

    `problem` says that the version is too low for the changes, or that a version is no contract.
    """

    file: str
    state: str
    old_version: str
    new_version: str
    changes: tuple[Change, ...] = ()
    problem: str = ""

    @property
    def size(self) -> str:
        """Return the size of the largest change; empty for none."""
        return largest(self.changes) or ""

    @property
    def title(self) -> str:
        """Return the name of the contract with its versions and the size of its change."""
        name = contract_name(self.file)
        if self.state == "added":
            return f"{name} {self.new_version}: added"
        if self.state == "removed":
            return f"{name} {self.old_version}: removed"
        if self.old_version == self.new_version:
            return f"{name} {self.new_version}: {self.size or 'text'} change"
        versions = f"{self.old_version} -> {self.new_version}"
        return f"{name} {versions}: {self.size or 'text'} change"


def diff_contracts(ws: Workspace, one: str, other: str = "") -> tuple[ContractDiff, ...]:
    """Return the contracts that differ from commit `one` to `other`, or to the working tree."""
    committed = CommittedContracts(ws.odb)
    before = committed.of(ws.repo.resolve(one))
    after = committed.of(ws.repo.resolve(other)) if other else worktree_contracts(ws)
    return compare_files(before, after)


def compare_files(
    before: Iterable[ContractFile], after: Iterable[ContractFile]
) -> tuple[ContractDiff, ...]:
    """Return the differences of two sets of contract files, sorted by path."""
    old, new = {one.file: one for one in before}, {one.file: one for one in after}
    found = []
    for path in sorted({*old, *new}):
        if path not in old:
            found.append(ContractDiff(path, "added", "", _version(new[path])))
        elif path not in new:
            found.append(ContractDiff(path, "removed", _version(old[path]), ""))
        elif old[path].blob != new[path].blob:
            found.append(_changed(old[path], new[path]))
    return tuple(found)


def _changed(old: ContractFile, new: ContractFile) -> ContractDiff:
    versions = _version(old), _version(new)
    if old.contract is None or new.contract is None:
        return ContractDiff(new.file, "invalid", *versions, problem=new.problem or old.problem)
    changes = contract_changes(old.contract, new.contract)
    problem = version_problem(old.contract, new.contract, changes)
    return ContractDiff(new.file, "changed", *versions, changes, problem)


def _version(file: ContractFile) -> str:
    return file.contract.version if file.contract is not None else ""
