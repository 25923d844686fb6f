"""The payloads that a working tree tracks: held while they change, and kept out of git's index."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from git_datmo import fsio
from git_datmo.errors import DatmoError
from git_datmo.flows.changes import current_tracking
from git_datmo.flows.exclude import write_excludes
from git_datmo.flows.workspace import Workspace
from git_datmo.store.tracking import Tracking, read_tracking

LEFT = "left"


@contextmanager
def changing(ws: Workspace, seconds: float = 60.0) -> Iterator[Tracking]:
    """Hold the working tree's lock, and give its tracking state; what a killed command left excluded is so no more."""
    with ws.locked(seconds):
        tracking = current_tracking(ws)
        _exclude(ws, tracking)
        yield tracking


def save(ws: Workspace, tracking: Tracking) -> None:
    """Make a tracking state the working tree's, and keep its payloads out of git's index."""
    # Should the process die on the way, too much is excluded, never too little: `git add` must not take in a payload.
    _exclude(ws, ws.tracking(), tracking)
    ws.save_tracking(tracking)
    _exclude(ws, tracking)


def _exclude(ws: Workspace, *states: Tracking) -> None:
    """Keep the payloads of `states` out of git's index, and those that other working trees of the repository track:
    they have one exclude file."""
    folders = [ws.repo.common_dir, *(ws.repo.common_dir / "worktrees").glob("*")]
    others = [folder / "datmo" / "tracked.json" for folder in folders if folder != ws.repo.git_dir]
    every = (*states, *(read_tracking(path) or Tracking() for path in others))
    paths = {tracked.payload.path for state in every for tracked in state.payloads}
    write_excludes(ws.repo.common_dir / "info" / "exclude", paths)


def read_left(ws: Workspace) -> frozenset[str]:
    """Return the paths of placed payloads that went when HEAD moved: they come back when their data do.

    HEAD's commit had no data, or none of theirs, or git itself tracked files of theirs in it.
    """
    try:
        return frozenset(json.loads((ws.state / LEFT).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return frozenset()


def write_left(ws: Workspace, paths: Collection[str]) -> None:
    """Note placed payloads that are about to go."""
    known = read_left(ws)
    if known.issuperset(paths):
        return
    fsio.write_file(ws.state / LEFT, json.dumps(sorted(known.union(paths))).encode())


def rm(ws: Workspace, paths: Iterable[str]) -> tuple[str, ...]:
    """Stop tracking; the files stay."""
    with changing(ws) as tracking:
        gone: list[str] = []
        for path in paths:
            within = [t.payload.path for t in tracking.within(path)]
            if not within:
                holder = tracking.holding(path)
                hint = f"it is part of '{holder.payload.path}'" if holder else "'git datmo status' lists the payloads"
                raise DatmoError(f"'{path}' is not a payload", hint)
            gone += within
        # Before the tracking state: should the process die between the two, the files are unknown and are read again.
        edit = ws.cache.edit()
        for path in gone:
            edit.renew(os.fsencode(path))
        ws.cache.update(edit)
        save(ws, tracking.without(gone))
    return tuple(gone)
