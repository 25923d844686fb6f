"""The list of objects that a record keeps: the same for every kind, readable without knowing the kind.

Keep commits, collection, push and fetch follow this list alone. So a clone keeps and shares what a kind, or a key,
names that it does not know yet (`docs/FORMAT.md`, section 7.1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from git_datmo.model import Content, Payload

if TYPE_CHECKING:
    from git_datmo.records.types import Image, Record, Run, Snapshot


@dataclass(frozen=True, slots=True)
class KeptObject:
    """One object that a record keeps; `name` is its entry's name in the record's keep commit.

    The name stays the same from version to version: a server leaves out of a fetch what the client has at the same
    path, and looks at no other (git-config, `pack.useSparse`).
    """

    name: str
    content: Content


def list_objects(record: Record) -> tuple[KeptObject, ...]:
    """Return all objects that a record keeps, those of keys that this version does not know included, by name."""
    known = known_objects(record)
    return tuple(sorted((*known, *record.more), key=lambda kept: kept.name)) if record.more else known


def known_objects(record: Record) -> tuple[KeptObject, ...]:
    """Return the objects that the record's own keys name, by name."""
    match record.kind:
        case "snapshot":
            named = _of_snapshot(record)  # type: ignore[arg-type]
        case "image":
            named = _of_image(record)  # type: ignore[arg-type]
        case _:
            named = iter(())
    return tuple(sorted(named, key=lambda kept: kept.name))


def _of_image(image: Image) -> Iterator[KeptObject]:
    yield KeptObject("image", image.content)


def _of_snapshot(snapshot: Snapshot) -> Iterator[KeptObject]:
    yield from _of_payloads("payload", snapshot.payloads)
    if snapshot.code is not None:
        yield KeptObject("code", snapshot.code)
    if snapshot.environment is not None:
        yield KeptObject("environment", snapshot.environment)
    if snapshot.run is not None:
        yield from _of_run(snapshot.run)


def _of_run(run: Run) -> Iterator[KeptObject]:
    yield from _of_payloads("input", run.inputs)
    yield from _of_payloads("tracked", run.tracked)
    if run.log is not None:
        yield KeptObject("log", run.log)


def _of_payloads(use: str, payloads: Iterable[Payload]) -> Iterator[KeptObject]:
    return (KeptObject(payload_name(use, payload.path), payload.content) for payload in payloads)


def payload_name(use: str, path: str) -> str:
    """Return the name of a payload's entry: its use, then 40 hex digits of the SHA-256 of its path."""
    return f"{use}-{hashlib.sha256(path.encode()).hexdigest()[:40]}"
