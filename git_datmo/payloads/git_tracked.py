"""Find files that git itself tracks under a payload's path. They are no change of the payload."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from git_datmo.git.command import Git
from git_datmo.git.safe_paths import in_portions, show
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.tracking import Tracking

NAMED = 3


def owned_by_git(git: Git, paths: Sequence[str]) -> frozenset[bytes]:
    """Return the files at or below `paths` that are in git's own index."""
    listed = (
        git.run("ls-files", "-z", "--", *portion).split(b"\0")[:-1]
        for portion in in_portions(paths)
    )
    return frozenset(path for portion in listed for path in portion)


def without_owned(root: Path, found: Differences, owned: Collection[bytes]) -> Differences:
    """Return differences without files in git's index. Folders with some are replaced by their
    other files."""
    if not owned:
        return found
    from git_datmo.worktree.folder_walk import walk_files

    holding = {
        folder for folder in found.folders if any(path.startswith(folder + b"/") for path in owned)
    }
    inside = (path for folder in sorted(holding) for path in walk_files(root, folder))

    def rest(paths: Sequence[bytes]) -> tuple[bytes, ...]:
        return tuple(path for path in paths if path not in owned)

    folders = tuple(folder for folder in found.folders if folder not in holding)
    return Differences(
        rest(found.changed), rest(found.missing), rest((*found.added, *inside)), folders
    )


def owned_warnings(ws: Workspace, tracking: Tracking) -> Iterator[str]:
    """Yield a line for each payload with files in git's own index."""
    paths = [tracked.payload.path for tracked in tracking.payloads if tracked.placed]
    owned = owned_by_git(ws.repo.git, paths)
    for path in paths if owned else ():
        top = os.fsencode(path)
        # A payload can be a file, so its own path counts beside those below it.
        files = sorted(each for each in owned if each == top or each.startswith(top + b"/"))
        if files:
            count = "1 file" if len(files) == 1 else f"{len(files)} files"
            names = ", ".join(map(show, files[:NAMED])) + (", …" if len(files) > NAMED else "")
            yield (
                f"git's index has {count} of the payload '{path}' ({names}), so git tracks their"
                f" changes; 'git rm -r --cached -- {quote_word(path)}' removes them from it"
            )
