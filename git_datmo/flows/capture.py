"""From the working tree to the store: its payloads, and its own files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError
from git_datmo.flows.changes import find_differences, holder_of
from git_datmo.flows.tracked import changing, save
from git_datmo.flows.underway import refuse_during_checkout
from git_datmo.flows.workspace import Workspace
from git_datmo.git.paths import check_path
from git_datmo.model import Content, Payload, Role
from git_datmo.progress import QUIET, Progress
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking
from git_datmo.suggest import nearest

if TYPE_CHECKING:
    from git_datmo.store.capture import Captured, Capturer
    from git_datmo.store.store import StoreWriter

# What programs leave behind for themselves; it is neither code nor result.
CACHES = frozenset({"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".DS_Store"})
UNTRACKED_LIMIT = 10 << 20


@dataclass(frozen=True, slots=True)
class Added:
    """A payload that was stored, and the bytes that the store grew by for all that were stored with it."""

    payload: Payload
    new_bytes: int


def is_cache(path: bytes) -> bool:
    names = path.decode("utf-8", "replace").split("/")
    return any(name in CACHES for name in names) or names[-1].endswith((".pyc", ".pyo"))


def add(
    ws: Workspace, paths: Sequence[str], role: Role | None = None, *, progress: Progress = QUIET
) -> tuple[Added, ...]:
    """Store and track `paths` (relative to the repository); what is tracked already is read only where it changed.

    A new payload without a `role` is data; a tracked one keeps the role that it has.
    """
    with changing(ws) as old:
        refuse_during_checkout(ws)
        for path in paths:
            check_addable(ws, old, path)
        before = set(paths)
        tracking, new_bytes = store_payloads(ws, old, dict.fromkeys(paths, role or Role.DATA), progress=progress)
        if role is not None:
            mine = [tracked for tracked in tracking.payloads if tracked.payload.path in before]
            tracking = tracking.having(replace(t, payload=replace(t.payload, role=role)) for t in mine)
        save(ws, tracking)
    return tuple(Added(t.payload, new_bytes) for t in tracking.payloads if t.payload.path in before)


def check_addable(ws: Workspace, tracking: Tracking, path: str, *, exists: bool = True) -> None:
    """Raise `DatmoError` unless `path` can be a payload, saying the way out."""
    if not path:
        raise DatmoError("the repository itself cannot be a payload", "add the files and folders in it that are data")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise DatmoError(
            f"the name {os.fsencode(path)!r} is not valid UTF-8", "rename it, or add the folder that holds it"
        ) from None
    check_path(path)
    if exists and not os.path.lexists(ws.root / path):
        near = _similar_path(ws, path)
        raise DatmoError(
            f"'{path}' does not exist",
            f"did you mean '{near}'?"
            if near
            else "check the name, or 'git datmo checkout' fetches what was snapshotted",
        )
    holder = tracking.holding(path)
    if holder is not None and holder.payload.path != path:
        raise DatmoError(
            f"'{path}' is part of the payload '{holder.payload.path}'", f"add '{holder.payload.path}' again instead"
        )
    inside = [t.payload.path for t in tracking.within(path) if t.payload.path != path]
    if inside:
        raise DatmoError(
            f"'{path}' holds the payload '{inside[0]}'", f"stop tracking that first: git datmo rm {' '.join(inside)}"
        )
    listed = ws.repo.git.run("ls-files", "-z", "--", path).split(b"\0")[:-1]
    if listed:
        shown = os.fsdecode(listed[0])
        raise DatmoError(
            f"git tracks '{shown}'" + (f" and {len(listed) - 1} more below '{path}'" if len(listed) > 1 else ""),
            f"take it out of git's index first: git rm -r --cached -- '{path}', then commit",
        )


def _similar_path(ws: Workspace, path: str) -> str | None:
    """Return the path beside the missing `path` that is most like it, or None."""
    folder, _, name = path.rpartition("/")
    try:
        near = nearest(name, os.listdir(ws.root / folder))
    except OSError:
        return None
    return os.path.join(folder, near) if near else None


def store_payloads(
    ws: Workspace, tracking: Tracking, asked: Mapping[str, Role], *, progress: Progress = QUIET
) -> tuple[Tracking, int]:
    """Store each path of `asked`, new or changed; returns the new state, which is saved, and the new bytes."""
    differences = find_differences(ws, tracking)
    known = (tracked for path in asked if (tracked := tracking.get(path)) is not None and tracked.placed)
    unchanged = {tracked.payload.path for tracked in known if not differences[tracked.payload.path]}
    if unchanged == asked.keys():
        return tracking, 0
    # A hook that has nothing to store does without what stores.
    from git_datmo.store.capture import Capturer

    edit = ws.cache.edit()
    capturer = Capturer(ws.store, ws.root, edit, progress, ws.cache.marks)
    changed: list[Tracked] = []
    with ws.store.writer() as writer:
        for path, role in asked.items():
            if path in unchanged:
                continue
            tracked = tracking.get(path)
            captured = _capture(capturer, path, tracked, differences, writer)
            if tracked is None or not tracked.placed:
                edit.renew(os.fsencode(path))
            kept = tracked.payload.role if tracked else role
            changed.append(Tracked(Payload(path, kept, captured.content), True, captured.empty_folders))
    progress.finish()
    tracking = tracking.having(changed)
    # Before the stat cache: should the process die between the two, files look changed and are read again. The other
    # way round they would look stored.
    save(ws, tracking)
    ws.cache.update(edit)
    return tracking, writer.written


def _capture(
    capturer: Capturer, path: str, tracked: Tracked | None, differences: Mapping[str, Differences], writer: StoreWriter
) -> Captured:
    if tracked is None or not tracked.placed:
        return capturer.whole(path, writer)
    return capturer.changes(path, tracked.payload.content, tracked.empty_folders, differences[path], writer)


def refresh(ws: Workspace, tracking: Tracking, *, progress: Progress = QUIET) -> tuple[Tracking, int]:
    """Store what changed in the payloads of this working tree; one whose path is gone is a mistake to be told."""
    asked: dict[str, Role] = {}
    for tracked in tracking.payloads:
        if not tracked.placed:
            continue
        path = tracked.payload.path
        if not os.path.lexists(ws.root / path):
            raise DatmoError(
                f"the payload '{path}' is missing",
                f"'git datmo checkout -- {path}' restores it, 'git datmo rm {path}' drops it",
            )
        asked[path] = tracked.payload.role
    return store_payloads(ws, tracking, asked, progress=progress)


def capture_code(ws: Workspace, tracking: Tracking, *, progress: Progress = QUIET) -> tuple[Content, tuple[str, ...]]:
    """Store the working tree's own files: those that git tracks, and the others that it does not ignore.

    Returns the payload and the untracked files that were left out for their size.
    """
    from git_datmo.store.capture import Capturer

    git = ws.repo.git
    tracked = set(git.run("ls-files", "-z", "--recurse-submodules").split(b"\0")[:-1])
    others = set(git.run("ls-files", "-z", "-o", "--exclude-standard").split(b"\0")[:-1])
    limit = ws.repo.config.number("datmo.untrackedlimit", UNTRACKED_LIMIT)
    payloads = {os.fsencode(t.payload.path): t for t in tracking.payloads}
    chosen, left_out = [], []
    root = os.fsencode(ws.root)
    for path in sorted(tracked | others):
        if holder_of(path, payloads) is not None or (path in others and is_cache(path)):
            continue
        full = os.path.join(root, path)
        if not os.path.islink(full) and not os.path.isfile(full):
            continue
        if path in others and os.lstat(full).st_size > limit:
            left_out.append(os.fsdecode(path))
            continue
        chosen.append(path)
    capturer = Capturer(ws.store, ws.root, ws.cache.edit(), progress)
    with ws.store.writer() as writer:
        captured = capturer.files(b"", chosen, writer)
    return captured.content, tuple(left_out)
