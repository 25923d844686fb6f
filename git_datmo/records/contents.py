"""List the objects that a record keeps.

The list has the same form for every kind and can be read without knowing the kind. Keep commits,
garbage collection, push and fetch use only this list. So a clone also keeps and shares the objects
of kinds and keys that it does not know (`docs/FORMAT.md`, section 7.1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from git_datmo.model import Payload
from git_datmo.records.types import Image, KeptObject, Record, Run, Snapshot


def list_objects(record: Record) -> tuple[KeptObject, ...]:
    """Return all objects that a record keeps, sorted by name.

    They include objects of keys that this version does not know.
    """
    known = known_objects(record)
    return (
        tuple(sorted((*known, *record.more), key=lambda kept: kept.name)) if record.more else known
    )


def known_objects(record: Record) -> tuple[KeptObject, ...]:
    """Return the objects that the record's known keys name, sorted by name."""
    match record.kind:
        case "snapshot":
            named = _of_snapshot(record)  # type: ignore[arg-type]
        case "image":
            named = _of_image(record)  # type: ignore[arg-type]
        case _:
            named = iter(())
    return tuple(sorted(named, key=lambda kept: kept.name))


def _of_image(image: Image) -> Iterator[KeptObject]:
    """Yield the object of an image."""
    yield KeptObject("image", image.content)


def _of_snapshot(snapshot: Snapshot) -> Iterator[KeptObject]:
    """Yield the objects of a snapshot."""
    yield from _of_payloads("payload", snapshot.payloads)
    if snapshot.code is not None:
        yield KeptObject("code", snapshot.code)
    if snapshot.environment is not None:
        yield KeptObject("environment", snapshot.environment)
    if snapshot.run is not None:
        yield from _of_run(snapshot.run)


def _of_run(run: Run) -> Iterator[KeptObject]:
    """Yield the objects of a run."""
    yield from _of_payloads("input", run.inputs)
    yield from _of_payloads("tracked", run.tracked)
    if run.log is not None:
        yield KeptObject("log", run.log)


def _of_payloads(use: str, payloads: Iterable[Payload]) -> Iterator[KeptObject]:
    """Yield the objects of payloads with the same use."""
    return (KeptObject(payload_name(use, payload.path), payload.content) for payload in payloads)


def payload_name(use: str, path: str) -> str:
    """Return the name of a payload's entry.

    It is the use, then 40 hex digits of the SHA-256 of the path.
    """
    return f"{use}-{hashlib.sha256(path.encode()).hexdigest()[:40]}"
