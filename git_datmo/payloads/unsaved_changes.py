"""Find changes of payloads that no snapshot has. Git does not see them, and a push omits them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.payloads.checkout_in_progress import read_underway
from git_datmo.payloads.merging.merge_state import read_pending
from git_datmo.payloads.payload_changes import current_tracking, find_differences, really_differs
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.tracking import Tracked, Tracking

# More payloads than this are counted instead of named.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Unsnapshotted:
    """Payloads with changes that no snapshot has, and payloads without any file; sorted paths.

    `changed` are modified, added in a version never recorded, or no longer tracked.
    """

    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def find_unsnapshotted(ws: Workspace, tracking: Tracking) -> Unsnapshotted:
    """Compare payloads and files with the snapshots that the working tree stands on."""
    # Compared with the standing snapshots and not with the tracked state: an added version is not
    # yet recorded.
    base = tracking.base_contents
    placed = [tracked for tracked in tracking.payloads if tracked.placed]
    missing = [t.payload.path for t in placed if not os.path.lexists(ws.root / t.payload.path)]
    present = [tracked for tracked in placed if tracked.payload.path not in missing]
    differences = find_differences(ws, tracking) if present else {}
    changed = [
        t.payload.path
        for t in present
        if base.get(t.payload.path) != t.payload.content
        or _is_modified(ws, t, differences[t.payload.path])
    ]
    tracked_paths = {tracked.payload.path for tracked in tracking.payloads}
    removed = base.keys() - tracked_paths
    return Unsnapshotted(tuple(sorted((*changed, *removed))), tuple(missing))


def _is_modified(ws: Workspace, tracked: Tracked, found: Differences) -> bool:
    return bool(found) and really_differs(ws, tracked, found)


def is_made_anyway(words: Sequence[str]) -> bool:
    """Return True if `git commit` with these words commits without staged changes."""
    options = words[: words.index("--")] if "--" in words else words
    # Git accepts the beginning of an option's name, and '--all' is an option of its own.
    return any(
        _abbreviates(word, "--amend", 4) or _abbreviates(word, "--allow-empty", 6)
        for word in options
    )


def _abbreviates(word: str, option: str, least: int) -> bool:
    """Return True if a word is the beginning of an option, with at least `least` characters."""
    return len(word) >= least and option.startswith(word)


def commit_warning(ws: Workspace) -> str:
    """Return a line about changes that `git commit` does not see; '' for none."""
    return _warning(ws, "which git does not see: 'git datmo commit' commits {them}")


def push_warning(ws: Workspace) -> str:
    """Return a line about changes that a push omits, or a waiting merge; '' for none."""
    return _warning(ws, "which this push leaves out: 'git datmo commit' commits {them}")


def _warning(ws: Workspace, rest: str) -> str:
    """Return a warning about the working tree. A tree that cannot be examined does not stop git."""
    if not ws.has_store or ws.repo.top is None or not ws.tracking_path.exists():
        return ""
    try:
        return _describe(ws, rest)
    except (DatmoError, OSError) as error:
        what = error.what if isinstance(error, DatmoError) else str(error)
        return f"cannot tell whether the data changed: {what}"


def _describe(ws: Workspace, rest: str) -> str:
    underway = read_underway(ws.state)
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
    """Return paths in words: "'a'", "'a' and 'b'", "'a', 'b', 'c' and 2 others"."""
    words = [f"'{path}'" for path in paths[:NAMED]]
    more = len(paths) - len(words)
    if more:
        words.append(f"{more} other{'s' * (more > 1)}")
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
