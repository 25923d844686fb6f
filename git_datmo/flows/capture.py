"""From the working tree to the store: its payloads, and its own files."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError
from git_datmo.flows.addable import check_addable, link_warnings
from git_datmo.flows.changes import files_of_git, find_differences
from git_datmo.flows.sparse import is_taken, refuse_taken, taken_folders, without_taken
from git_datmo.flows.tracked import changing, save
from git_datmo.flows.underway import refuse_during_checkout
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Payload, Role
from git_datmo.progress import QUIET, Progress
from git_datmo.store.links import LinkCheck
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking
from git_datmo.terminal_text import quote_word

if TYPE_CHECKING:
    from git_datmo.store.capture import Captured, Capturer
    from git_datmo.store.store import StoreWriter

# What programs leave behind for themselves; it is neither code nor result.
CACHES = frozenset({"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".DS_Store"})


@dataclass(frozen=True, slots=True)
class Added:
    """A payload that was stored, the bytes that the store grew by for all that were stored with it, and warnings."""

    payload: Payload
    new_bytes: int
    warnings: tuple[str, ...] = ()


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
        added = [path for path in paths if not _is_decided_part(ws, old, path)]
        for path in added:
            check_addable(ws, old, path)
        before = set(added)
        links = LinkCheck(os.fsencode(ws.root))
        asked = dict.fromkeys(added, role or Role.DATA)
        tracking, new_bytes = store_payloads(ws, old, asked, links=links, progress=progress)
        if role is not None:
            mine = [tracked for tracked in tracking.payloads if tracked.payload.path in before]
            tracking = tracking.having(replace(t, payload=replace(t.payload, role=role)) for t in mine)
        save(ws, tracking)
    stored = (t.payload for t in tracking.payloads if t.payload.path in before)
    return tuple(Added(payload, new_bytes, tuple(link_warnings(links, payload.path))) for payload in stored)


def _is_decided_part(ws: Workspace, tracking: Tracking, path: str) -> bool:
    """Take what a merge left undecided at `path` for decided as it is, as `git add` does with a conflict.

    Returns whether the path is a part of a payload, which then need not be added itself.
    """
    from git_datmo.flows.merging.unresolved import decide, read_pending

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
    """Store each path of `asked`, new or changed; returns the new state, which is saved, and the new bytes.

    `links` is told of every link that is stored. Files in `leave` are left out of the folders that hold them.
    """
    differences = _find_differences(ws, tracking, progress)
    known = (tracked for path in asked if (tracked := tracking.get(path)) is not None and tracked.placed)
    unchanged = {tracked.payload.path for tracked in known if not differences[tracked.payload.path]}
    if unchanged == asked.keys():
        return tracking, 0
    # A hook that has nothing to store does without what stores.
    from git_datmo.store.capture import Capturer

    edit = ws.cache.edit()
    gits = files_of_git(ws, [path for path in asked if (ws.root / path).is_dir()]).union(leave)
    capturer = Capturer(ws.store, ws.root, edit, progress, ws.cache.marks, links, gits)
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


def _find_differences(ws: Workspace, tracking: Tracking, progress: Progress) -> dict[str, Differences]:
    """Find what changed, once files are back that git removed on its way from a commit that tracks them."""
    found = find_differences(ws, tracking, taken=True)
    if any(each.missing for each in found.values()):
        from git_datmo.flows.restore import restore_removed_meanwhile

        if restore_removed_meanwhile(ws, tracking, progress=progress):
            found = find_differences(ws, tracking, taken=True)
    return _bring_back_taken(ws, tracking, found, progress)


def _bring_back_taken(
    ws: Workspace, tracking: Tracking, found: dict[str, Differences], progress: Progress
) -> dict[str, Differences]:
    """Bring back what git's sparse checkout took of payloads that changed: they are stored as they lie there."""
    rest = without_taken(ws, found)
    changed = [path for path, each in rest.items() if each and each != found[path]]
    if not changed:
        return rest
    from git_datmo.flows.restore import may_restore, restore, select

    if not may_restore(ws):
        refuse_taken(ws, tracking)
    folders = taken_folders(ws, (found[path] for path in changed))
    restore(ws, tracking, select(tracking, folders)[0], progress=progress)
    for path in folders:
        progress.tell(f"'{path}' is back, which git's sparse checkout had taken away: '{changed[0]}' changed")
    return find_differences(ws, tracking)


def _capture(
    capturer: Capturer, path: str, tracked: Tracked | None, differences: Mapping[str, Differences], writer: StoreWriter
) -> Captured:
    if tracked is None or not tracked.placed:
        return capturer.whole(path, writer)
    return capturer.changes(path, tracked.payload.content, tracked.empty_folders, differences[path], writer)


def refresh(ws: Workspace, tracking: Tracking, *, progress: Progress = QUIET) -> tuple[Tracking, int]:
    """Store what changed in the payloads of this working tree; one whose path is gone is a mistake to be told.

    One that git's sparse checkout took away stays as it was stored.
    """
    asked = {tracked.payload.path: tracked.payload.role for tracked in tracking.payloads if tracked.placed}
    missing = [path for path in asked if not os.path.lexists(ws.root / path)]
    taken = is_taken(ws, missing)
    for path in missing:
        if path not in taken:
            raise DatmoError(
                f"the payload '{path}' is missing",
                f"'git datmo checkout -- {quote_word(path)}' restores it, 'git datmo rm {quote_word(path)}' drops it",
            )
        del asked[path]
    links = LinkCheck(os.fsencode(ws.root))
    tracking, new_bytes = store_payloads(ws, tracking, asked, links=links, progress=progress)
    for line in (line for path in asked for line in link_warnings(links, path)):
        progress.tell(line)
    return tracking, new_bytes
