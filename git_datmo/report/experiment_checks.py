"""Summarise the recorded checks of experiments' data against the contracts of their commits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError
from git_datmo.history.experiments import History
from git_datmo.model import Oid, Payload
from git_datmo.records.catalog import Row, in_order
from git_datmo.records.check_record import Check, CheckFinding
from git_datmo.repository.workspace import Workspace

if TYPE_CHECKING:
    from git_datmo.contract_checks.contract_files import CommittedContracts, ContractFile
    from git_datmo.contract_checks.field_drift import CheckHistory, FieldDrift


@dataclass(frozen=True, slots=True)
class ContractCheck:
    """Recorded result of checking an experiment's data against a contract.

    `file` is the contract's file. `errors`, `warnings` and `unchecked` count findings. `first` is
    the first finding of the level that decided the verdict, or None. `drift` has the fields whose
    values are distributed differently than in the check before.
    """

    file: str
    verdict: str
    files: int
    rows: int
    errors: int
    warnings: int
    unchecked: int
    first: CheckFinding | None
    author: str
    created: str
    drift: tuple[FieldDrift, ...] = ()


class ExperimentChecks:
    """Checks of experiments, found by the data that they have and the contracts of their commits.

    No data are read or fetched, and without a recorded check, no contract is read either. A check
    of a part of a folder is found only if the folder's trees are in the local store.
    """

    def __init__(self, ws: Workspace, history: History) -> None:
        self._ws = ws
        self._history = history
        self._has_checks = any(row.kind == Check.kind for row in history.catalog.rows)
        self._committed: CommittedContracts | None = None
        # Most experiments share their data and contracts with others.
        self._found: dict[tuple[str, Oid, str], Check | None] = {}
        self._checks: CheckHistory | None = None

    def of(self, record: str, commit: Oid) -> tuple[ContractCheck, ...]:
        """Return the checks of the snapshot `record`, which belongs to `commit`."""
        return tuple(
            summarise_check(check, self._drift_of(check)) for check in self.records(record, commit)
        )

    def records(self, record: str, commit: Oid) -> tuple[Check, ...]:
        """Return the records of these checks."""
        return tuple(self._read(record, commit)) if self._has_checks else ()

    def rows(self, record: str, commit: Oid) -> list[Row]:
        """Return the rows of all checks of a snapshot's data, and of those made at its commit.

        Several people may have checked the same data. The rows are in order of time.
        """
        note = self._history.catalog.notes.get(str(commit))
        named = (self._history.catalog.get(oid) for oid in (note.records if note else ()))
        found = {row.record: row for row in named if row is not None and row.kind == Check.kind}
        for check in self.records(record, commit):
            for row in self._history.catalog.about(str(check.subject), Check.kind):
                if str(check.contract) in row.about:
                    found[row.record] = row
        return in_order(found.values())

    def at(self, commit: Oid) -> Iterator[Check]:
        """Yield the checks that were recorded at a commit, of any of its data, newest first."""
        note = self._history.catalog.notes.get(str(commit)) if self._has_checks else None
        rows = (self._history.catalog.get(oid) for oid in (note.records if note else ()))
        found = [row for row in rows if row is not None and row.kind == Check.kind]
        for row in sorted(found, key=lambda row: row.order, reverse=True):
            try:
                record = self._ws.ledger.record(Oid.parse(row.record))
            except DatmoError:
                continue
            if isinstance(record, Check):
                yield record

    def _drift_of(self, check: Check) -> tuple[FieldDrift, ...]:
        """Return the fields of a check that drifted since the check before it."""
        from git_datmo.contract_checks.field_drift import CheckHistory

        self._checks = self._checks or CheckHistory(self._ws, self._history.catalog)
        return tuple(each for each in self._checks.find_drift(check) if each.stability.is_large)

    def _read(self, record: str, commit: Oid) -> Iterator[Check]:
        """Yield the check of each contract of a commit that has one."""
        from git_datmo.contract_checks.contract_files import CommittedContracts

        committed = self._committed = self._committed or CommittedContracts(self._ws.odb)
        row = self._history.catalog.get(record)
        data = (row.data if row is not None else "") or record
        payloads: Sequence[Payload] | None = None
        for path, blob in committed.listing(commit):
            key = (path, blob, data)
            if key not in self._found:
                if payloads is None:
                    snapshot = self._history.snapshot(record)
                    payloads = () if snapshot is None else snapshot.payloads
                self._found[key] = self._find(committed.read(path, blob), payloads)
            found = self._found[key]
            if found is not None:
                yield found

    def _find(self, file: ContractFile, payloads: Sequence[Payload]) -> Check | None:
        """Return the recorded check of payloads against a contract; None for none."""
        from git_datmo.contract_checks.bound_objects import find_bound_objects
        from git_datmo.contract_checks.recorded_checks import find_check

        if file.contract is None or not payloads:
            return None
        ws = self._ws
        try:
            bound = find_bound_objects(file.contract, payloads, ws.store.read_tree, ws.odb.format)
        except DatmoError:
            # Trees of a folder are not here, so its parts are unknown.
            return None
        if not bound.paths:
            return None
        return find_check(ws, self._history.catalog, bound.subject, file.blob)


def summarise_check(record: Check, drift: tuple[FieldDrift, ...] = ()) -> ContractCheck:
    """Return the summary of a recorded check. `drift` has the fields that drifted."""
    counts = Counter(finding.level for finding in record.findings)
    level = {"broken": "refuse", "unchecked": "unchecked"}.get(record.verdict, "warn")
    return ContractCheck(
        file=record.file,
        verdict=record.verdict,
        files=len(record.paths),
        rows=sum(path.rows for path in record.paths),
        errors=counts["refuse"],
        warnings=counts["warn"],
        unchecked=counts["unchecked"],
        first=next((each for each in record.findings if each.level == level), None),
        author=record.author.name,
        created=record.created,
        drift=drift,
    )
