"""The data of a merge commit that git is about to make, before the payloads are united in the
working tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from git_datmo.history.commit_data import CommitData
from git_datmo.history.experiments import History
from git_datmo.model import Oid, Payload
from git_datmo.payloads.checkout_in_progress import refuse_during_checkout
from git_datmo.payloads.fetch_after_pull import fetch_records_of_pull
from git_datmo.payloads.merging.merge_state import read_pending
from git_datmo.payloads.tracked_payloads import changing
from git_datmo.progress import QUIET, Progress
from git_datmo.records.data_id import data_id
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.tracking import Tracking

# A snapshot is found by these on whichever line of history it is.
_CERTAIN = ("note", "trailer")


@dataclass(frozen=True, slots=True)
class MergedData:
    """The id of the united payloads, '' where they cannot be told; `brings` says that the other
    side has data of its own."""

    id: str
    brings: bool


def is_merging(git_dir: Path) -> bool:
    """Return whether the commit that is being made is a merge."""
    return (git_dir / "MERGE_HEAD").exists()


def find_merged_data(
    ws: Workspace, *, patience: float, is_pull: bool, progress: Progress = QUIET
) -> MergedData:
    """Return the data that the snapshot of the merge will have, where it unites those of both
    sides."""
    with changing(ws, patience) as tracking:
        refuse_during_checkout(ws)
        head = ws.head()
        # While an earlier merge waits, its outcome is up to a person.
        if head is None or read_pending(ws) is not None:
            return MergedData("", brings=True)
        history, sides = _sides(ws, head, is_pull=is_pull, progress=progress)
        graph = history.catalog.graph
        heads = tuple(graph.heads({snapshot for side in sides for snapshot in side.ids}))
        # No side has data that the working tree does not include, so no snapshot unites anything.
        if not set(heads) - graph.reached(tracking.snapshots):
            return MergedData("", brings=False)
        is_known = all(_is_certain(side) for side in sides)
        # The result can differ from the later snapshot if a side's data were guessed or are not yet
        # placed.
        if not is_known or len(heads) < 2 or set(sides[0].ids) != set(tracking.snapshots):
            return MergedData("", brings=True)
        payloads = _unite(ws, history, tracking, heads, head, progress)
        return MergedData(data_id(payloads) if payloads else "", brings=True)


def _sides(
    ws: Workspace, head: Oid, *, is_pull: bool, progress: Progress
) -> tuple[History, tuple[CommitData, ...]]:
    """Return the data of HEAD and of each commit that is merged; a pull fetches the records that it
    did not bring."""
    others = [
        Oid.parse(line) for line in (ws.repo.git_dir / "MERGE_HEAD").read_text("ascii").split()
    ]
    history = History(ws)
    sides = tuple(history.data(commit) for commit in (head, *others))
    # `git pull` of a named branch fetches without the configured refspecs, and so without records.
    if is_pull and any(side.unshared for side in sides[1:]):
        fetch_records_of_pull(ws, progress=progress)
        history = History(ws)
        sides = tuple(history.data(commit) for commit in (head, *others))
    return history, sides


def _is_certain(side: CommitData) -> bool:
    return (
        not side.unshared
        and not side.is_cut_off
        and all(claim.way in _CERTAIN for claim in side.heads)
    )


def _unite(
    ws: Workspace,
    history: History,
    tracking: Tracking,
    heads: tuple[str, ...],
    head: Oid,
    progress: Progress,
) -> Iterable[Payload]:
    """Return the united payloads, none where a person has to decide."""
    from git_datmo.payloads.merging.merge_into_tree import Sides, Union
    from git_datmo.payloads.merging.united_heads import HeadsUnion
    from git_datmo.payloads.unsaved_changes import find_unsnapshotted

    united = HeadsUnion(ws, history, progress).unite(heads, first=tracking.snapshots)
    if united.kept:
        return ()
    # Unsaved changes become part of the merge, so the trailer must include them.
    local = find_unsnapshotted(ws, tracking)
    if not local.changed and not local.missing:
        return united.payloads.values()
    base = {payload.path: payload for payload in tracking.base}
    union = Union(
        ws, Sides(head, base, united.payloads, heads, united.payloads, "", ""), tracking, progress
    )
    union.unite_payloads()
    return () if union.undecided else union.payloads
