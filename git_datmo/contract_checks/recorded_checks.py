"""Check contracts, unless a record has the result of the same data, contract and rules.

The records are shared as all others are, so data that a colleague has checked are not read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.contract_checks.bound_objects import BoundObjects, find_bound_objects
from git_datmo.contract_checks.check_file import FileCheck
from git_datmo.contract_checks.run_gate import is_enforced
from git_datmo.contracts.contract_types import Contract, Finding, Level, verdict_of
from git_datmo.contracts.sampled_fields import SampledFields
from git_datmo.errors import DatmoError
from git_datmo.fsio import append_line
from git_datmo.git.object_encoding import TreeEntry
from git_datmo.history.record_heads import read_all
from git_datmo.history.record_signatures import attach_records, is_signed
from git_datmo.model import Oid, Payload
from git_datmo.progress import QUIET, Progress
from git_datmo.records.catalog import Catalog
from git_datmo.records.check_record import (
    Check,
    CheckedPath,
    CheckFinding,
    ProfiledField,
    SampleRow,
)
from git_datmo.remotes.fetch_objects import obtain_trees
from git_datmo.repository.workspace import Workspace

# Raise this number when a rule finds more or less than before.
CHECKER = 3
# The records that were made in this repository, one a line.
_OWN = "checks"
_LEVELS: dict[str, Level] = {"refuse": "refuse", "warn": "warn", "unchecked": "unchecked"}


@dataclass(frozen=True, slots=True)
class ContractObjects:
    """Contract, the blob of its file, and the stored objects that it is bound to.

    `payloads` are the objects of the payloads that these are in.
    """

    contract: Contract
    blob: Oid
    bound: BoundObjects
    payloads: tuple[Oid, ...]


@dataclass(frozen=True, slots=True)
class CheckedData:
    """Checks of all files that a contract is bound to, and the profiles of their fields."""

    checks: tuple[FileCheck, ...]
    profiles: tuple[ProfiledField, ...]


def bind_contract(
    ws: Workspace,
    contract: Contract,
    blob: Oid,
    payloads: Sequence[Payload],
    progress: Progress = QUIET,
) -> ContractObjects:
    """Return what a contract is bound to among payloads; `blob` is the contract's file.

    Trees of folders that are not here are fetched; files are not.
    """

    def read(tree: Oid) -> Iterator[TreeEntry]:
        if tree not in ws.store:
            obtain_trees(ws, [tree], progress=progress)
        return ws.store.read_tree(tree)

    bound = find_bound_objects(contract, payloads, read, ws.odb.format)
    holding = {
        payload.content.object
        for payload in payloads
        for path in bound.paths
        if f"{path}/".startswith(f"{payload.path}/")
    }
    return ContractObjects(contract, blob, bound, tuple(sorted(holding)))


def recall_check(ws: Workspace, wanted: ContractObjects) -> CheckedData | None:
    """Return the recorded result of a check; None if no record has it. No data are read."""
    record = find_check(ws, read_all(ws), wanted.bound.subject, wanted.blob)
    if record is None:
        return None
    return CheckedData(tuple(_to_checks(wanted.contract, record)), record.profiles)


def find_check(ws: Workspace, catalog: Catalog, subject: Oid, contract: Oid) -> Check | None:
    """Return the record of checking `subject` against the contract in a blob; None for none.

    With `datmo.contract=enforce`, the record of another clone counts only if a trusted key signed
    it.
    """
    for row in catalog.about(str(subject), Check.kind):
        # Another version of the contract has other rules.
        if str(contract) not in row.about:
            continue
        try:
            record = ws.ledger.record(Oid.parse(row.record))
        except DatmoError:
            continue
        if not isinstance(record, Check) or record.checker != CHECKER:
            continue
        if not is_enforced(ws) or _is_own(ws, row.record) or is_signed(ws, catalog, row.record):
            return record
    return None


def finish_profiles(samples: Mapping[str, SampledFields]) -> tuple[ProfiledField, ...]:
    """Return the profiles of the fields of sampled tables."""
    return tuple(
        ProfiledField(table, field, profile)
        for table, sample in samples.items()
        for field, profile in sample.profiles()
    )


def record_check(ws: Workspace, wanted: ContractObjects, commit: Oid, found: CheckedData) -> None:
    """Record the result of checking all paths that a contract is bound to.

    With `datmo.sign`, the record is signed.
    """
    checks = found.checks
    findings = tuple(finding for check in checks for finding in check.findings)
    record = Check(
        subject=wanted.bound.subject,
        contract=wanted.blob,
        commit=commit,
        created=ws.now(),
        author=ws.person,
        file=wanted.contract.file,
        checker=CHECKER,
        verdict=verdict_of(findings),
        paths=tuple(CheckedPath(check.path, check.rows, check.scope) for check in checks),
        findings=tuple(
            _to_record(check.path, finding) for check in checks for finding in check.findings
        ),
        profiles=found.profiles,
        payloads=wanted.payloads,
    )
    (oid,) = attach_records(ws, record)
    append_line(ws.shared_state / _OWN, str(oid).encode())


def _is_own(ws: Workspace, record: str) -> bool:
    """Return whether this repository made a record. Anyone can write the author's name."""
    try:
        return record in (ws.shared_state / _OWN).read_text("utf-8", "replace").split()
    except FileNotFoundError:
        return False


def _to_record(path: str, finding: Finding) -> CheckFinding:
    """Return a finding as a record has it."""
    samples = tuple(SampleRow(row, text) for row, text in finding.rows)
    return CheckFinding(
        level=finding.level,
        rule=finding.rule,
        path=path,
        table=finding.table,
        field=finding.field,
        message=finding.message,
        count=finding.count,
        samples=samples,
    )


def _to_checks(contract: Contract, record: Check) -> Iterable[FileCheck]:
    """Yield the checks of a record by path."""
    for path in record.paths:
        findings = tuple(
            Finding(
                # A level of a later version must not pass for one that holds.
                _LEVELS.get(each.level, "unchecked"),
                each.rule,
                contract.id,
                each.table,
                each.field,
                each.message,
                tuple((sample.row, sample.value) for sample in each.samples),
                each.count,
            )
            for each in record.findings
            if each.path == path.path
        )
        yield FileCheck(contract, path.path, findings, path.rows, path.scope)
