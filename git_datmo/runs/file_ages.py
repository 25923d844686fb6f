"""Set the times of a rerun's files so that make decides as it did in the recorded run.

Make rebuilds a target if a prerequisite is newer. The record names the files that the recorded run
wrote. These get an earlier time than all others, so that they are outdated. All others get the same
time, and are up to date.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from git_datmo.errors import Incomplete
from git_datmo.model import Form, Payload
from git_datmo.objects.tree_differences import compare
from git_datmo.objects.tree_nodes import root_node
from git_datmo.repository.workspace import Workspace

OLDER = 3600
# The assumed maximum, in seconds, by which a file system's clock differs.
LATEST = 2


def set_times(
    ws: Workspace,
    folder: Path,
    started: str,
    outputs: Iterable[str],
    before: Iterable[Payload],
    after: Iterable[Payload],
) -> None:
    """Set the times of all files in `folder` to the start of the recorded run.

    The `outputs` get a time that is `OLDER` seconds earlier. `before` and `after` are the payloads
    before and after the recorded run.
    """
    # Make warns of clock skew if a file has a time in the future.
    seconds = min(_seconds(started), time.time() - LATEST)
    top = os.fsencode(folder)
    _set_below(top, seconds)
    # The outputs come second, since the call above sets their times too.
    for path in _written(ws, outputs, before, after):
        _set_below(os.path.join(top, path), seconds - OLDER)


def _seconds(started: str) -> float:
    """Return the Unix time of a recorded time; the current time if it cannot be parsed."""
    try:
        return (
            datetime.strptime(started, "%Y-%m-%dT%H:%M:%S.%fZ")
            .replace(tzinfo=timezone.utc)
            .timestamp()
        )
    except ValueError:
        return time.time()


def _written(
    ws: Workspace, outputs: Iterable[str], before: Iterable[Payload], after: Iterable[Payload]
) -> Iterator[bytes]:
    """Yield the paths that the recorded run wrote.

    Of a folder that existed before, only the changes count.
    """
    earlier = {payload.path: payload for payload in before}
    later = {payload.path: payload for payload in after}
    for path in outputs:
        changed = list(_changed(ws, earlier.get(path), later.get(path)))
        yield from (os.fsencode(path) + b"/" + b"/".join(names) for names in changed)
        if not changed:
            yield os.fsencode(path)


def _changed(
    ws: Workspace, before: Payload | None, after: Payload | None
) -> Iterable[tuple[bytes, ...]]:
    """Return the files that differ in a folder.

    Returns none if they are unknown or if the run wrote the same bytes again.
    """
    if before is None or after is None or before.content.form is not Form.FOLDER:
        return ()
    try:
        found = list(
            compare(root_node(before.content), root_node(after.content), ws.store.read_tree)
        )
    except Incomplete:
        return ()
    return [each.path for each in found if each.path]


def _set_below(path: bytes, seconds: float) -> None:
    """Set the times of `path` and everything below it."""
    _set(path, seconds)
    for base, folders, files in os.walk(path):
        for name in (*folders, *files):
            _set(os.path.join(base, name), seconds)


def _set(path: bytes, seconds: float) -> None:
    """Set the times of a file; a failure is ignored."""
    with suppress(OSError):
        # A link may lead to a file outside of the rerun's folder.
        os.utime(path, (seconds, seconds), follow_symlinks=False)
