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
from git_datmo.sizes import size_in_summary

# The ways in which a run can end.
SUCCESS, FAILED, INTERRUPTED, KILLED = "success", "failed", "interrupted", "killed"


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
class Curve:
    """Summary of a metric whose values over time are in the folder `series` of a run.

    `file` is the name of the metric's file in that folder. `points` is the number of its values.
    `min` and `max` leave out values that are not numbers. `goal` is `min` or `max` if it is known
    which values are better, else ''.
    """

    file: str
    points: int
    min: Value
    max: Value
    goal: str = field(default="", metadata={LATER: ""})

    @property
    def best(self) -> Value | None:
        """Return the best value; None if it is not known which values are better."""
        return {"min": self.min, "max": self.max}.get(self.goal)


@dataclass(frozen=True, slots=True)
class Run:
    """Command as it ran.

    `exit_code` is None if the command was only recorded and did not run, or if git-datmo was killed
    before the command ended. `inputs` are the payloads before the run. `outputs` are the paths that
    the run wrote. `folder` is its working directory, relative to the repository. `machine`
    describes the machine, and `resources` has the measured usage (`docs/FORMAT.md` lists the keys).
    `tracked` are files tracked by git that the run wrote, as they were after it. `unseen` are
    outputs that changed during the run without being written by an observed process. `status` is
    `success`, `failed`, `interrupted` or `killed`; '' in records that only have an exit code.
    `attempt` is the earlier snapshot that the run resumes. `series` is the folder of the curves,
    and `artifacts` the folder of what the script logged besides.
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
    status: str = later_field(str)
    attempt: Oid | None = field(default=None, metadata={LATER: None})
    series: Content | None = field(default=None, metadata={LATER: None})
    artifacts: Content | None = field(default=None, metadata={LATER: None})

    @property
    def has_run(self) -> bool:
        """Return True if the command ran, and False if it was only recorded."""
        # The recorder was killed before it saw the exit code, but the command ran.
        return self.exit_code is not None or self.status == KILLED

    @property
    def ending(self) -> str:
        """Return the status; that of the exit code if the record has none."""
        if self.status or self.exit_code is None:
            return self.status
        return FAILED if self.exit_code else SUCCESS


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Commit with its payloads, environment, run, parameters, metrics, message and reason.

    `commit`, `tree` and `patch` (git-patch-id, '' for none) identify the snapshot after history was
    rewritten. `code` has the code files of the working tree. `clean` is True if they were equal to
    the commit's. `tolerances` are the allowed differences of metrics and outputs in a rerun.
    `parents` are the snapshots that the payloads are based on: two after a merge, none for the
    first snapshot. A `side` snapshot is an experiment. It does not define its commit's data until a
    later snapshot has it as a parent. `sources` tells where each parameter comes from. `curves` are
    the metrics whose values over time the run's `series` has. `tags` are words of the script.
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
    sources: Mapping[str, str] = later_field(dict)
    curves: Mapping[str, Curve] = later_field(dict)
    tags: tuple[str, ...] = later_field(tuple)
    more: tuple[KeptObject, ...] = more_field()

    kind = "snapshot"


def payload_name(use: str, path: str) -> str:
    """Return the name of a payload's entry.

    It is the use, then 40 hex digits of the SHA-256 of the path.
    """
    # A name in a tree cannot have the slashes of a path.
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
        "curves": {
            name: decode_fields(Curve, raw, {}) for name, raw in document.get("curves", {}).items()
        },
        "tags": tuple(document.get("tags", ())),
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
        "attempt": Oid.parse(raw["attempt"]) if "attempt" in raw else None,
        "series": decode_optional_content(raw.get("series")),
        "artifacts": decode_optional_content(raw.get("artifacts")),
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
    if document.get("curves") and not (run and "series" in run):
        raise Damaged("a record has curves without the folder that holds them")
    if run:
        _check_payloads(run["inputs"])
        _check_payloads(run.get("tracked", ()))
        for path in _run_paths(run):
            check_path(path)


def _check_payloads(payloads: Iterable[Document]) -> None:
    """Raise `Damaged` if a payload's path is unsafe, occurs twice or is inside another."""
    for entry in payloads:
        check_path(entry["path"])
    # With the slash, a path sorts directly before the paths below it, so neighbours are enough.
    paths = sorted(entry["path"] + "/" for entry in payloads)
    if any(path.startswith(before) for before, path in pairwise(paths)):
        raise Damaged("a record names a payload twice, or one within another")


def _run_paths(run: Document) -> Iterator[str]:
    """Yield the paths of a run's document that are not paths of payloads."""
    yield from run["outputs"]
    yield from run.get("unseen", ())
    yield from (run.get("read") or {}).get("paths", ())
    # The top of the repository is '', which is no path.
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
    for name in ("log", "series", "artifacts"):
        content = getattr(run, name)
        if content is not None:
            yield KeptObject(name, content)


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
        yield f"{payload.path} ({size_in_summary(payload.content.size)})"


def _title(snapshot: Snapshot) -> str:
    """Return the message, or else the reason."""
    return snapshot.message or snapshot.why


def _other_ids(snapshot: Snapshot) -> tuple[Oid, ...]:
    """Return the tree, the parents and the snapshot that the run resumes."""
    attempt = snapshot.run.attempt if snapshot.run is not None else None
    return snapshot.tree, *snapshot.parents, *((attempt,) if attempt is not None else ())


def only_follows_data(snapshot: Snapshot) -> bool:
    """Return True for a snapshot that was made because data changed, without a run or a word."""
    said = snapshot.message or snapshot.why or snapshot.parameters or snapshot.metrics
    return snapshot.run is None and not said


def _columns(snapshot: Snapshot) -> dict[str, Any]:
    """Return the columns by which history finds a snapshot."""
    return {
        "tree": str(snapshot.tree),
        "patch": snapshot.patch,
        "data": data_id(snapshot.payloads),
        "side": "1" if snapshot.side else "",
        "follows": "1" if only_follows_data(snapshot) else "",
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
