"""Create the fresh folder of a rerun, and remove it unless the user named it."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_datmo import locking, permissions
from git_datmo.errors import DatmoError
from git_datmo.repository.workspace import Workspace

TREE = "tree"
"""Name of a git working tree in the folder of a rerun. Git has to be told when it is removed."""


@contextmanager
def scratch_folder(ws: Workspace, name: str | None) -> Iterator[Path]:
    """Yield an empty folder.

    Without a name in `name`, it is a new folder in the state folder, and is removed when the block
    ends. Folders that dead processes left behind are removed first. Raises `DatmoError` if `name`
    is not an empty folder.
    """
    if name is None:
        base = ws.shared_state / "scratch"
        _remove_leftovers(ws, base)
        folder = base / f"rerun-{uuid.uuid4().hex[:12]}"
        # The lock precedes the folder, so the folder of a living process always has a held lock.
        with locking.locked(_lock_of(folder)):
            folder.mkdir(mode=0o700)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                _lock_of(folder).unlink(missing_ok=True)
        return
    folder = Path(name).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatmoError(
            f"'{name}' exists and is not an empty folder", "name one that does not exist"
        )
    permissions.make_folder(folder)
    yield folder


def empty_folder(folder: Path) -> None:
    """Remove everything in `folder`, so that another rerun can use it."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _lock_of(folder: Path) -> Path:
    """Return the path of the lock that the user of a folder holds."""
    return folder.with_name(f"{folder.name}.lock")


def _remove_leftovers(ws: Workspace, base: Path) -> None:
    """Remove the folders of dead processes: those with a lock that no process holds."""
    for lock in base.glob("*.lock"):
        # A process that uses the folder holds the lock, or has just removed it.
        with contextlib.suppress(DatmoError, OSError), locking.locked(lock, seconds=0):
            folder = lock.with_suffix("")
            if (folder / TREE).exists():
                ws.repo.git.finish("worktree", "remove", "--force", "--force", str(folder / TREE))
            shutil.rmtree(folder, ignore_errors=True)
            # A folder is found by its lock. The lock of a folder that could not be removed must
            # stay.
            if not folder.exists():
                lock.unlink(missing_ok=True)
