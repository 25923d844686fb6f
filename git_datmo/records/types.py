"""The kinds of record. A record is immutable; its id is the id of its blob."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from git_datmo.model import Content, Oid, Payload
from git_datmo.records.objects import KeptObject

Value = bool | int | float | str

LATER = "later"
# Marks a field that is no key of its own: the codec writes it as a part of `objects`.
MORE = "more"


def _later(default: Callable[[], Any]) -> Any:
    """A key that came after the first records were written: one that lacks it has the default, and is written so."""
    return field(default_factory=default, metadata={LATER: default()})


def _more() -> Any:
    """Hold the objects that keys of a later version keep; the codec writes them back into `objects`."""
    return field(default=(), metadata={MORE: True})


@dataclass(frozen=True, slots=True)
class Person:
    """Who made a record, as git's `user.name` and `user.email` say."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Read:
    """What a run was seen to read; `complete` where it can have read nothing else.

    `paths` are files of the repository, or payloads of which it read much; `outside` are files elsewhere, with '~' for
    the home folder.
    """

    complete: bool
    paths: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A command as it ran; `exit_code` is None when it was given to be recorded and did not run.

    `inputs` are the payloads as they were before it, `outputs` the paths that it wrote, `folder` where it ran,
    relative to the repository. `machine` is what it ran on and `resources` what it used there, where that was measured
    (`docs/FORMAT.md` lists it); neither decides an id but the record's own. `tracked` are files of git's that it wrote,
    as they were then. `unseen` are those outputs that no process was seen to write: they changed meanwhile.
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
    tracked: tuple[Payload, ...] = _later(tuple)
    unseen: tuple[str, ...] = _later(tuple)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Ties a commit to its payloads, environment, run, parameters, metrics, message and why.

    `commit`, `tree` and `patch` (git-patch-id, '' for none) find the snapshot again after history was rewritten;
    `code` is the working tree's own files as they were, `clean` whether they were the commit's. `tolerances` say how
    far a metric or output of a rerun may be off. `parents` are the snapshots whose payloads this one was made from: two
    after a merge, none for the first. A `side` snapshot is an experiment, and not its commit's data until a later
    snapshot has it as a parent.
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
    tolerances: Mapping[str, float] = _later(dict)
    parents: tuple[Oid, ...] = _later(tuple)
    side: bool = _later(bool)
    more: tuple[KeptObject, ...] = _more()

    kind = "snapshot"


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric or output as it was recorded and as it came out; `same` where it is, or where that much was allowed.

    `off` is the largest difference of two numbers in it, None where it differs in more than numbers; `detail` says in a
    line how an output differs.
    """

    name: str
    recorded: Value | None
    rerun: Value | None
    same: bool
    off: float | None = _later(lambda: None)
    detail: str = _later(str)


@dataclass(frozen=True, slots=True)
class Cause:
    """What could explain a difference: another `package`, `python` or `machine`, a `seed` that nothing sets,
    a `variable` or a file `outside` that no record has, a `setting` (a variable with another value), or `chance`,
    since reruns differ among themselves.

    `name` is the package's, the machine's property, the generator of random numbers, or the metric or output that
    differs; `recorded` and `rerun` are what it was and is, None where it was or is not there. Of a seed, `rerun` is the
    program that draws.
    """

    kind: str
    name: str
    recorded: Value | None = None
    rerun: Value | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Somebody reran a snapshot `reruns` times, and how it came out: at worst, where that was not always alike.

    `machine` is what it was rerun on, `resources` what the rerun used there; `durations` are seconds: `fetch`, `build`
    (the environment), `place` (the data), `run` and `compare`.
    """

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
    machine: Mapping[str, Value] = _later(dict)
    durations: Mapping[str, float] = _later(dict)
    causes: tuple[Cause, ...] = _later(tuple)
    reruns: int = _later(lambda: 1)
    resources: Mapping[str, Value] = _later(dict)
    more: tuple[KeptObject, ...] = _more()

    kind = "receipt"


@dataclass(frozen=True, slots=True)
class Image:
    """The built image of a snapshot's environment, frozen: `content` is a folder of its files (`engines/archive.py`).

    `platform` is what it runs on (`linux/amd64`); `digest` is the SHA-256 of its configuration, as engines write it
    (`sha256:…`), by which most of them name it.
    """

    snapshot: Oid
    commit: Oid
    created: str
    author: Person
    platform: str
    digest: str
    content: Content
    more: tuple[KeptObject, ...] = _more()

    kind = "image"


@dataclass(frozen=True, slots=True)
class Annotation:
    """Words added to a record afterwards; with a `signature`, a signed commit that names it (`flows/signing.py`)."""

    record: Oid
    commit: Oid
    created: str
    author: Person
    message: str
    signature: str = _later(str)
    more: tuple[KeptObject, ...] = _more()

    kind = "annotation"


@dataclass(frozen=True, slots=True)
class Drop:
    """Records that no longer count; a deletion is a record, since a union would bring lines back."""

    records: tuple[Oid, ...]
    commit: Oid
    created: str
    author: Person
    why: str
    more: tuple[KeptObject, ...] = _more()

    kind = "drop"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A record of a newer git-datmo: its kind, or something in it, is not known to this version.

    Only the keys that every record has are read. The record and the objects in `more` are kept and shared.
    """

    kind: str
    commit: Oid
    created: str
    author: Person
    more: tuple[KeptObject, ...] = _more()


KnownRecord = Snapshot | Receipt | Image | Annotation | Drop
Record = KnownRecord | Unknown
