"""List the files below the outputs of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

WALK_LIMIT = 200_000


def files_below(
    root: Path, paths: Iterable[str], *, without: AbstractSet[str] = frozenset()
) -> Iterator[str]:
    """Yield `paths` that are files, and all files below those that are folders.

    The paths are relative to `root`, and so are the results, sorted in each folder. Folders of
    `without` and git's own are left out. At most `WALK_LIMIT` files are listed.
    """
    count = 0
    for path in paths:
        for file in _files_of(root, path.rstrip("/"), without):
            yield file
            count += 1
            if count == WALK_LIMIT:
                return


def _files_of(root: Path, path: str, without: AbstractSet[str]) -> Iterator[str]:
    """Yield the files at or below one path."""
    if os.path.isfile(root / path):
        yield path
        return
    for folder, folders, names in os.walk(root / path):
        base = os.path.relpath(folder, root)
        base = "" if base == "." else base
        # `os.walk` descends only into the folders that are left in this list, in its order.
        folders[:] = sorted(
            each for each in folders if each != ".git" and os.path.join(base, each) not in without
        )
        yield from (os.path.join(base, name) for name in sorted(names))
