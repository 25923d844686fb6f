"""Modes of new files and folders: the umask, then `core.sharedRepository` (git-config).

This module creates every file of git-datmo. A command registers the folders that follow the setting
once, so that writers need not know it. A folder without a setting, for example a folder backend, is
shared with its group if it is group-writable and setgid.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from git_datmo.errors import DatmoError

FILE, PROGRAM, READ_ONLY, FOLDER = 0o666, 0o777, 0o444, 0o777
_GROUP, _EVERYBODY = 0o660, 0o664
_WORDS = {
    **dict.fromkeys(("umask", "false", "no", "off", "0", ""), 0),
    **dict.fromkeys(("group", "true", "yes", "on", "1"), _GROUP),
    **dict.fromkeys(("all", "world", "everybody", "2"), _EVERYBODY),
}
# Errors after which modes stay as they are: the file system has no modes, or the file belongs to
# another user.
_NOT_CHANGED = (
    errno.EPERM,
    errno.EACCES,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EROFS,
)


@dataclass(frozen=True, slots=True)
class Sharing:
    """Permissions that `core.sharedRepository` requests.

    `bits` are added to the umask's result, or replace it if `exact` is True.
    """

    bits: int = 0
    exact: bool = False

    def __bool__(self) -> bool:
        """Return True if any permissions are requested."""
        return bool(self.bits)

    def change(self, mode: int) -> int:
        """Return the mode for a file or folder that was created with `mode`, as git computes it."""
        if not self.bits:
            return mode
        bits = self.bits
        # The same steps as in git's `calc_shared_perm`.
        if not mode & stat.S_IWUSR:
            bits &= ~0o222
        if mode & stat.S_IXUSR:
            bits |= (bits & 0o444) >> 2
        changed = (mode & ~0o777) | bits if self.exact else mode | bits
        if stat.S_ISDIR(mode):
            changed |= (changed & 0o444) >> 2
            # setgid passes the folder's group on to the files in it.
            changed |= stat.S_ISGID if changed & 0o060 else 0
        return changed


# Sharing of registered folders, by absolute path.
_shared: dict[str, Sharing] = {}


def parse_sharing(value: str) -> Sharing:
    """Parse a value of `core.sharedRepository`; raise `DatmoError` if git would refuse it."""
    word = value.lower()
    if word in _WORDS:
        return Sharing(_WORDS[word])
    try:
        bits = int(value, 8)
    except ValueError:
        bits = -1
    if bits < 0 or bits & 0o600 != 0o600:
        raise DatmoError(
            f"bad value '{value}' of 'core.sharedRepository'",
            "set it to 'group', 'all', 'umask' or an octal mode that lets the owner read and write",
        )
    return Sharing(bits & 0o666, exact=True)


def share_folder(folder: Path, sharing: Sharing) -> None:
    """Register the sharing of all files and folders that are created below `folder`."""
    _shared[str(folder)] = sharing


def sharing_in(folder: Path) -> Sharing:
    """Return the sharing of new files in `folder`.

    It is the sharing of the nearest registered folder above, else the group's if `folder` is
    group-writable and setgid.
    """
    if _shared:
        for above in (str(folder), *map(str, folder.parents)):
            if above in _shared:
                return _shared[above]
    with suppress(OSError):
        mode = os.stat(folder).st_mode
        if mode & stat.S_ISGID and mode & stat.S_IWGRP:
            return Sharing(_GROUP)
    return Sharing()


def create_file(path: Path, mode: int = FILE, flags: int = os.O_RDWR) -> int:
    """Create a file and return its descriptor; raise `FileExistsError` if `path` exists."""
    fd = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    _adjust(fd, os.fstat(fd).st_mode, sharing_in(path.parent))
    return fd


def open_file(path: Path, flags: int, mode: int = FILE) -> int:
    """Open a file, created if missing, and return its descriptor.

    `mode` applies to a new file only.
    """
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        # Only a file that this process makes gets its mode, so the file is made exclusively.
        pass
    try:
        return create_file(path, mode, flags)
    except FileExistsError:
        # Another process has made it meanwhile.
        return os.open(path, flags | os.O_CLOEXEC)


def create_temporary(folder: Path, prefix: str, mode: int = FILE) -> tuple[int, Path]:
    """Create a file with a random name in `folder`; return its descriptor and path.

    The descriptor is open for reading and writing.
    """
    while True:
        path = folder / f"{prefix}{os.urandom(6).hex()}"
        with suppress(FileExistsError):
            return create_file(path, mode), path


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents."""
    try:
        os.mkdir(folder, FOLDER)
    except FileExistsError:
        if not folder.is_dir():
            raise
    except FileNotFoundError:
        # Parents first. Another process may make or remove a folder at the same time.
        make_folder(folder.parent)
        make_folder(folder)
    else:
        _adjust(folder, os.stat(folder).st_mode, sharing_in(folder.parent))


def make_read_only(fd: int) -> None:
    """Remove all write permissions of an open file."""
    _change(fd, stat.S_IMODE(os.fstat(fd).st_mode) & ~0o222)


def adjust_tree(folder: Path) -> None:
    """Apply the sharing of `folder` to the folder and all its files, except symbolic links."""
    sharing = sharing_in(folder)
    if not sharing:
        return
    for base, _, names in os.walk(folder):
        for path in (base, *(os.path.join(base, name) for name in names)):
            with suppress(FileNotFoundError):
                mode = os.lstat(path).st_mode
                if not stat.S_ISLNK(mode):
                    _adjust(path, mode, sharing)


def _adjust(file: int | str | Path, mode: int, sharing: Sharing) -> None:
    """Change the mode of a file from `mode` to the mode that `sharing` requests."""
    wanted = sharing.change(mode)
    if wanted != mode:
        _change(file, stat.S_IMODE(wanted))


def _change(file: int | str | Path, mode: int) -> None:
    """Change a mode; ignore errors of files whose mode cannot change."""
    try:
        os.chmod(file, mode)
    except OSError as error:
        if error.errno not in _NOT_CHANGED:
            raise
