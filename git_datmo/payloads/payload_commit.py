"""Run the user's own `git commit`, also if only payloads changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.command import run_for_person
from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.objects.store_location import check_store, store_path
from git_datmo.payloads.after_commit import Concluded, conclude_commit
from git_datmo.payloads.checkout_in_progress import refuse_during_checkout
from git_datmo.payloads.follow_head import catch_up
from git_datmo.payloads.head_comparison import look
from git_datmo.payloads.merging.merge_state import refuse_unresolved
from git_datmo.payloads.payload_changes import current_tracking
from git_datmo.payloads.store_payloads import refresh
from git_datmo.payloads.tracked_payloads import changing
from git_datmo.payloads.unsaved_changes import find_unsnapshotted
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.hook_state import find_trouble
from git_datmo.repository.workspace import Workspace, open_workspace
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.tracking import Tracking

# Tells the pre-commit hook that changed payloads are committed too.
GUARD = "GIT_DATMO_COMMIT"


@dataclass(frozen=True, slots=True)
class Committed:
    """The exit code of `git commit`; `concluded` is set if git's hooks did not make the
    snapshot."""

    exit_code: int
    concluded: Concluded | None = None
    warnings: tuple[str, ...] = ()


def commit(
    environ: Mapping[str, str], cwd: Path, words: Sequence[str], *, progress: Progress = QUIET
) -> Committed:
    """Run `git commit` with `words`; allow an unchanged tree if payloads changed."""
    with open_workspace(environ, cwd) as ws:
        before = ws.head()
        # The payloads are stored now: if this fails, git has not committed yet.
        prepared = _prepare(ws, progress)
        options = ("--allow-empty",) if prepared.has_changes else ()
        hint = _restore_hint(ws, cwd, prepared)
    status = run_for_person(("commit", *options, *words), {**environ, GUARD: "1"}, cwd)
    if status:
        return Committed(status, warnings=tuple(filter(None, (hint,))))
    return _make_up_for_hooks(lambda: open_workspace(environ, cwd), before, progress)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Tell if payloads changed, and the older snapshot that the files were of; '' for none."""

    has_changes: bool
    left: str = ""


def _restore_hint(ws: Workspace, cwd: Path, prepared: _Prepared) -> str:
    """Return how to commit older payloads that a checkout placed; '' if there are none."""
    if not prepared.left:
        return ""
    name, top = prepared.left[:10], quote_word(os.path.relpath(ws.root, cwd))
    return (
        f"the files were of snapshot {name}, which is older than the data of HEAD: 'git datmo"
        f" checkout {name} -- {top}', then 'git datmo commit', makes them those of HEAD"
    )


def _prepare(ws: Workspace, progress: Progress) -> _Prepared:
    """Let files of older data follow HEAD, and store changed payloads.

    Raises `DatmoError` if no snapshot could be made of them after the commit.
    """
    check_store(store_path(ws.repo.common_dir))
    with changing(ws) as old:
        refuse_during_checkout(ws)
        tracking, _ = refresh(ws, catch_up(ws, old, progress=progress), progress=progress)
        refuse_unresolved(ws, tracking)
        if not find_unsnapshotted(ws, tracking).changed:
            moved = tracking.snapshots != old.snapshots and len(old.snapshots) == 1
            return _Prepared(False, old.snapshots[0] if moved else "")
        _refuse_ahead(ws, tracking)
    return _Prepared(True)


def _refuse_ahead(ws: Workspace, tracking: Tracking) -> None:
    """Raise `DatmoError` if HEAD moved back behind the working tree's data, which a commit would
    omit."""
    head = ws.head()
    if head is not None and look(ws, History(ws), tracking.snapshots, head).is_ahead:
        raise DatmoError(
            f"the data files are of snapshot {tracking.snapshots[0][:10]}, which is not in this"
            " branch",
            "'git datmo snapshot' records the files as they are, 'git datmo checkout' brings the"
            " data of HEAD",
        )


def _make_up_for_hooks(
    opened: Callable[[], Workspace], before: Oid | None, progress: Progress
) -> Committed:
    """Make the snapshot if git ran no hook that did."""
    with opened() as ws:
        # Git's hooks may be off (another `core.hooksPath`), or may have failed.
        if ws.head() == before or not find_unsnapshotted(ws, current_tracking(ws)).changed:
            return Committed(0)
        return Committed(0, conclude_commit(ws, progress=progress), find_trouble(ws))
