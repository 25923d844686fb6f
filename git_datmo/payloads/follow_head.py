"""Bring the payloads to the commit that is checked out.

Unmodified payloads move, modified ones are united. Three things are compared: the snapshots that
the working tree stands on, HEAD's data, and the files. No unsaved file is overwritten, and no
change of others is undone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from git_datmo.git.command import Git
from git_datmo.history.experiments import History
from git_datmo.history.record_signatures import require_signed
from git_datmo.model import Payload
from git_datmo.payloads.checkout_in_progress import MERGING, end_merge, interrupted, read_underway
from git_datmo.payloads.checkout_target import Target, target_of_data, unshared_error
from git_datmo.payloads.git_tracked import owned_by_git
from git_datmo.payloads.head_comparison import Look, look
from git_datmo.payloads.head_moved_back import MovedBack, how_moved_back
from git_datmo.payloads.merging.merge_state import is_interrupted, read_halfway, read_pending
from git_datmo.payloads.tracked_payloads import changing, read_left, save, write_left
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.healing import healed
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.tracking import Tracked, Tracking


@dataclass(frozen=True, slots=True)
class Followed:
    """The paths that were written, removed, left as modified, and kept until a person decides.

    `hint` says how to decide. `by_git` are payloads not placed because git tracks files of theirs.
    `is_united` says that payloads of several sides were united, `is_emptied` that HEAD has no data.
    """

    placed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    hint: str = ""
    by_git: tuple[str, ...] = ()
    is_united: bool = False
    is_emptied: bool = False
    warnings: tuple[str, ...] = ()


NOTHING = Followed()


def follow(ws: Workspace, *, progress: Progress = QUIET) -> Followed:
    """Bring the payloads to HEAD's data after git moved HEAD or records arrived.

    A payload that was never fetched stays so. In a clone without any placed payload, all do.
    """
    return healed(ws, lambda: _follow(ws, progress), progress)


def _follow(ws: Workspace, progress: Progress) -> Followed:
    with changing(ws) as tracking:
        return follow_head(ws, tracking, progress=progress)[1]


def follow_head(
    ws: Workspace, tracking: Tracking, *, progress: Progress = QUIET
) -> tuple[Tracking, Followed]:
    """Do the same for a caller that holds the lock; return the new state, which is saved."""
    head = ws.head()
    if head is None:
        return tracking, NOTHING
    history = History(ws)
    seen = look(ws, history, tracking.snapshots, head)
    # HEAD names data that no record has, so older data must not be placed in their stead.
    if seen.data.unshared:
        error = unshared_error(ws, seen.data)
        return tracking, Followed(warnings=(f"{error.what}; {error.hint}",))
    return follow_look(ws, history, tracking, seen, progress=progress)


def follow_look(
    ws: Workspace, history: History, tracking: Tracking, seen: Look, *, progress: Progress = QUIET
) -> tuple[Tracking, Followed]:
    """Bring the payloads to the result of a comparison, unless they are there or a person must
    decide."""
    waiting = _waits_for_person(ws, seen)
    if waiting is not None:
        return tracking, waiting
    if seen.is_settled and not is_interrupted(ws) and not _is_halfway(ws, seen):
        return _settled(ws, tracking), NOTHING
    return _Following(ws, history, tracking, seen, progress).go()


def catch_up(
    ws: Workspace,
    tracking: Tracking,
    *,
    history: History | None = None,
    progress: Progress = QUIET,
) -> Tracking:
    """Follow HEAD before a command records payloads, so that it undoes no change of others.

    If HEAD moved back behind the working tree's data, they are given up only after a reset that
    left no other change. `history` is the one that the caller has just read.
    """
    head = ws.head()
    if head is None:
        return tracking
    # After an interrupted merge, the files can be of either side.
    if is_interrupted(ws):
        raise interrupted(MERGING)
    history = history or History(ws)
    seen = look(ws, history, tracking.snapshots, head)
    if seen.is_settled:
        return tracking
    if seen.is_ahead and how_moved_back(ws, tracking.head) is not MovedBack.FILES_TOO:
        return tracking
    after, followed = follow_look(ws, history, tracking, seen, progress=progress)
    for path in followed.placed:
        progress.tell(f"updated '{path}' to the data of HEAD")
    for path in followed.removed:
        progress.tell(f"removed '{path}', which HEAD does not have")
    return after


def _waits_for_person(ws: Workspace, seen: Look) -> Followed | None:
    """Return the undecided paths of a merge, if no later snapshot can decide them."""
    pending = read_pending(ws)
    if pending is None or not pending.placed or pending.commit != str(seen.commit):
        return None
    # Later snapshots of other clones may have decided the merge, so new snapshots end the wait.
    if not set(seen.missing) <= {pending.theirs}:
        return None
    return Followed(kept=pending.paths, hint=pending.hint, is_united=True)


def _is_halfway(ws: Workspace, seen: Look) -> bool:
    """Return True if a checkout to HEAD's data was interrupted; raise `DatmoError` for any
    other."""
    mark = seen.data.ids[0] if len(seen.data.ids) == 1 else ""
    underway = read_underway(ws.state)
    return underway is not None and bool(read_halfway(ws, mark))


def _settled(ws: Workspace, tracking: Tracking) -> Tracking:
    """Keep the state. A merge that a later snapshot decided no longer waits."""
    pending = read_pending(ws)
    if (
        pending is not None
        and pending.placed
        and not {pending.ours, pending.theirs} & set(tracking.snapshots)
    ):
        end_merge(ws)
    return tracking


def _tracked_by_git(git: Git, target: Target) -> set[str]:
    """Return the payloads of a target of which git tracks files at HEAD."""
    paths = [payload.path for payload in target.payloads]
    owned = [os.fsdecode(path) + "/" for path in owned_by_git(git, paths)]
    return {path for path in paths if any(each.startswith(path + "/") for each in owned)}


class _Following:
    """One move of a working tree to HEAD's data."""

    def __init__(
        self, ws: Workspace, history: History, tracking: Tracking, seen: Look, progress: Progress
    ) -> None:
        self._ws, self._history, self._seen, self._progress = ws, history, seen, progress
        self._tracking = tracking

    def go(self) -> tuple[Tracking, Followed]:
        """Move, by files alone if nothing has to be united."""
        if self._seen.data.is_cut_off or (not self._seen.data.heads and not self._seen.is_emptied):
            return self._tracking, NOTHING
        if self._is_forward:
            target = self._target()
            # In a clone that fetched no payload, a move of HEAD must not start to download data.
            if not self._tracking.is_awake:
                return self._track_only(target), NOTHING
            followed = self._bring(target)
            if followed is not None:
                return self._ws.tracking(), followed
            return self._unite(target)
        return self._unite_with_missing()

    @property
    def _is_forward(self) -> bool:
        """Return True if the working tree needs only HEAD's data: it has a part of them, or
        another branch's."""
        graph = self._history.catalog.graph
        known = graph.reached(self._seen.data.ids)
        return not self._seen.is_within or known.issuperset(self._seen.standing)

    def _target(self) -> Target:
        if not self._seen.data.heads:
            return Target((), ())
        standing = self._seen.standing
        return target_of_data(
            self._ws, self._history, self._seen.data, standing=standing, progress=self._progress
        )

    def _track_only(self, target: Target) -> Tracking:
        asleep = [Tracked(payload, placed=False) for payload in target.payloads]
        after = Tracking().having(asleep).standing_on(target.snapshots, target.payloads)
        save(self._ws, after)
        return after

    def _bring(self, target: Target) -> Followed | None:
        """Place new content if no modified file is in its way. Otherwise return None and change
        nothing."""
        from git_datmo.payloads.apply_snapshot import apply_snapshot, staying

        require_signed(self._ws, self._history.catalog, target.snapshots)
        if target.kept or is_interrupted(self._ws):
            return None
        halfway = read_halfway(self._ws, target.mark)
        stay = staying(self._ws, self._tracking, halfway) | self._only_dropped()
        base, wanted = self._tracking.base_contents, {p.path: p.content for p in target.payloads}
        # A file that only this clone has is in the way of new content, so both are united.
        if target.payloads and any(base.get(path) != wanted.get(path) for path in stay):
            return None
        by_git = _tracked_by_git(self._ws.repo.git, target)
        asleep = self._asleep(target) - halfway | by_git
        placed = (t.payload.path for t in self._tracking.payloads if t.placed)
        # The payloads are noted before they are removed. Otherwise a crash would make them look as
        # if they had never been placed.
        write_left(
            self._ws.state, {path for path in placed if path in by_git or path not in wanted}
        )
        done = apply_snapshot(
            self._ws,
            self._tracking,
            target,
            stay,
            asleep=asleep,
            force=False,
            progress=self._progress,
        )
        # A waiting merge is over: new data decide it, or HEAD no longer has it.
        end_merge(self._ws)
        return Followed(
            *(done.placed, done.removed, done.left if target.snapshots else tuple(sorted(stay))),
            by_git=tuple(sorted(by_git)),
            is_united=len(target.snapshots) > 1,
            is_emptied=not target.snapshots,
        )

    def _asleep(self, target: Target) -> set[str]:
        """Return the payloads of the target that were never fetched, and stay so."""
        left, known = (
            read_left(self._ws.state),
            {t.payload.path: t.placed for t in self._tracking.payloads},
        )
        # After a commit without data, only payloads that were removed there are known to have been
        # placed.
        unknown = self._tracking.snapshots or not left
        return {
            p.path for p in target.payloads if p.path not in left and not known.get(p.path, unknown)
        }

    def _only_dropped(self) -> set[str]:
        """Return the payloads that only dropped snapshots have, if HEAD has no data: they stay."""
        dropped = self._history.catalog.dropped
        if self._seen.data.heads or not dropped.issuperset(self._tracking.snapshots):
            return set()
        return {t.payload.path for t in self._tracking.payloads if t.placed}

    def _unite(self, target: Target) -> tuple[Tracking, Followed]:
        """Unite local changes with HEAD's data."""
        base = {payload.path: payload for payload in self._tracking.base}
        theirs = {payload.path: payload for payload in target.payloads}
        return self._merge(base, theirs, target.snapshots, theirs, target.kept)

    def _unite_with_missing(self) -> tuple[Tracking, Followed]:
        """Unite the working tree's data with HEAD's snapshots that it does not include."""
        from git_datmo.payloads.merging.united_heads import HeadsUnion

        union, seen = HeadsUnion(self._ws, self._history, self._progress), self._seen
        theirs = union.unite(seen.missing)
        base = union.base(seen.standing, seen.missing)
        both = self._history.catalog.graph.heads((*seen.standing, *seen.missing))
        stored = union.unite(both, first=seen.standing)
        return self._merge(
            base, theirs.payloads, both, stored.payloads, (*theirs.kept, *stored.kept)
        )

    def _merge(
        self,
        base: dict[str, Payload],
        theirs: dict[str, Payload],
        standing: tuple[str, ...],
        stored: dict[str, Payload],
        kept: tuple[str, ...],
    ) -> tuple[Tracking, Followed]:
        from git_datmo.payloads.merging.merge_into_tree import Sides, Union

        # Only a snapshot that the working tree does not stand on can offer the other version.
        others = [snapshot for snapshot in standing if snapshot not in self._seen.standing]
        ours_id = next(iter(self._seen.standing), "")
        theirs_id = next(iter(others or standing), "")
        sides = Sides(self._seen.commit, base, theirs, standing, stored, ours_id, theirs_id, kept)
        union = Union(self._ws, sides, self._tracking, self._progress)
        union.unite_payloads()
        # The files are placed before the undecided paths are saved: a crash leaves an interrupted
        # merge, which the next command repeats.
        placed = union.place()
        pending = union.conclude()
        if pending is None:
            return union.tracking, Followed(placed, is_united=True)
        return union.tracking, Followed(
            placed, kept=pending.paths, hint=pending.hint, is_united=True
        )
