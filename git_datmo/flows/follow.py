"""After git moved HEAD: the payloads go along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.flows.healing import healed
from git_datmo.flows.history import History
from git_datmo.flows.merging.unresolved import read_halfway
from git_datmo.flows.tracked import changing, save
from git_datmo.flows.workspace import Workspace
from git_datmo.progress import QUIET, Progress
from git_datmo.store.tracking import Tracked, Tracking

if TYPE_CHECKING:
    from git_datmo.flows.switch import Switched


def follow(ws: Workspace, *, progress: Progress = QUIET) -> Switched | None:
    """After git moved HEAD: payloads that are as they were stored follow it; modified ones stay, and are named.

    A payload that was never fetched here stays so, and so does a clone in which none was.
    """
    return healed(ws, lambda: _follow(ws, progress), progress)


def _follow(ws: Workspace, progress: Progress) -> Switched | None:
    with changing(ws) as tracking:
        head = ws.repo.head()
        found = History(ws).nearest(head) if head is not None else None
        if found is None:
            return None
        halfway = read_halfway(ws, found)
        if str(found.id) == tracking.snapshot and not halfway:
            return None
        if not halfway and not any(t.placed for t in tracking.payloads):
            asleep = [Tracked(payload, placed=False) for payload in found.snapshot.payloads]
            save(ws, Tracking((), str(found.id)).having(asleep))
            return None
        # Most of the time there is nothing to follow.
        from git_datmo.flows.switch import bring, staying

        wanted = {payload.path for payload in found.snapshot.payloads}
        asleep_paths = {t.payload.path for t in tracking.payloads if not t.placed} & wanted - halfway
        stay = staying(ws, tracking, halfway) | asleep_paths
        return bring(ws, tracking, found, stay, force=False, progress=progress)
