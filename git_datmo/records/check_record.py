"""Checks: results of checking data against a contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from git_datmo.model import Oid
from git_datmo.records.field_profile import FieldProfile, decode_field_profile
from git_datmo.records.record_fields import decode_fields, decode_oids
from git_datmo.records.record_kind import Document, RecordKind
from git_datmo.records.record_values import KeptObject, Person, later_field, more_field


@dataclass(frozen=True, slots=True)
class CheckedPath:
    """Path that was checked, and the number of its rows; 0 if it is no table.

    `scope` says which ports of a model were compared.
    """

    path: str
    rows: int
    scope: str = later_field(str)


@dataclass(frozen=True, slots=True)
class SampleRow:
    """Row that breaks a rule, and its value as text. A row of 0 has no number."""

    row: int
    value: str


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """Rule that a path breaks, or that nothing could check.

    `level` is `refuse`, `warn` or `unchecked`. `field` is '' for a rule of the whole table.
    """

    level: str
    rule: str
    path: str
    table: str
    field: str
    message: str
    count: int
    samples: tuple[SampleRow, ...]


@dataclass(frozen=True, slots=True)
class ProfiledField:
    """Field of a table, and the distribution of its values in all files of the table."""

    table: str
    field: str
    profile: FieldProfile


@dataclass(frozen=True, slots=True)
class Check:
    """Result of checking data against a contract.

    `subject` is the id of the listing of all paths and objects that the contract is bound to.
    `contract` is the blob of the contract's file, whose path is `file`. `checker` is the version of
    the rules. Equal subjects, contracts and versions give equal results, so nobody reads the data
    again. `payloads` are the objects of the payloads that the paths are in.
    """

    subject: Oid
    contract: Oid
    commit: Oid
    created: str
    author: Person
    file: str
    checker: int
    verdict: str
    paths: tuple[CheckedPath, ...]
    findings: tuple[CheckFinding, ...]
    profiles: tuple[ProfiledField, ...] = later_field(tuple)
    payloads: tuple[Oid, ...] = later_field(tuple)
    more: tuple[KeptObject, ...] = more_field()

    kind = "check"


def _decode(document: Document) -> dict[str, Any]:
    """Return the fields of a check that are not plain JSON values."""
    return {
        "subject": Oid.parse(document["subject"]),
        "contract": Oid.parse(document["contract"]),
        "paths": tuple(decode_fields(CheckedPath, raw, {}) for raw in document["paths"]),
        "findings": tuple(map(_decode_finding, document["findings"])),
        "payloads": decode_oids(document.get("payloads", ())),
        "profiles": tuple(map(_decode_profile, document.get("profiles", ()))),
    }


def _decode_finding(raw: Document) -> CheckFinding:
    """Return a finding of a document."""
    samples = tuple(decode_fields(SampleRow, each, {}) for each in raw["samples"])
    finding: CheckFinding = decode_fields(CheckFinding, raw, {"samples": samples})
    return finding


def _decode_profile(raw: Document) -> ProfiledField:
    """Return a profiled field of a document."""
    profile = decode_field_profile(raw["profile"])
    field: ProfiledField = decode_fields(ProfiledField, raw, {"profile": profile})
    return field


def _words(check: Check) -> tuple[str, str]:
    """Return the contract's file and the verdict."""
    return (check.file, check.verdict)


def _title(check: Check) -> str:
    """Return the contract's file and the verdict."""
    return f"{check.file} {check.verdict}"


def _about(check: Check) -> tuple[Oid, Oid]:
    """Return the data and the contract, by which a check is found."""
    return (check.subject, check.contract)


CHECK = RecordKind(Check, words=_words, title=_title, decode=_decode, about=_about)
