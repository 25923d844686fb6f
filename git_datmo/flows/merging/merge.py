"""After git merged two branches, their payloads: what both sides changed is united in a snapshot of the merge.

A commit that was rebased or cherry-picked is merged likewise: what it changed in the payloads before, with those here.
The sides are what the merge's parents have by their nearest snapshots, the base is what their merge base has. What both
changed differently, or what the working tree holds changed, stays as it is here until a person decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.flows.merging.sides import find_sides
from git_datmo.flows.merging.unresolved import is_interrupted, read_pending
from git_datmo.flows.tracked import changing
from git_datmo.flows.underway import end_merge, interrupted, read_underway
from git_datmo.flows.workspace import Workspace
from git_datmo.progress import QUIET, Progress

if TYPE_CHECKING:
    from git_datmo.flows.merging.union import United


def unite(ws: Workspace, *, progress: Progress = QUIET) -> United | None:
    """Unite the payloads that HEAD's parents have; None where HEAD is no merge, or has a snapshot, or one side is all.

    A merge that was cut off goes on; one that waits for a person still waits.
    """
    with changing(ws) as tracking:
        sides = find_sides(ws)
        pending = read_pending(ws)
        if sides is None:
            # A merge that died once its snapshot was there, or for which somebody else made one, is done.
            if is_interrupted(ws):
                end_merge(ws)
            return None
        # Most commits unite nothing.
        from git_datmo.flows.merging.union import Union, United

        underway = read_underway(ws)
        if underway is not None and not underway.is_merge:
            raise interrupted(underway)
        if pending is not None and pending.placed and pending.commit == str(sides.commit):
            return United("", (), pending.paths, pending.hint)
        union = Union(ws, sides, tracking, progress)
        union.unite_payloads()
        placed = union.place()
        return union.conclude(placed)
