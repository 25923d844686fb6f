"""Change the state of a working tree under its lock, and keep payloads out of git's index."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from git_datmo import fsio
from git_datmo.errors import DatmoError
from git_datmo.payloads.exclude_file import write_excludes
from git_datmo.payloads.payload_changes import current_tracking
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.tracking import Tracking, read_tracking

LEFT = "left"


@contextmanager
def changing(ws: Workspace, seconds: float = 60.0) -> Iterator[Tracking]:
    """Hold the working tree's lock and yield its state. Excludes left by a killed command are
    removed."""
    with ws.locked(seconds):
        tracking = current_tracking(ws)
        _exclude(ws, tracking)
        yield tracking


def save(ws: Workspace, tracking: Tracking) -> None:
    """Save the state of the working tree, and keep its payloads out of git's index."""
    # After a crash too much is excluded, never too little: `git add` must not take in a payload.
    _exclude(ws, ws.tracking(), tracking)
    ws.save_tracking(tracking)
    _exclude(ws, tracking)


def _exclude(ws: Workspace, *states: Tracking) -> None:
    """Exclude the payloads of `states`, and those of other working trees, which share the file."""
    # `.git/info/exclude` is in the common folder, so all working trees share it.
    folders = [ws.repo.common_dir, *(ws.repo.common_dir / "worktrees").glob("*")]
    others = [folder / "datmo" / "tracked.json" for folder in folders if folder != ws.repo.git_dir]
    every = (*states, *(read_tracking(path) or Tracking() for path in others))
    paths = {tracked.payload.path for state in every for tracked in state.payloads}
    write_excludes(ws.repo.common_dir / "info" / "exclude", paths)


def read_left(state: Path) -> frozenset[str]:
    """Return the placed payloads that were removed when HEAD moved. They return with their data.

    HEAD's commit had none of their data, or git tracked files of theirs.
    """
    try:
        return frozenset(json.loads((state / LEFT).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return frozenset()


def write_left(state: Path, paths: Collection[str]) -> None:
    """Record placed payloads that are about to be removed."""
    # The file only grows: a path in it that is placed again does no harm.
    known = read_left(state)
    if known.issuperset(paths):
        return
    fsio.write_file(state / LEFT, json.dumps(sorted(known.union(paths))).encode())


def rm(ws: Workspace, paths: Iterable[str]) -> tuple[str, ...]:
    """Stop tracking payloads; their files stay."""
    with changing(ws) as tracking:
        gone: list[str] = []
        for path in paths:
            within = [t.payload.path for t in tracking.within(path)]
            if not within:
                holder = tracking.holding(path)
                hint = (
                    f"it is part of '{holder.payload.path}'"
                    if holder
                    else "'git datmo status' lists the payloads"
                )
                raise DatmoError(f"'{path}' is not a payload", hint)
            gone += within
        # Written before the state: after a crash in between, files are unknown and are read again.
        edit = ws.cache.edit()
        for path in gone:
            edit.renew(os.fsencode(path))
        ws.cache.update(edit)
        save(ws, tracking.without(gone))
    return tuple(gone)
