"""List the files below a folder of the working tree in git index order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from git_datmo.errors import DatmoError, Unreadable
from git_datmo.git.safe_paths import is_dotgit, is_safe, show
from git_datmo.objects import stored_names


def walk(root: Path, top: bytes, folders: deque[bytes]) -> Iterator[bytes]:
    """Yield every file below the folder `top` in git index order.

    `folders` receives every folder found. A folder is appended before its files are yielded.
    Temporary files of a checkout are skipped. Raises `Unreadable` if a folder cannot be read, and
    `DatmoError` for an unsafe name.
    """
    folders.append(top)
    try:
        with os.scandir(os.path.join(os.fsencode(root), top)) as listing:
            found = ((entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing)
            entries = sorted(found, key=lambda entry: entry[0] + b"/" if entry[1] else entry[0])
    except OSError as error:
        raise Unreadable(
            f"cannot read {show(top)}: {error.strerror}", "make it readable", path=top
        ) from error
    for name, is_folder in entries:
        path = top + b"/" + name
        if not is_safe(name):
            raise _refusal(top, name)
        if is_folder:
            yield from walk(root, path, folders)
        elif not name.startswith(stored_names.TEMPORARY):
            yield path


def walk_files(root: Path, top: bytes) -> Iterator[bytes]:
    """Yield every file below the folder `top` in git index order."""
    return walk(root, top, deque())


def _refusal(folder: bytes, name: bytes) -> DatmoError:
    """Return the error for a name that must not be stored."""
    if is_dotgit(name):
        return DatmoError(
            f"{show(folder)} is a git repository of its own",
            "move its '.git' away, or add its parts one by one",
        )
    return DatmoError(f"the name {show(folder + b'/' + name)} cannot be stored safely", "rename it")
