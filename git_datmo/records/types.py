"""Record kinds. A record is immutable, and its id is the id of its blob."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from git_datmo.model import Content, Oid, Payload

Value = bool | int | float | str

LATER = "later"
# Marks a field without a key of its own: the codec writes it into `objects`.
MORE = "more"


def _later(default: Callable[[], Any]) -> Any:
    """Return a field that was added after the first records were written.

    The key is missing from a record if the field has its default value.
    """
    return field(default_factory=default, metadata={LATER: default()})


def _more() -> Any:
    """Return a field for objects of keys that only a later version knows.

    The codec writes them back into `objects`.
    """
    return field(default=(), metadata={MORE: True})


@dataclass(frozen=True, slots=True)
class KeptObject:
    """Object that a record keeps.

    `name` is the name of its entry in the record's keep commit. The name must stay the same in
    every version: for a fetch, a server omits only objects that the client has at the same path
    (git-config, `pack.useSparse`).
    """

    name: str
    content: Content


@dataclass(frozen=True, slots=True)
class Person:
    """Author of a record, from git's `user.name` and `user.email`."""

    name: str
    email: str


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
    tracked: tuple[Payload, ...] = _later(tuple)
    unseen: tuple[str, ...] = _later(tuple)


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
    tolerances: Mapping[str, float] = _later(dict)
    parents: tuple[Oid, ...] = _later(tuple)
    side: bool = _later(bool)
    more: tuple[KeptObject, ...] = _more()

    kind = "snapshot"


@dataclass(frozen=True, slots=True)
class ReceiptDifference:
    """Metric or output, as recorded and in the rerun.

    `same` is True if they are equal or within the tolerance. `off` is the largest difference
    between two numbers in it, or None if it differs in more than numbers. `detail` describes the
    difference of an output in a line.
    """

    name: str
    recorded: Value | None
    rerun: Value | None
    same: bool
    off: float | None = _later(lambda: None)
    detail: str = _later(str)


@dataclass(frozen=True, slots=True)
class Cause:
    """Possible cause of a difference.

    `kind` is:

    - `package`, `python`, `machine`: another version or value,
    - `seed`: a random generator without a seed,
    - `variable`, `outside`: a variable or file that was not recorded,
    - `setting`: a variable with another value,
    - `chance`: reruns differ from each other.

    `name` is the name of the package, property, generator, variable, file, metric or output.
    `recorded` and `rerun` are the two values, None if missing. For a seed, `rerun` is the program
    that uses the generator.
    """

    kind: str
    name: str
    recorded: Value | None = None
    rerun: Value | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Result of rerunning a snapshot `reruns` times.

    If the reruns differ, the receipt has the worst result. `machine` describes the machine of the
    rerun, and `resources` its usage. `durations` are in seconds: `fetch`, `build` (the
    environment), `place` (the data), `run` and `compare`.
    """

    snapshot: Oid
    commit: Oid
    created: str
    author: Person
    verdict: str
    exit_code: int
    seconds: float
    engine: Mapping[str, Value]
    metrics: tuple[ReceiptDifference, ...]
    outputs: tuple[ReceiptDifference, ...]
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
    """Built image of a snapshot's environment.

    `content` is a folder with its files (`engines/image_archive.py`). `platform` is its operating
    system and architecture (`linux/amd64`). `digest` is the SHA-256 of its configuration as engines
    write it (`sha256:…`). Most engines use it as the image id.
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
    """Message added to a record.

    A `signature` is a signed commit that names the record (`history/record_signatures.py`).
    """

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
    """Records that no longer count.

    A deletion is a record because merging notes restores deleted lines.
    """

    records: tuple[Oid, ...]
    commit: Oid
    created: str
    author: Person
    why: str
    more: tuple[KeptObject, ...] = _more()

    kind = "drop"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Record of a newer git-datmo, with a kind or a part that this version does not know.

    Only the keys that every record has are decoded. The record and the objects in `more` are kept
    and shared.
    """

    kind: str
    commit: Oid
    created: str
    author: Person
    more: tuple[KeptObject, ...] = _more()


KnownRecord = Snapshot | Receipt | Image | Annotation | Drop
Record = KnownRecord | Unknown
