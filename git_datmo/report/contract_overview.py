"""Describe the contracts of a commit: versions, the contracts that they meet, checks and drift.

No payload is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from git_datmo.contract_checks.contract_files import CommittedContracts, ContractFile
from git_datmo.contract_checks.field_drift import CheckHistory, FieldDrift
from git_datmo.contract_checks.meeting_check import MeetingCheck
from git_datmo.contracts.compatibility import meetings
from git_datmo.contracts.contract_changes import Change, contract_changes, version_problem
from git_datmo.contracts.odcs_file import FOLDER
from git_datmo.errors import DatmoError
from git_datmo.history.record_heads import read_all
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog, in_order
from git_datmo.records.check_record import Check
from git_datmo.repository.workspace import Workspace

# Older ones are not listed.
MOST_COMMITS, MOST_VERSIONS, MOST_CHECKS = "5000", 30, 10
# Of all contracts together.
MOST_RECORDS = 2000
# Versions of each side of a matrix.
MOST_COMPARED = 8


@dataclass(frozen=True, slots=True)
class ContractVersion:
    """A version of a contract's file, and the commit that made it.

    `changes` are those since the version before; `problem` says that the version is no contract, or
    that its number is too low.
    """

    file: ContractFile
    commit: str
    author: str
    time: int
    subject: str
    changes: tuple[Change, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class ContractPair:
    """A contract that provides data to another one, which requires them.

    `findings` say why they do not fit now. `fits` has a row for each version of the provider, and a
    value for each version of the consumer, newest first; None if these versions do not meet.
    """

    provider: str
    consumer: str
    findings: tuple[str, ...]
    provided: tuple[ContractVersion, ...]
    required: tuple[ContractVersion, ...]
    fits: tuple[tuple[bool | None, ...], ...]


@dataclass(frozen=True, slots=True)
class CheckedVersion:
    """A recorded check of data against a contract, and the drift since the check before."""

    check: Check
    drift: tuple[FieldDrift, ...]


@dataclass(frozen=True, slots=True)
class ContractOverview:
    """A contract, with its versions and checks, newest first."""

    file: ContractFile
    versions: tuple[ContractVersion, ...]
    checks: tuple[CheckedVersion, ...]


def describe_contracts(ws: Workspace, commit: Oid) -> tuple[ContractOverview, ...]:
    """Return the contracts of a commit."""
    committed = CommittedContracts(ws.odb)
    files = committed.of(commit)
    if not files:
        return ()
    versions, catalog = _read_versions(ws, commit, committed), read_all(ws)
    checks, history = _read_checks(ws, catalog), CheckHistory(ws, catalog)
    return tuple(
        ContractOverview(
            file,
            tuple(versions.get(file.file, ())),
            tuple(
                CheckedVersion(check, history.find_drift(check))
                for check in checks.get(file.file, ())
            ),
        )
        for file in files
    )


def pair_contracts(contracts: Sequence[ContractOverview]) -> Iterator[ContractPair]:
    """Yield each pair of contracts that meet."""
    check = MeetingCheck()
    for consumer in contracts:
        for provider in contracts:
            if provider is not consumer and _meet(provider.file, consumer.file):
                yield _compare(check, provider, consumer)


def _compare(
    check: MeetingCheck, provider: ContractOverview, consumer: ContractOverview
) -> ContractPair:
    """Return the comparison of the versions of two contracts."""
    provided = provider.versions[:MOST_COMPARED]
    required = consumer.versions[:MOST_COMPARED]
    now = check.pair(provider.file, consumer.file)
    return ContractPair(
        provider.file.file,
        consumer.file.file,
        tuple(found.finding.message for found in now if found.finding.level == "refuse"),
        provided,
        required,
        tuple(tuple(_fit(check, one.file, other.file) for other in required) for one in provided),
    )


def _meet(provider: ContractFile, consumer: ContractFile) -> bool:
    """Return whether a contract requires data that the other one provides."""
    if provider.contract is None or consumer.contract is None:
        return False
    return any(True for _ in meetings([provider.contract], [consumer.contract]))


def _fit(check: MeetingCheck, provider: ContractFile, consumer: ContractFile) -> bool | None:
    """Return whether two versions fit; None if they do not meet."""
    if not _meet(provider, consumer):
        return None
    return all(found.finding.level != "refuse" for found in check.pair(provider, consumer))


def _read_versions(
    ws: Workspace, commit: Oid, committed: CommittedContracts
) -> dict[str, list[ContractVersion]]:
    """Return the versions of each contract's file in the history of a commit, newest first."""
    words = ("log", "--raw", "--no-abbrev", "--no-renames", "-n", MOST_COMMITS)
    form = "--format=%x00%H%x1f%an%x1f%ct%x1f%s"
    done = ws.repo.git.finish(*words, form, str(commit), "--", FOLDER)
    text = done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
    found: dict[str, list[ContractVersion]] = {}
    for entry in text.split("\0")[1:]:
        head, _, raw = entry.partition("\n")
        who = head.split("\x1f", 3)
        for line in raw.splitlines():
            # A line like `:100644 100644 BEFORE AFTER M<TAB>PATH` (git-diff, "Raw output").
            state, _, path = line.partition("\t")
            blobs = state.split()[2:4]
            if len(blobs) == 2 and set(blobs[1]) != {"0"}:
                versions = found.setdefault(path, [])
                if len(versions) < MOST_VERSIONS:
                    versions.append(_read_version(committed, path, blobs, who))
    return found


def _read_version(
    committed: CommittedContracts, path: str, blobs: Sequence[str], who: Sequence[str]
) -> ContractVersion:
    """Return the version of a file that a commit made; `blobs` are those before and after."""
    file = committed.read(path, Oid.parse(blobs[1]))
    changes: tuple[Change, ...] = ()
    problem = file.problem
    if set(blobs[0]) != {"0"} and file.contract is not None:
        old = committed.read(path, Oid.parse(blobs[0])).contract
        if old is not None:
            changes = contract_changes(old, file.contract)
            problem = version_problem(old, file.contract, changes)
    commit, author, time, subject = who
    return ContractVersion(file, commit, author, int(time), subject, changes, problem)


def _read_checks(ws: Workspace, catalog: Catalog) -> dict[str, list[Check]]:
    """Return the newest recorded checks against each contract's file, in any commit."""
    rows = [row for row in catalog.rows if row.kind == Check.kind]
    found: dict[str, list[Check]] = {}
    for row in in_order(rows)[: -MOST_RECORDS - 1 : -1]:
        try:
            record = ws.ledger.record(Oid.parse(row.record))
        except DatmoError:
            continue
        if isinstance(record, Check):
            checks = found.setdefault(record.file, [])
            if len(checks) < MOST_CHECKS:
                checks.append(record)
    return found
