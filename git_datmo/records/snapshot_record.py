"""Snapshots: a commit with its payloads, environment, run, parameters and metrics."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

from git_datmo.errors import Damaged
from git_datmo.git.safe_paths import check_path
from git_datmo.model import Content, Oid, Payload
from git_datmo.records.data_id import data_id
from git_datmo.records.record_fields import (
    decode_fields,
    decode_oids,
    decode_optional_content,
    decode_payloads,
)
from git_datmo.records.record_kind import Document, RecordKind
from git_datmo.records.record_values import (
    LATER,
    KeptObject,
    Person,
    Value,
    later_field,
    more_field,
    show_value,
)
from git_datmo.sizes import show_size


@dataclass(frozen=True, slots=True)
class Read:
    """Files that a run was seen to read.

    `complete` is True if it cannot have read any other file. `paths` are files of the repository,
    or payloads that it read many files of. `outside` are other files, with '~' for the home folder.
    """

    complete: bool
    paths: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """Command as it ran.

    `exit_code` is None if the command was only recorded and did not run. `inputs` are the payloads
    before the run. `outputs` are the paths that the run wrote. `folder` is its working directory,
    relative to the repository. `machine` describes the machine, and `resources` has the measured
    usage (`docs/FORMAT.md` lists the keys). `tracked` are files tracked by git that the run wrote,
    as they were after it. `unseen` are outputs that changed during the run without being written by
    an observed process.
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
    read: Read | None = field(default=None, metadata={LATER: None})
    tracked: tuple[Payload, ...] = later_field(tuple)
    unseen: tuple[str, ...] = later_field(tuple)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Commit with its payloads, environment, run, parameters, metrics, message and reason.

    `commit`, `tree` and `patch` (git-patch-id, '' for none) identify the snapshot after history was
    rewritten. `code` has the code files of the working tree. `clean` is True if they were equal to
    the commit's. `tolerances` are the allowed differences of metrics and outputs in a rerun.
    `parents` are the snapshots that the payloads are based on: two after a merge, none for the
    first snapshot. A `side` snapshot is an experiment. It does not define its commit's data until a
    later snapshot has it as a parent.
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
    tolerances: Mapping[str, float] = later_field(dict)
    parents: tuple[Oid, ...] = later_field(tuple)
    side: bool = later_field(bool)
    more: tuple[KeptObject, ...] = more_field()

    kind = "snapshot"


def payload_name(use: str, path: str) -> str:
    """Return the name of a payload's entry.

    It is the use, then 40 hex digits of the SHA-256 of the path.
    """
    return f"{use}-{hashlib.sha256(path.encode()).hexdigest()[:40]}"


def _decode(document: Document) -> dict[str, Any]:
    """Return the fields of a snapshot that are not plain JSON values."""
    return {
        "tree": Oid.parse(document["tree"]),
        "payloads": decode_payloads(document["payloads"]),
        "code": decode_optional_content(document["code"]),
        "environment": decode_optional_content(document["environment"]),
        "run": _decode_run(document["run"]),
        "parents": decode_oids(document.get("parents", ())),
    }


def _decode_run(raw: Document | None) -> Run | None:
    """Return the run in a document, or None."""
    if raw is None:
        return None
    changed = {
        "command": tuple(raw["command"]),
        "inputs": decode_payloads(raw["inputs"]),
        "outputs": tuple(raw["outputs"]),
        "log": decode_optional_content(raw["log"]),
        "read": _decode_read(raw.get("read")),
        "tracked": decode_payloads(raw.get("tracked", ())),
        "unseen": tuple(raw.get("unseen", ())),
    }
    return cast("Run", decode_fields(Run, raw, changed))


def _decode_read(raw: Document | None) -> Read | None:
    """Return the files that a run read, or None."""
    if raw is None:
        return None
    return Read(raw["complete"], tuple(raw["paths"]), tuple(raw["outside"]))


def _check(document: Document) -> None:
    """Raise `Damaged` if a path of a snapshot is invalid.

    A path is invalid if it is unsafe. A payload must not occur twice or inside another.
    """
    run = document["run"]
    _check_payloads(document["payloads"])
    if run:
        _check_payloads(run["inputs"])
        _check_payloads(run.get("tracked", ()))
        for path in _run_paths(run):
            check_path(path)


def _check_payloads(payloads: Iterable[Document]) -> None:
    """Raise `Damaged` if a payload's path is unsafe, occurs twice or is inside another."""
    for entry in payloads:
        check_path(entry["path"])
    paths = sorted(entry["path"] + "/" for entry in payloads)
    if any(path.startswith(before) for before, path in pairwise(paths)):
        raise Damaged("a record names a payload twice, or one within another")


def _run_paths(run: Document) -> Iterator[str]:
    """Yield the paths of a run's document that are not paths of payloads."""
    yield from run["outputs"]
    yield from run.get("unseen", ())
    yield from (run.get("read") or {}).get("paths", ())
    if run["folder"]:
        yield run["folder"]


def _objects(snapshot: Snapshot) -> Iterator[KeptObject]:
    """Yield the objects of a snapshot."""
    yield from _payload_objects("payload", snapshot.payloads)
    if snapshot.code is not None:
        yield KeptObject("code", snapshot.code)
    if snapshot.environment is not None:
        yield KeptObject("environment", snapshot.environment)
    if snapshot.run is not None:
        yield from _run_objects(snapshot.run)


def _run_objects(run: Run) -> Iterator[KeptObject]:
    """Yield the objects of a run."""
    yield from _payload_objects("input", run.inputs)
    yield from _payload_objects("tracked", run.tracked)
    if run.log is not None:
        yield KeptObject("log", run.log)


def _payload_objects(use: str, payloads: Iterable[Payload]) -> Iterator[KeptObject]:
    """Yield the objects of payloads with the same use."""
    return (KeptObject(payload_name(use, payload.path), payload.content) for payload in payloads)


def _words(snapshot: Snapshot) -> Iterator[str]:
    """Yield the message, the metrics and the payloads with their sizes."""
    if snapshot.message:
        yield f"'{snapshot.message.splitlines()[0]}'"
    for name, value in sorted(snapshot.metrics.items()):
        yield f"{name}={show_value(value)}"
    if snapshot.run is not None and not snapshot.clean:
        yield "(uncommitted changes)"
    for payload in snapshot.payloads:
        yield f"{payload.path} ({show_size(payload.content.size)})"


def _title(snapshot: Snapshot) -> str:
    """Return the message, or else the reason."""
    return snapshot.message or snapshot.why


def _other_ids(snapshot: Snapshot) -> tuple[Oid, ...]:
    """Return the tree and the parents."""
    return snapshot.tree, *snapshot.parents


def _columns(snapshot: Snapshot) -> dict[str, Any]:
    """Return the columns by which history finds a snapshot."""
    return {
        "tree": str(snapshot.tree),
        "patch": snapshot.patch,
        "data": data_id(snapshot.payloads),
        "side": "1" if snapshot.side else "",
        "parents": tuple(map(str, snapshot.parents)),
    }


SNAPSHOT = RecordKind(
    Snapshot,
    words=_words,
    title=_title,
    decode=_decode,
    check=_check,
    objects=_objects,
    other_ids=_other_ids,
    columns=_columns,
)
