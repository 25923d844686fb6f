"""The four kinds of record. A record is immutable; its id is the id of its blob."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from git_datmo.model import Content, Oid, Payload

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Person:
    """Who made a record, as git's `user.name` and `user.email` say."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Run:
    """A command as it ran; `exit_code` is None when it was given to be recorded and did not run.

    `inputs` are the payloads as they were before it, `outputs` the paths that it wrote, `folder` where it ran,
    relative to the repository. `machine` is what it ran on and `resources` what it used there, where that was measured
    (`user_seconds`, `system_seconds`, `peak_memory` in bytes); neither decides an id but the record's own.
    """

    command: tuple[str, ...]
    folder: str = ""
    engine: str = "host"
    exit_code: int | None = None
    started: str = ""
    seconds: float = 0.0
    inputs: tuple[Payload, ...] = ()
    outputs: tuple[str, ...] = ()
    log: Content | None = None
    machine: Mapping[str, Value] = field(default_factory=dict)
    resources: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Ties a commit to its payloads, environment, run, parameters, metrics, message and why.

    `commit`, `tree` and `patch` (git-patch-id, '' for none) find the snapshot again after history was rewritten;
    `code` is the working tree's own files as they were, `clean` whether they were the commit's.
    """

    commit: Oid
    tree: Oid
    patch: str
    created: str
    author: Person
    message: str
    why: str
    payloads: tuple[Payload, ...]
    parameters: Mapping[str, Value]
    metrics: Mapping[str, Value]
    code: Content | None
    clean: bool
    environment: Content | None
    run: Run | None

    kind = "snapshot"


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric or output as it was recorded and as it came out."""

    name: str
    recorded: Value | None
    rerun: Value | None
    same: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """Somebody reran a snapshot, and how it came out."""

    snapshot: Oid
    commit: Oid
    created: str
    author: Person
    verdict: str
    exit_code: int
    seconds: float
    engine: Mapping[str, Value]
    metrics: tuple[Difference, ...]
    outputs: tuple[Difference, ...]
    tolerances: Mapping[str, float]

    kind = "receipt"


@dataclass(frozen=True, slots=True)
class Annotation:
    """Words added to a record afterwards."""

    record: Oid
    commit: Oid
    created: str
    author: Person
    message: str

    kind = "annotation"


@dataclass(frozen=True, slots=True)
class Drop:
    """Records that no longer count; a deletion is a record, since a union would bring lines back."""

    records: tuple[Oid, ...]
    commit: Oid
    created: str
    author: Person
    why: str

    kind = "drop"


Record = Snapshot | Receipt | Annotation | Drop
