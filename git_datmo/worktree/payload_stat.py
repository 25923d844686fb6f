"""Check that a path of the working tree can be a payload, and tell files from folders."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.safe_paths import show
from git_datmo.model import Form


def form_of(info: os.stat_result) -> Form:
    """Return the form of a payload from the stat of its path."""
    if stat.S_ISDIR(info.st_mode):
        return Form.FOLDER
    return Form.EXECUTABLE if info.st_mode & 0o100 else Form.FILE


def inspect(root: Path, path: bytes) -> os.stat_result:
    """Return the stat of a payload's path.

    Raises `DatmoError` unless the path is a regular file or a folder that can be accessed.
    """
    try:
        info = os.lstat(os.path.join(os.fsencode(root), path))
    except OSError as error:
        raise DatmoError(f"cannot read {show(path)}: {error.strerror}") from error
    if stat.S_ISLNK(info.st_mode):
        raise DatmoError(
            f"{show(path)} is a symbolic link", "add the file or folder that it points to"
        )
    if not (stat.S_ISDIR(info.st_mode) or stat.S_ISREG(info.st_mode)):
        raise DatmoError(
            f"{show(path)} is neither a file nor a folder",
            "only files, folders and symbolic links can be stored",
        )
    return info
