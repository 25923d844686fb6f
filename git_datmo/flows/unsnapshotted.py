"""Changes in the payloads of a working tree that no snapshot has: git does not see them, and a push leaves them out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.flows.changes import current_tracking, find_differences, really_differs
from git_datmo.flows.merging.unresolved import read_pending
from git_datmo.flows.underway import read_underway
from git_datmo.flows.workspace import Workspace
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking

# More payloads than these are counted, not named.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Unsnapshotted:
    """The payloads whose changes no snapshot has, and those of which no file is left; paths, sorted.

    `changed` are modified, added in a version that was never recorded, or not tracked any more.
    """

    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def find_unsnapshotted(ws: Workspace, tracking: Tracking) -> Unsnapshotted:
    """Compare the payloads and their files with the snapshots that the working tree stands on."""
    base = tracking.base_contents
    placed = [tracked for tracked in tracking.payloads if tracked.placed]
    missing = [t.payload.path for t in placed if not os.path.lexists(ws.root / t.payload.path)]
    present = [tracked for tracked in placed if tracked.payload.path not in missing]
    differences = find_differences(ws, tracking) if present else {}
    changed = [
        t.payload.path
        for t in present
        if base.get(t.payload.path) != t.payload.content or _is_modified(ws, t, differences[t.payload.path])
    ]
    tracked_paths = {tracked.payload.path for tracked in tracking.payloads}
    removed = base.keys() - tracked_paths
    return Unsnapshotted(tuple(sorted((*changed, *removed))), tuple(missing))


def _is_modified(ws: Workspace, tracked: Tracked, found: Differences) -> bool:
    return bool(found) and really_differs(ws, tracked, found)


def is_made_anyway(words: Sequence[str]) -> bool:
    """Tell whether `git commit` with these words makes a commit although nothing is staged; then nothing is lost."""
    options = words[: words.index("--")] if "--" in words else words
    # git takes the start of an option for it, and '--all' is an option of its own.
    amends = any(len(word) > 3 and "--amend".startswith(word) for word in options)
    return amends or any(len(word) > 5 and "--allow-empty".startswith(word) for word in options)


def commit_warning(ws: Workspace) -> str:
    """Return the line that says which changes `git commit` does not see; '' for none."""
    return _warning(ws, "which git does not see: 'git datmo commit' commits {them}")


def push_warning(ws: Workspace) -> str:
    """Return the line that says which changes a push leaves out, or that a merge waits for a decision; '' for none."""
    return _warning(ws, "which this push leaves out: 'git datmo commit' commits {them}")


def _warning(ws: Workspace, rest: str) -> str:
    """Return a warning about the working tree; one that cannot be examined is no reason to stop git."""
    if not ws.has_store or ws.repo.top is None or not ws.tracking_path.exists():
        return ""
    try:
        return _describe(ws, rest)
    except (DatmoError, OSError) as error:
        what = error.what if isinstance(error, DatmoError) else str(error)
        return f"cannot tell whether the data changed: {what}"


def _describe(ws: Workspace, rest: str) -> str:
    underway = read_underway(ws)
    if underway is not None:
        return f"a checkout of payloads was interrupted: {underway.hint}"
    pending = read_pending(ws)
    if pending is not None and pending.paths:
        return f"the merge left {name_paths(pending.paths)} undecided: {pending.hint}"
    changed = find_unsnapshotted(ws, current_tracking(ws)).changed
    if not changed:
        return ""
    verb, them = ("has", "it") if len(changed) == 1 else ("have", "them")
    return f"{name_paths(changed)} {verb} changes that no snapshot has, {rest.format(them=them)}"


def name_paths(paths: Sequence[str]) -> str:
    """Return some paths in words: "'a'", "'a' and 'b'", "'a', 'b', 'c' and 2 others"."""
    words = [f"'{path}'" for path in paths[:NAMED]]
    more = len(paths) - len(words)
    if more:
        words.append(f"{more} other{'s' * (more > 1)}")
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
