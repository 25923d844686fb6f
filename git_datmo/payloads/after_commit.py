"""Make the snapshot of a commit, and conclude a merge of payloads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from git_datmo.history.experiments import History
from git_datmo.model import Content, Payload
from git_datmo.payloads.checkout_in_progress import interrupted, read_underway
from git_datmo.payloads.checkout_target import unshared_error
from git_datmo.payloads.follow_head import NOTHING, Followed, follow_look
from git_datmo.payloads.head_comparison import Look, look
from git_datmo.payloads.head_moved_back import MovedBack, how_moved_back
from git_datmo.payloads.merging.merge_state import read_pending, refuse_unresolved
from git_datmo.payloads.picked_commits import (
    Picked,
    find_picked,
    is_amended,
    is_made_here,
    last_move,
)
from git_datmo.payloads.tracked_payloads import changing
from git_datmo.progress import QUIET, Progress
from git_datmo.records.data_id import data_id, parse_trailers
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.tracking import Tracking


@dataclass(frozen=True, slots=True)
class Concluded:
    """The outcome: payloads that followed or were united, the snapshot's id ('' for none),
    warnings."""

    followed: Followed = NOTHING
    snapshot: str = ""
    warnings: tuple[str, ...] = ()


def conclude_commit(ws: Workspace, *, progress: Progress = QUIET) -> Concluded:
    """Make the snapshot of a commit whose payloads changed or were united.

    Changes of others are united first, so that the snapshot undoes nothing.
    """
    with changing(ws) as tracking:
        conclusion = _Conclusion(ws, progress)
        done = conclusion.of_commit(tracking)
        return (
            done
            if done.snapshot
            else replace(done, warnings=(*done.warnings, *conclusion.revert_hints()))
        )


def conclude_merge(ws: Workspace, *, progress: Progress = QUIET) -> Concluded:
    """Bring the payloads to HEAD's data after a merge or pull. A merge made in this clone gets a
    snapshot."""
    with changing(ws) as tracking:
        return _Conclusion(ws, progress).of_merge(tracking)


class _Conclusion:
    def __init__(self, ws: Workspace, progress: Progress) -> None:
        self._ws, self._progress = ws, progress
        self._history = History(ws)

    def of_commit(self, tracking: Tracking) -> Concluded:
        self._refuse_halfway()
        # A picked commit has the trailer of its original. To follow it would take over all data of
        # the original's branch, not only its changes.
        picked = find_picked(self._ws.repo.git, self._history)
        if picked is not None and not self._waits():
            return self._pick(tracking, picked)
        seen = self._look(tracking, is_own=True)
        if seen.is_ahead:
            moved = how_moved_back(self._ws, tracking.head)
            # After a soft reset, or if the trailer names the tracked data, the files belong to the
            # new commit.
            if moved is MovedBack.HEAD_ALONE or self._is_named_by_head(tracking):
                return self._snapshot_if_changed(tracking, NOTHING)
            if moved is MovedBack.UNKNOWN:
                return Concluded(warnings=(_ahead_warning(seen),))
        tracking, followed = follow_look(
            self._ws, self._history, tracking, seen, progress=self._progress
        )
        # No snapshot is made while a person has to decide: it would record one side as the result.
        if followed.kept:
            return Concluded(followed)
        # A merge gets a snapshot even if no payload changed, since it unites the heads of the
        # snapshot graph.
        if len(tracking.snapshots) > 1 and self._is_own_merge():
            done = self._attach(tracking, followed)
        else:
            done = self._snapshot_if_changed(tracking, followed)
        if seen.data.unshared and not is_made_here(self._ws.repo.git, seen.data.unshared[0].commit):
            error = unshared_error(self._ws, seen.data)
            done = replace(
                done, warnings=(*done.warnings, f"{error.what}; this commit builds on older data")
            )
        return done

    def revert_hints(self) -> tuple[str, ...]:
        """Return how to restore the data from before the commits that HEAD reverts."""
        from git_datmo.payloads.reverted_commits import revert_hints

        return tuple(revert_hints(self._ws, self._history))

    def of_merge(self, tracking: Tracking) -> Concluded:
        self._refuse_halfway()
        seen = self._look(tracking, is_own=self._is_own_merge())
        if seen.data.unshared:
            error = unshared_error(self._ws, seen.data)
            return Concluded(warnings=(f"{error.what}; {error.hint}",))
        tracking, followed = follow_look(
            self._ws, self._history, tracking, seen, progress=self._progress
        )
        if followed.kept or len(tracking.snapshots) < 2 or not self._is_own_merge():
            return Concluded(followed)
        return self._attach(tracking, followed)

    def _look(self, tracking: Tracking, *, is_own: bool) -> Look:
        """Compare the working tree with HEAD. The trailer of our own commit names data that are
        about to be recorded."""
        head = self._ws.head()
        assert head is not None, "a commit was just made"
        seen = look(self._ws, self._history, tracking.snapshots, head)
        if not is_own:
            return seen
        others = tuple(each for each in seen.data.unshared if each.commit != str(head))
        # The new commit has the data of the commit that it amends.
        is_within = seen.is_within or is_amended(self._ws.repo.git)
        return replace(seen, data=replace(seen.data, unshared=others), is_within=is_within)

    def _is_named_by_head(self, tracking: Tracking) -> bool:
        """Return whether the trailer of the new commit says that it has the payloads as they are
        tracked."""
        named = parse_trailers(self._ws.repo.git.text("log", "-1", "--format=%B", "HEAD", "--"))
        return data_id(tracked.payload for tracked in tracking.payloads) in named

    def _refuse_halfway(self) -> None:
        underway = read_underway(self._ws.state)
        if underway is not None and not underway.is_merge:
            raise interrupted(underway)

    def _waits(self) -> bool:
        pending = read_pending(self._ws)
        return pending is not None and pending.placed and pending.commit == str(self._ws.head())

    def _is_own_merge(self) -> bool:
        """Return True if git has just made HEAD as a merge commit in this clone."""
        head = self._history.commit("HEAD")
        # A fast-forward can end at a merge commit of another clone, which makes the snapshot.
        return len(head.parents) > 1 and not last_move(self._ws.repo.git).endswith("Fast-forward")

    def _pick(self, tracking: Tracking, picked: Picked) -> Concluded:
        """Take over only what a picked commit changed in the payloads."""
        from git_datmo.payloads.merging.merge_into_tree import Sides, Union
        from git_datmo.payloads.merging.payload_merge import by_path
        from git_datmo.payloads.merging.united_heads import HeadsUnion

        heads = HeadsUnion(self._ws, self._history, self._progress)
        base = heads.unite(self._history.data(picked.parent).ids).payloads
        theirs = heads.unite(picked.snapshots).payloads
        # The original changed no payload, so only changes of this working tree are recorded.
        if base == theirs:
            return self._snapshot_if_changed(tracking, NOTHING)
        standing, stored = tracking.snapshots, by_path(tracking.base)
        ours_id = next(iter(standing), "")
        head = self._history.commit("HEAD").oid
        sides = Sides(head, base, theirs, standing, stored, ours_id, picked.snapshots[0])
        union = Union(self._ws, sides, tracking, self._progress)
        union.unite_payloads()
        followed = Followed(union.place(), is_united=True)
        pending = union.conclude()
        if pending is not None:
            return Concluded(replace(followed, kept=pending.paths, hint=pending.hint))
        return self._attach(union.tracking, followed)

    def _snapshot_if_changed(self, tracking: Tracking, followed: Followed) -> Concluded:
        from git_datmo.payloads.store_payloads import refresh

        tracking, new_bytes = refresh(self._ws, tracking, progress=self._progress)
        # A snapshot with the same content would add a record that says nothing new.
        if _contents(t.payload for t in tracking.payloads) == self._known(tracking):
            if new_bytes:
                self._ws.save_tracking(tracking)
            return Concluded(followed)
        return self._attach(tracking, followed)

    def _known(self, tracking: Tracking) -> dict[str, Content]:
        """Return the payloads of HEAD's data, or of the snapshots that the working tree stands
        on."""
        head = self._ws.head()
        assert head is not None, "a commit was just made"
        data = self._history.data(head)
        if set(data.ids) == set(tracking.snapshots) or len(data.ids) > 1:
            return tracking.base_contents
        snapshot = self._history.snapshot(data.ids[0]) if data.ids else None
        return _contents(snapshot.payloads) if snapshot is not None else {}

    def _attach(self, tracking: Tracking, followed: Followed) -> Concluded:
        from git_datmo.payloads.attach_snapshot import SnapshotOptions
        from git_datmo.payloads.make_snapshot import attach_snapshot

        refuse_unresolved(self._ws, tracking)
        made = attach_snapshot(self._ws, tracking, SnapshotOptions(), (), self._progress)
        return Concluded(followed, str(made.id), made.warnings)


def _contents(payloads: Iterable[Payload]) -> dict[str, Content]:
    return {payload.path: payload.content for payload in payloads}


def _ahead_warning(seen: Look) -> str:
    standing = " and ".join(snapshot[:10] for snapshot in seen.standing)
    return (
        f"the data files are of snapshot {standing}, which is not in this branch: no snapshot was"
        " made."
        " 'git datmo checkout' brings the data of HEAD, 'git datmo snapshot' records the files as"
        " they are"
    )
