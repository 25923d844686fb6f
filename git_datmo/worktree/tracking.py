"""State of a working tree: its payloads as they were last stored or placed.

The state is local to a working tree and is never shared. A snapshot is made from it.
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
    """Payload of a working tree.

    `placed` is False if its files have never been checked out in it.
    """

    payload: Payload
    placed: bool = True
    empty_folders: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Tracking:
    """All payloads of a working tree, sorted by path, and its base snapshots.

    `snapshots` are sorted ids. After a merge of data that no snapshot records yet, they are
    several. `base` are the merged payloads of these snapshots. `awake` is True once the files of
    any payload were placed or added. Only then does a checkout write the files of new payloads too.
    """

    payloads: tuple[Tracked, ...] = ()
    snapshots: tuple[str, ...] = ()
    base: tuple[Payload, ...] = ()
    awake: bool = False
    head: str = ""

    @property
    def is_awake(self) -> bool:
        """Return True if new payloads must be placed, not only tracked."""
        return self.awake or any(tracked.placed for tracked in self.payloads)

    @property
    def base_contents(self) -> dict[str, Content]:
        """Return the content of each payload in `base`, by path."""
        return {payload.path: payload.content for payload in self.base}

    def standing_on(self, snapshots: Iterable[str], base: Iterable[Payload]) -> Tracking:
        """Return this state with other base snapshots and their payloads."""
        return replace(
            self, snapshots=tuple(sorted(snapshots)), base=tuple(sorted(base, key=lambda p: p.path))
        )

    def get(self, path: str) -> Tracked | None:
        """Return the payload with this path, or None."""
        return next((tracked for tracked in self.payloads if tracked.payload.path == path), None)

    def holding(self, path: str) -> Tracked | None:
        """Return the payload that is at `path` or contains it, or None."""
        return next(
            (
                t
                for t in self.payloads
                if path == t.payload.path or path.startswith(t.payload.path + "/")
            ),
            None,
        )

    def within(self, path: str) -> tuple[Tracked, ...]:
        """Return the payloads at or below `path`; all payloads if it is empty."""
        # The slash keeps `data` from matching `data-old`.
        return tuple(
            t for t in self.payloads if not path or (t.payload.path + "/").startswith(path + "/")
        )

    def sizes(self, paths: Collection[str]) -> Iterator[int]:
        """Return an iterator over the sizes in bytes of the payloads at `paths`."""
        return (t.payload.content.size for t in self.payloads if t.payload.path in paths)

    def having(self, changed: Iterable[Tracked]) -> Tracking:
        """Return this state with `changed` added.

        A payload replaces the payload with the same path.
        """
        by_path = {tracked.payload.path: tracked for tracked in (*self.payloads, *changed)}
        return replace(self, payloads=tuple(by_path[path] for path in sorted(by_path)))

    def without(self, paths: Iterable[str]) -> Tracking:
        """Return this state without the payloads at `paths`."""
        gone = set(paths)
        return replace(self, payloads=tuple(t for t in self.payloads if t.payload.path not in gone))


def read_tracking(path: Path) -> Tracking | None:
    """Return the state in the file `path`, or None if the file is missing.

    Raises `Damaged` for invalid content and for the format of another version.
    """
    try:
        raw = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise Damaged(
            f"cannot read '{path}': {error}", "remove it, then run 'git datmo checkout'"
        ) from error
    if isinstance(raw, dict) and raw.get("version", VERSION) != VERSION:
        raise Damaged(f"'{path}' was written by another version of git-datmo", "upgrade git-datmo")
    try:
        tracked = tuple(_decode(entry) for entry in raw["payloads"])
        base = tuple(_decode_payload(entry) for entry in raw["base"])
        return Tracking(
            tracked, tuple(map(str, raw["snapshots"])), base, bool(raw["awake"]), str(raw["head"])
        )
    except (AttributeError, Damaged, KeyError, TypeError, ValueError) as error:
        raise Damaged(
            f"'{path}' is malformed: {error}", "remove it, then run 'git datmo checkout'"
        ) from error


def write_tracking(path: Path, tracking: Tracking) -> None:
    """Write the state to the file `path`, unless it has that state."""
    document = {
        "version": VERSION,
        "awake": tracking.is_awake,
        "head": tracking.head,
        "snapshots": list(tracking.snapshots),
        "base": [_encode_payload(payload) for payload in tracking.base],
        "payloads": [_encode(tracked) for tracked in tracking.payloads],
    }
    raw = json.dumps(document, indent=1).encode() + b"\n"
    try:
        # An unchanged file is not written, which saves a sync in every command.
        is_written = path.read_bytes() == raw
    except OSError:
        is_written = False
    if not is_written:
        fsio.write_file(path, raw)


def _encode(tracked: Tracked) -> dict[str, object]:
    """Return a tracked payload as JSON data."""
    return {
        **_encode_payload(tracked.payload),
        "placed": tracked.placed,
        "empty_folders": sorted(
            folder.decode("utf-8", "surrogateescape") for folder in tracked.empty_folders
        ),
    }


def _encode_payload(payload: Payload) -> dict[str, object]:
    """Return a payload as JSON data."""
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
    """Return the tracked payload in JSON data.

    Raises `TypeError` and similar errors for invalid data.
    """
    folders = entry["empty_folders"]
    if not isinstance(folders, list):
        raise TypeError(f"the payload '{entry['path']}' has no list of empty folders")
    return Tracked(
        _decode_payload(entry),
        bool(entry["placed"]),
        frozenset(folder.encode("utf-8", "surrogateescape") for folder in folders),
    )


def _decode_payload(entry: dict[str, object]) -> Payload:
    """Return the payload in JSON data.

    Raises `TypeError` and similar errors for invalid data.
    """
    size, files = entry["size"], entry["files"]
    if not (isinstance(size, int) and isinstance(files, int)):
        raise TypeError(f"the payload '{entry['path']}' has no size or no number of files")
    content = Content(Oid.parse(str(entry["object"])), Form(str(entry["form"])), size, files)
    return Payload(str(entry["path"]), Role(str(entry["role"])), content)
