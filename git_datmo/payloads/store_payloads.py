"""Store the payloads of a working tree."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError
from git_datmo.model import Payload, Role
from git_datmo.payloads.addable_paths import AddableCheck, link_warnings
from git_datmo.payloads.checkout_in_progress import refuse_during_checkout
from git_datmo.payloads.payload_changes import files_of_git, find_differences
from git_datmo.payloads.sparse_checkout import is_taken, taken_folders, without_taken
from git_datmo.payloads.sparse_refusal import refuse_taken
from git_datmo.payloads.tracked_payloads import changing, save
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.outside_links import LinkCheck
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.tracking import Tracked, Tracking

if TYPE_CHECKING:
    from git_datmo.objects.store import StoreWriter
    from git_datmo.worktree.path_capture import Captured, Capturer

# Files that programs make for themselves: neither code nor result.
CACHES = frozenset(
    {
        "__pycache__",
        ".ipynb_checkpoints",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".DS_Store",
    }
)


@dataclass(frozen=True, slots=True)
class Added:
    """A stored payload, the growth of the store in bytes for all of them together, and warnings."""

    payload: Payload
    new_bytes: int
    warnings: tuple[str, ...] = ()


def is_cache(path: bytes) -> bool:
    names = path.decode("utf-8", "replace").split("/")
    return any(name in CACHES for name in names) or names[-1].endswith((".pyc", ".pyo"))


def add(
    ws: Workspace, paths: Sequence[str], role: Role | None = None, *, progress: Progress = QUIET
) -> tuple[Added, ...]:
    """Store and track `paths`, relative to the repository; read only changed files.

    A new payload without a `role` is data. A tracked one keeps its role.
    """
    with changing(ws) as old:
        refuse_during_checkout(ws)
        # Decided before the check, which would refuse a path within a payload.
        added = [path for path in paths if not _is_decided_part(ws, old, path)]
        check = AddableCheck(ws, added)
        for path in added:
            check.check(old, path)
        before = set(added)
        links = LinkCheck(os.fsencode(ws.root))
        asked = dict.fromkeys(added, role or Role.DATA)
        tracking, new_bytes = store_payloads(ws, old, asked, links=links, progress=progress)
        if role is not None:
            mine = [tracked for tracked in tracking.payloads if tracked.payload.path in before]
            tracking = tracking.having(
                replace(t, payload=replace(t.payload, role=role)) for t in mine
            )
        save(ws, tracking)
    stored = (t.payload for t in tracking.payloads if t.payload.path in before)
    return tuple(
        Added(payload, new_bytes, tuple(link_warnings(links, payload.path))) for payload in stored
    )


def _is_decided_part(ws: Workspace, tracking: Tracking, path: str) -> bool:
    """Accept the current state of an undecided path, as `git add` does for a conflict.

    Returns True for a path within a payload, which is not added by itself.
    """
    from git_datmo.payloads.merging.merge_state import decide, read_pending

    pending = read_pending(ws)
    if pending is None or not any((kept + "/").startswith(path + "/") for kept in pending.paths):
        return False
    decide(ws, [path])
    holder = tracking.holding(path)
    return holder is not None and holder.payload.path != path


def store_payloads(
    ws: Workspace,
    tracking: Tracking,
    asked: Mapping[str, Role],
    *,
    links: LinkCheck | None = None,
    leave: Collection[bytes] = (),
    progress: Progress = QUIET,
) -> tuple[Tracking, int]:
    """Store new or changed payloads; return the new state, which is saved, and the new bytes.

    `links` checks every link. Files in `leave` are left out of their folders.
    """
    differences = _find_differences(ws, tracking, progress)
    known = (
        tracked for path in asked if (tracked := tracking.get(path)) is not None and tracked.placed
    )
    unchanged = {tracked.payload.path for tracked in known if not differences[tracked.payload.path]}
    if unchanged == asked.keys():
        return tracking, 0
    # A hook without anything to store loads no code for storing.
    from git_datmo.worktree.path_capture import Capturer

    edit = ws.cache.edit()
    gits = files_of_git(ws.repo.git, [path for path in asked if (ws.root / path).is_dir()]).union(
        leave
    )
    capturer = Capturer(ws.store, ws.root, edit, progress, ws.cache.marks, links, gits)
    changed: list[Tracked] = []
    # All payloads share one writer, so that small payloads end up in one pack.
    with ws.store.writer() as writer:
        for path, role in asked.items():
            if path in unchanged:
                continue
            tracked = tracking.get(path)
            captured = _capture(capturer, path, tracked, differences, writer)
            # The stat cache may know files of a payload that had this path before.
            if tracked is None or not tracked.placed:
                edit.renew(os.fsencode(path))
            kept = tracked.payload.role if tracked else role
            changed.append(
                Tracked(Payload(path, kept, captured.content), True, captured.empty_folders)
            )
    progress.finish()
    tracking = tracking.having(changed)
    # Written before the stat cache: after a crash in between, files look changed and are read
    # again. In the other order they would look stored.
    save(ws, tracking)
    ws.cache.update(edit)
    return tracking, writer.written


def _find_differences(
    ws: Workspace, tracking: Tracking, progress: Progress
) -> dict[str, Differences]:
    """Find changes, after restoring files that git removed with a commit that tracked them."""
    found = find_differences(ws, tracking, taken=True)
    # A client without hooks may have removed them: git deletes files that the new commit does not
    # track.
    if any(each.missing for each in found.values()):
        from git_datmo.payloads.restore_paths import restore_removed_meanwhile

        if restore_removed_meanwhile(ws, tracking, progress=progress):
            found = find_differences(ws, tracking, taken=True)
    return _bring_back_taken(ws, tracking, found, progress)


def _bring_back_taken(
    ws: Workspace, tracking: Tracking, found: dict[str, Differences], progress: Progress
) -> dict[str, Differences]:
    """Bring back what git's sparse checkout took of payloads that changed: they are stored as they
    lie there."""
    rest = without_taken(ws, found)
    changed = [path for path, each in rest.items() if each and each != found[path]]
    if not changed:
        return rest
    from git_datmo.payloads.restore_paths import may_restore, restore, select

    if not may_restore(ws):
        refuse_taken(ws, tracking)
    folders = taken_folders(ws, (found[path] for path in changed))
    restore(ws, tracking, select(tracking, folders)[0], progress=progress)
    for path in folders:
        progress.tell(
            f"'{path}' was removed by git's sparse checkout and is restored: '{changed[0]}' changed"
        )
    return find_differences(ws, tracking)


def _capture(
    capturer: Capturer,
    path: str,
    tracked: Tracked | None,
    differences: Mapping[str, Differences],
    writer: StoreWriter,
) -> Captured:
    if tracked is None or not tracked.placed:
        return capturer.whole(path, writer)
    return capturer.changes(
        path, tracked.payload.content, tracked.empty_folders, differences[path], writer
    )


def refresh(
    ws: Workspace, tracking: Tracking, *, progress: Progress = QUIET
) -> tuple[Tracking, int]:
    """Store changes of this working tree's payloads; raise `DatmoError` if the path of one is
    gone."""
    asked = {
        tracked.payload.path: tracked.payload.role
        for tracked in tracking.payloads
        if tracked.placed
    }
    missing = [path for path in asked if not os.path.lexists(ws.root / path)]
    taken = is_taken(ws, missing)
    for path in missing:
        # All paths are checked first: a payload without its files would be stored as a deletion.
        if path not in taken:
            raise DatmoError(
                f"the payload '{path}' is missing",
                f"'git datmo checkout -- {quote_word(path)}' restores it, 'git datmo rm"
                f" {quote_word(path)}' stops tracking it",
            )
        del asked[path]
    links = LinkCheck(os.fsencode(ws.root))
    tracking, new_bytes = store_payloads(ws, tracking, asked, links=links, progress=progress)
    for line in (line for path in asked for line in link_warnings(links, path)):
        progress.tell(line)
    return tracking, new_bytes
