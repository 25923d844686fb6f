"""Compare two experiments: parameters, metrics, environment, data, code and command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from git_datmo.contract_checks.contract_folder import FOLDER
from git_datmo.environments.environment_diff import PackageChange, compare
from git_datmo.environments.environment_files import Environment
from git_datmo.environments.manifest import Manifest
from git_datmo.history.experiments import Found
from git_datmo.progress import Progress
from git_datmo.query.aggregate import to_float
from git_datmo.query.evaluate import as_number
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Run
from git_datmo.report.code_patch import code_patch
from git_datmo.report.data_changes import DataChange, compare_data
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.environment_commands import load_environment
from git_datmo.terminal_text import quote_words

if TYPE_CHECKING:
    from git_datmo.contract_checks.changed_contracts import ContractDiff


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value that differs; None if an experiment does not have it."""

    name: str
    before: Value | None
    after: Value | None

    @property
    def difference(self) -> float | None:
        """Return the difference of two numbers, else None."""
        one, other = as_number(self.before), as_number(self.after)
        return None if one is None or other is None else to_float(other) - to_float(one)


@dataclass(frozen=True, slots=True)
class ExperimentDiff:
    """Differences of two experiments, one field for each section; an empty one for none.

    `environment_note` says why environments that differ cannot be compared by package.
    """

    one: Found
    other: Found
    command: tuple[ValueChange, ...]
    parameters: tuple[ValueChange, ...]
    metrics: tuple[ValueChange, ...]
    environment: tuple[PackageChange, ...]
    environment_note: str
    data: tuple[DataChange, ...]
    code: str
    contracts: tuple[ContractDiff, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Return True if no section has a difference."""
        values = (self.command, self.parameters, self.metrics, self.environment, self.data)
        if any(values) or self.contracts:
            return False
        return not self.environment_note and not self.code


def diff_experiments(
    ws: Workspace,
    one: Found,
    other: Found,
    *,
    paths: Sequence[str] = (),
    stat: bool = False,
    progress: Progress,
) -> ExperimentDiff:
    """Return the differences from `one` to `other`.

    With `paths`, only data and code at these paths are compared.
    """
    code = code_patch(ws, one, other, paths, stat=stat, progress=progress)
    data = compare_data(ws, one, other, paths)
    if paths:
        return ExperimentDiff(one, other, (), (), (), (), "", data, code)
    before, after = one.snapshot, other.snapshot
    environment, note = _compare_environments(ws, one, other, progress)
    return ExperimentDiff(
        one,
        other,
        command=compare_values(command_values(before.run), command_values(after.run)),
        parameters=compare_values(before.parameters, after.parameters),
        metrics=compare_values(before.metrics, after.metrics),
        environment=environment,
        environment_note=note,
        data=data,
        code=code,
        contracts=_compare_contracts(ws, one, other),
    )


def _compare_contracts(ws: Workspace, one: Found, other: Found) -> tuple[ContractDiff, ...]:
    """Return the contracts that differ; nothing is loaded if neither commit has contracts."""
    sides = [f"{side.commit}:{FOLDER}" for side in (one, other)]
    before, after = (ws.odb.resolve(side) for side in sides)
    # Equal trees of the folder need no reading of its files.
    if before == after:
        return ()
    from git_datmo.contract_checks.changed_contracts import compare_files
    from git_datmo.contract_checks.contract_files import CommittedContracts

    committed = CommittedContracts(ws.odb)
    return compare_files(committed.of(one.commit), committed.of(other.commit))


def compare_values(
    before: Mapping[str, Value], after: Mapping[str, Value]
) -> tuple[ValueChange, ...]:
    """Return the values that differ in value or type, by name."""
    return tuple(
        ValueChange(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if not is_same(before.get(name), after.get(name))
    )


def is_same(one: Value | None, other: Value | None) -> bool:
    """Return True for equal values; a boolean never equals a number."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def command_values(run: Run | None) -> dict[str, Value]:
    """Return the command of a run, its folder, engine and exit code."""
    if run is None:
        return {}
    values: dict[str, Value] = {
        "command": quote_words(run.command),
        "folder": run.folder or ".",
        "engine": run.engine,
    }
    if run.exit_code is not None:
        values["exit code"] = run.exit_code
    return values


def _compare_environments(
    ws: Workspace, one: Found, other: Found, progress: Progress
) -> tuple[tuple[PackageChange, ...], str]:
    """Return the changes of the environment, and why environments cannot be compared."""
    contents = [found.snapshot.environment for found in (one, other)]
    if contents[0] == contents[1]:
        return (), ""
    if None in contents:
        which = "first" if contents[0] is None else "second"
        return (), f"the {which} experiment has no environment"
    loaded: list[tuple[Environment, Manifest]] = []
    for found in (one, other):
        stored = load_environment(ws, found, progress=progress)
        loaded.append((stored.environment, stored.manifest))
    (old, before), (new, after) = loaded
    changes = compare(old, new, before, after)
    # The content differs, but in nothing that the comparison shows.
    return changes, "" if changes else "the environments differ in other files"
