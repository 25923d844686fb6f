"""Compare the fields of checked data with those of the last checked version."""

from __future__ import annotations

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
    reference = find_reference(ws, read_all(ws), contract.file, subject, commit)
    if reference is None:
        return list(checks)
    found = [each for each in compare_fields(reference, profiles) if each.stability.is_large]
    return list(_with_warnings(contract, checks, found))


def find_reference(
    ws: Workspace, catalog: Catalog, file: str, subject: Oid, commit: Oid, before: str = ""
) -> Check | None:
    """Return the newest check of other data against the contract `file`, at or before `commit`.

    With a time `before`, the check is older than that.
    """
    rows = [
        row
        for row in catalog.rows
        if row.kind == Check.kind
        and str(subject) not in row.about
        and (not before or row.created < before)
    ]
    for row in in_order(rows)[: -MOST_VERSIONS - 1 : -1]:
        try:
            record = ws.ledger.record(Oid.parse(row.record))
        except DatmoError:
            continue
        if not isinstance(record, Check) or record.file != file or not record.profiles:
            continue
        if _leads_to(ws, record.commit, commit):
            return record
    return None


def compare_fields(reference: Check, profiles: Sequence[ProfiledField]) -> Iterator[FieldDrift]:
    """Yield the change of each field that both versions of the data have."""
    before = {(each.table, each.field): each.profile for each in reference.profiles}
    for each in profiles:
        known = before.get((each.table, each.field))
        if known is not None:
            stability = compare_profiles(known, each.profile)
            yield FieldDrift(each.table, each.field, stability, reference.commit)


def _leads_to(ws: Workspace, older: Oid, newer: Oid) -> bool:
    """Return whether `older` is `newer` or an ancestor of it."""
    if older == newer:
        return True
    done = ws.repo.git.finish("merge-base", "--is-ancestor", str(older), str(newer))
    return done.returncode == 0


def _with_warnings(
    contract: Contract, checks: Sequence[FileCheck], found: Sequence[FieldDrift]
) -> Iterator[FileCheck]:
    """Yield checks, the first one of each table with the warnings about its fields."""
    left = list(found)
    for check in checks:
        table = choose_table(without_ports(contract), check.path)
        name = table.name if table is not None else ""
        own = [each for each in left if each.table == name]
        left = [each for each in left if each.table != name]
        warnings = tuple(_warn(contract, each) for each in own)
        yield replace(check, findings=(*check.findings, *warnings)) if warnings else check


def _warn(contract: Contract, drift: FieldDrift) -> Finding:
    """Return the warning about a field."""
    message = (
        f"values are distributed differently than in the data checked at"
        f" {str(drift.reference)[:10]} (population stability index {drift.stability.index:.2f})"
    )
    return Finding("warn", RULE, contract.id, drift.table, drift.field, message)
