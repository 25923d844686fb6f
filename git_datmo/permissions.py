"""Modes of new files and folders: the umask, then what `core.sharedRepository` adds (git-config).

Everything that git-datmo creates is created by this module. A command registers the folders that
follow the setting once, so that no writer has to know of it. A folder without a setting, such as a
folder place, is shared with its group where it is writable for the group and passes its group on
(setgid).
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
# A file system without modes, and a file of another owner: the modes stay as they are.
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
    """The permissions that `core.sharedRepository` asks for; an `exact` one replaces the
    umask's."""

    bits: int = 0
    exact: bool = False

    def __bool__(self) -> bool:
        return bool(self.bits)

    def change(self, mode: int) -> int:
        """Return the mode of a file or folder that was created with `mode`, as git changes it."""
        if not self.bits:
            return mode
        bits = self.bits
        if not mode & stat.S_IWUSR:
            bits &= ~0o222
        if mode & stat.S_IXUSR:
            bits |= (bits & 0o444) >> 2
        changed = (mode & ~0o777) | bits if self.exact else mode | bits
        if stat.S_ISDIR(mode):
            changed |= (changed & 0o444) >> 2
            # The group of a folder is the group of what is created in it.
            changed |= stat.S_ISGID if changed & 0o060 else 0
        return changed


# Folders whose content follows a setting, by their absolute path.
_shared: dict[str, Sharing] = {}


def parse_sharing(value: str) -> Sharing:
    """Return what a value of `core.sharedRepository` means; raises `DatmoError` where git would
    refuse it."""
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
    """Let everything that is created below `folder` follow `sharing`."""
    _shared[str(folder)] = sharing


def sharing_in(folder: Path) -> Sharing:
    """Return the sharing that new files in `folder` follow."""
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
    """Create `path`, which must not exist, and return its descriptor."""
    fd = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    _adjust(fd, os.fstat(fd).st_mode, sharing_in(path.parent))
    return fd


def open_file(path: Path, flags: int, mode: int = FILE) -> int:
    """Open `path`, which is created where it does not exist, and return its descriptor."""
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        pass
    try:
        return create_file(path, mode, flags)
    except FileExistsError:
        return os.open(path, flags | os.O_CLOEXEC)


def create_temporary(folder: Path, prefix: str, mode: int = FILE) -> tuple[int, Path]:
    """Create a file of a new name in `folder`; return its descriptor, for reading and writing, and
    its path."""
    while True:
        path = folder / f"{prefix}{os.urandom(6).hex()}"
        with suppress(FileExistsError):
            return create_file(path, mode), path


def make_folder(folder: Path) -> None:
    """Create `folder` and the folders above it that do not exist."""
    try:
        os.mkdir(folder, FOLDER)
    except FileExistsError:
        if not folder.is_dir():
            raise
    except FileNotFoundError:
        make_folder(folder.parent)
        make_folder(folder)
    else:
        _adjust(folder, os.stat(folder).st_mode, sharing_in(folder.parent))


def make_read_only(fd: int) -> None:
    """Take the right to write from everybody, and leave the right to read as it is."""
    _change(fd, stat.S_IMODE(os.fstat(fd).st_mode) & ~0o222)


def adjust_tree(folder: Path) -> None:
    """Give everything below `folder`, and `folder` itself, the modes that the sharing of `folder`
    asks for."""
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
    wanted = sharing.change(mode)
    if wanted != mode:
        _change(file, stat.S_IMODE(wanted))


def _change(file: int | str | Path, mode: int) -> None:
    try:
        os.chmod(file, mode)
    except OSError as error:
        if error.errno not in _NOT_CHANGED:
            raise
