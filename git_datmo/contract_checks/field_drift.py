"""Compare the fields of checked data with those of the last checked version."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from git_datmo.contract_checks.check_file import FileCheck, without_ports
from git_datmo.contracts.check_values import choose_table
from git_datmo.contracts.contract_types import Contract, Finding
from git_datmo.contracts.population_stability import Stability, compare_profiles
from git_datmo.errors import DatmoError
from git_datmo.history.record_heads import read_all
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog, in_order
from git_datmo.records.check_record import Check, ProfiledField
from git_datmo.repository.workspace import Workspace

RULE = "drift"
# Of more versions, older ones are not looked at.
MOST_VERSIONS = 100


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """Change of a field's distribution. `reference` is the commit of the earlier check."""

    table: str
    field: str
    stability: Stability
    reference: Oid


def add_drift(
    ws: Workspace,
    contract: Contract,
    subject: Oid,
    commit: Oid | None,
    checks: Sequence[FileCheck],
    profiles: Sequence[ProfiledField],
) -> list[FileCheck]:
    """Return checks with a warning for each field whose distribution changed much.

    `subject` is the data that were checked, at `commit`. The warnings are in the check of the
    table's first file. They depend on earlier records, so they are in no record themselves.
    """
    if not profiles or commit is None:
        return list(checks)
    reference = CheckHistory(ws, read_all(ws)).find_reference(contract.file, subject, commit)
    if reference is None:
        return list(checks)
    found = [each for each in compare_fields(reference, profiles) if each.stability.is_large]
    return list(_with_warnings(contract, checks, found))


class CheckHistory:
    """Recorded checks, to compare each with the one before it. Each record is read once."""

    def __init__(self, ws: Workspace, catalog: Catalog) -> None:
        self._ws = ws
        self._rows = in_order(row for row in catalog.rows if row.kind == Check.kind)
        self._orders = [row.order for row in self._rows]
        self._read: dict[str, Check | None] = {}
        self._leads: dict[tuple[Oid, Oid], bool] = {}

    def find_drift(self, check: Check) -> tuple[FieldDrift, ...]:
        """Return the change of each field of a check since the check before it."""
        if not check.profiles:
            return ()
        reference = self.find_reference(check.file, check.subject, check.commit, check.created)
        return () if reference is None else tuple(compare_fields(reference, check.profiles))

    def find_reference(
        self, file: str, subject: Oid, commit: Oid, before: str = ""
    ) -> Check | None:
        """Return the newest check of other data against a contract, at or before `commit`.

        `file` is the contract's. With a time `before`, the check is older than that.
        """
        end = bisect_left(self._orders, (before.removesuffix("Z"), "")) if before else None
        found = 0
        for row in reversed(self._rows[:end]):
            if str(subject) in row.about:
                continue
            found += 1
            if found > MOST_VERSIONS:
                break
            record = self._record(row.record)
            if record is None or record.file != file or not record.profiles:
                continue
            if self._leads_to(record.commit, commit):
                return record
        return None

    def _record(self, oid: str) -> Check | None:
        """Return the record of a check; None if it is unreadable."""
        if oid not in self._read:
            try:
                record = self._ws.ledger.record(Oid.parse(oid))
            except DatmoError:
                record = None
            self._read[oid] = record if isinstance(record, Check) else None
        return self._read[oid]

    def _leads_to(self, older: Oid, newer: Oid) -> bool:
        """Return whether `older` is `newer` or an ancestor of it."""
        if older == newer:
            return True
        key = (older, newer)
        if key not in self._leads:
            words = ("merge-base", "--is-ancestor", str(older), str(newer))
            self._leads[key] = self._ws.repo.git.finish(*words).returncode == 0
        return self._leads[key]


def compare_fields(reference: Check, profiles: Sequence[ProfiledField]) -> Iterator[FieldDrift]:
    """Yield the change of each field that both versions of the data have."""
    before = {(each.table, each.field): each.profile for each in reference.profiles}
    for each in profiles:
        known = before.get((each.table, each.field))
        if known is not None:
            stability = compare_profiles(known, each.profile)
            yield FieldDrift(each.table, each.field, stability, reference.commit)


def _with_warnings(
    contract: Contract, checks: Sequence[FileCheck], found: Sequence[FieldDrift]
) -> Iterator[FileCheck]:
    """Yield checks, the first one of each table with the warnings about its fields."""
    left = list(found)
    for check in checks:
        table = choose_table(without_ports(contract, check.path), check.path)
        name = table.name if table is not None else ""
        own = [each for each in left if each.table == name]
        left = [each for each in left if each.table != name]
        warnings = tuple(_warn(contract, each) for each in own)
        yield replace(check, findings=(*check.findings, *warnings)) if warnings else check


def _warn(contract: Contract, drift: FieldDrift) -> Finding:
    """Return the warning about a field."""
    message = (
        f"drifted since {str(drift.reference)[:10]}"
        f" (population stability index {drift.stability.index:.2f})"
    )
    return Finding("warn", RULE, contract.id, drift.table, drift.field, message)
