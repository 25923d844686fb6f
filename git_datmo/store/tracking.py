"""What a working tree tracks: its payloads as they were last stored or placed.

The state belongs to one working tree and never travels; a snapshot is made from it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo import fsio
from git_datmo.errors import Damaged
from git_datmo.model import Content, Form, Oid, Payload, Role

VERSION = 1


@dataclass(frozen=True, slots=True)
class Tracked:
    """A payload of this working tree; `placed` is False while its files were never fetched here."""

    payload: Payload
    placed: bool = True
    empty_folders: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Tracking:
    """All that a working tree tracks, by path.

    `snapshots` are the ids of the snapshots that the working tree stands on, sorted: several where their data were
    united and no snapshot of that exists yet. `base` are the payloads that these snapshots have, united. `awake` says
    that the files of some payload were placed or added at some time: only then do others come along. `head` is the
    commit that was checked out when the state was written, '' for none.
    """

    payloads: tuple[Tracked, ...] = ()
    snapshots: tuple[str, ...] = ()
    base: tuple[Payload, ...] = ()
    awake: bool = False
    head: str = ""

    @property
    def is_awake(self) -> bool:
        """Return whether payloads that come are to be placed, not only tracked."""
        return self.awake or any(tracked.placed for tracked in self.payloads)

    @property
    def base_contents(self) -> dict[str, Content]:
        """Return the content of each payload of the snapshots that the working tree stands on, by path."""
        return {payload.path: payload.content for payload in self.base}

    def standing_on(self, snapshots: Iterable[str], base: Iterable[Payload]) -> Tracking:
        """Return this state with other snapshots to stand on."""
        return replace(self, snapshots=tuple(sorted(snapshots)), base=tuple(sorted(base, key=lambda p: p.path)))

    def get(self, path: str) -> Tracked | None:
        return next((tracked for tracked in self.payloads if tracked.payload.path == path), None)

    def holding(self, path: str) -> Tracked | None:
        """The payload that `path` is, or lies in."""
        return next((t for t in self.payloads if path == t.payload.path or path.startswith(t.payload.path + "/")), None)

    def within(self, path: str) -> tuple[Tracked, ...]:
        """The payloads that `path` is or holds; '' holds all."""
        return tuple(t for t in self.payloads if not path or (t.payload.path + "/").startswith(path + "/"))

    def sizes(self, paths: Collection[str]) -> Iterator[int]:
        """How many bytes each payload of `paths` holds."""
        return (t.payload.content.size for t in self.payloads if t.payload.path in paths)

    def having(self, changed: Iterable[Tracked]) -> Tracking:
        """This state with `changed` added or put in place of what has their path."""
        by_path = {tracked.payload.path: tracked for tracked in (*self.payloads, *changed)}
        return replace(self, payloads=tuple(by_path[path] for path in sorted(by_path)))

    def without(self, paths: Iterable[str]) -> Tracking:
        gone = set(paths)
        return replace(self, payloads=tuple(t for t in self.payloads if t.payload.path not in gone))


def read_tracking(path: Path) -> Tracking | None:
    """The state in the file `path`, or None where there is none; raises `Damaged` for anything else."""
    try:
        raw = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise Damaged(f"cannot read '{path}': {error}", "remove it, then run 'git datmo checkout'") from error
    if isinstance(raw, dict) and raw.get("version", VERSION) != VERSION:
        raise Damaged(f"'{path}' was written by another version of git-datmo", "upgrade git-datmo")
    try:
        tracked = tuple(_decode(entry) for entry in raw["payloads"])
        base = tuple(_decode_payload(entry) for entry in raw["base"])
        return Tracking(tracked, tuple(map(str, raw["snapshots"])), base, bool(raw["awake"]), str(raw["head"]))
    except (AttributeError, Damaged, KeyError, TypeError, ValueError) as error:
        raise Damaged(f"'{path}' is malformed: {error}", "remove it, then run 'git datmo checkout'") from error


def write_tracking(path: Path, tracking: Tracking) -> None:
    """Write the state to the file `path`."""
    document = {
        "version": VERSION,
        "awake": tracking.is_awake,
        "head": tracking.head,
        "snapshots": list(tracking.snapshots),
        "base": [_encode_payload(payload) for payload in tracking.base],
        "payloads": [_encode(tracked) for tracked in tracking.payloads],
    }
    fsio.write_file(path, json.dumps(document, indent=1).encode() + b"\n")


def _encode(tracked: Tracked) -> dict[str, object]:
    return {
        **_encode_payload(tracked.payload),
        "placed": tracked.placed,
        "empty_folders": sorted(folder.decode("utf-8", "surrogateescape") for folder in tracked.empty_folders),
    }


def _encode_payload(payload: Payload) -> dict[str, object]:
    content = payload.content
    return {
        "path": payload.path,
        "role": str(payload.role),
        "form": str(content.form),
        "object": str(content.object),
        "size": content.size,
        "files": content.files,
    }


def _decode(entry: dict[str, object]) -> Tracked:
    folders = entry["empty_folders"]
    if not isinstance(folders, list):
        raise TypeError(f"the payload '{entry['path']}' has no list of empty folders")
    return Tracked(
        _decode_payload(entry),
        bool(entry["placed"]),
        frozenset(folder.encode("utf-8", "surrogateescape") for folder in folders),
    )


def _decode_payload(entry: dict[str, object]) -> Payload:
    size, files = entry["size"], entry["files"]
    if not (isinstance(size, int) and isinstance(files, int)):
        raise TypeError(f"the payload '{entry['path']}' has no size or no number of files")
    content = Content(Oid.parse(str(entry["object"])), Form(str(entry["form"])), size, files)
    return Payload(str(entry["path"]), Role(str(entry["role"])), content)
