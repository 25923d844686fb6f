"""From the working tree to tracked payloads and snapshots."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from git_datmo.errors import DatmoError
from git_datmo.flows.changes import current_tracking, find_differences, holder_of
from git_datmo.flows.exclude import write_excludes
from git_datmo.flows.running.trust import trust
from git_datmo.flows.signing import attach_signed
from git_datmo.flows.underway import end_merge, refuse_during_checkout
from git_datmo.flows.workspace import Workspace
from git_datmo.git.paths import check_path
from git_datmo.model import Content, Oid, Payload, Role
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Run, Snapshot, Value
from git_datmo.store.capture import Captured, Capturer
from git_datmo.store.statcache import Differences
from git_datmo.store.store import StoreWriter
from git_datmo.store.tracking import Tracked, Tracking, read_tracking

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


@contextmanager
def changing(ws: Workspace) -> Iterator[Tracking]:
    """Hold the working tree's lock, and give its tracking state; what a killed command left excluded is so no more."""
    with ws.locked():
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
        raise DatmoError(
            f"'{path}' does not exist", "check the name, or 'git datmo checkout' fetches what was snapshotted"
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


def store_payloads(
    ws: Workspace, tracking: Tracking, asked: Mapping[str, Role], *, progress: Progress = QUIET
) -> tuple[Tracking, int]:
    """Store each path of `asked`, new or changed; returns the new state, which is saved, and the new bytes."""
    differences = find_differences(ws, tracking)
    edit = ws.cache.edit()
    capturer = Capturer(ws.store, ws.root, edit, progress, ws.cache.marks)
    changed: list[Tracked] = []
    with ws.store.writer() as writer:
        for path, role in asked.items():
            tracked = tracking.get(path)
            if tracked is not None and tracked.placed and not differences[path]:
                continue
            captured = _capture(capturer, path, tracked, differences, writer)
            if tracked is None or not tracked.placed:
                edit.renew(os.fsencode(path))
            kept = tracked.payload.role if tracked else role
            changed.append(Tracked(Payload(path, kept, captured.content), True, captured.empty_folders))
    progress.finish()
    tracking = tracking.having(changed)
    if changed:
        # Before the stat cache: should the process die between the two, files look changed and are read again. The
        # other way round they would look stored.
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person says about a snapshot."""

    message: str = ""
    why: str = ""
    parameters: Mapping[str, Value] | None = None
    metrics: Mapping[str, Value] | None = None
    tolerances: Mapping[str, float] | None = None
    sign: bool = False


def require_commit(ws: Workspace) -> Oid:
    head = ws.repo.head()
    if head is None:
        raise DatmoError(
            "this repository has no commits yet", "a snapshot belongs to a commit: make one with 'git commit'"
        )
    return head


def make_snapshot(
    ws: Workspace,
    tracking: Tracking,
    asked: Asked,
    *,
    code: Content,
    environment: Content | None,
    run: Run | None,
) -> Snapshot:
    """The record that ties HEAD to all that is given."""
    commit = require_commit(ws)
    tree = ws.repo.resolve(str(commit), "tree")
    return Snapshot(
        commit=commit,
        tree=tree,
        patch=ws.repo.patch_id(commit),
        created=ws.now(),
        author=ws.person,
        message=asked.message,
        why=asked.why,
        payloads=tuple(tracked.payload for tracked in tracking.payloads),
        parameters=dict(asked.parameters or {}),
        metrics=dict(asked.metrics or {}),
        code=code,
        clean=is_clean(ws),
        environment=environment,
        run=run,
        tolerances=dict(asked.tolerances or {}),
    )


def is_clean(ws: Workspace) -> bool:
    """Whether the files that git tracks are as HEAD has them."""
    return ws.repo.git.finish("diff", "--quiet", "--no-ext-diff", "HEAD", "--").returncode == 0


def attach(ws: Workspace, tracking: Tracking, snapshot: Snapshot, *, sign: bool) -> Oid:
    """Store a snapshot's record; the working tree then is at it, and no merge waits any more.

    Raises `DatmoError`, and stores nothing, where it is to be signed, and git cannot.
    """
    if sign:
        oid = attach_signed(ws, snapshot)
    else:
        (oid,) = ws.ledger.attach(snapshot)
    if snapshot.run is not None:
        trust(ws, oid)
    save(ws, replace(tracking, snapshot=str(oid)))
    end_merge(ws)
    return oid


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
