"""Find payload files that changed since they were stored, with git's index code.

The cache is a separate git index (gitformat-index, version 2) next to the index of the worktree.
git compares it with the working tree much faster than Python could. git uses only its paths and
stat data. For a file of a single blob the entry has the blob id, so git can compare the content if
times are inconclusive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from git_datmo import fsio
from git_datmo.errors import Damaged
from git_datmo.git.command import Git
from git_datmo.git.safe_paths import in_portions
from git_datmo.model import ObjectFormat
from git_datmo.worktree.index_entries import (
    MODES,
    STAT,
    doubted,
    has_stat,
    is_doubted,
    is_gone,
    named,
    seconds,
    split_entries,
)
from git_datmo.worktree.stat_cache_edit import CacheEdit

READ = 1 << 20
# A cache of at least PATCH_SIZE bytes is patched, not rewritten, for at most PATCH_ENTRIES changed
# entries.
PATCH_SIZE = 4 << 20
PATCH_ENTRIES = 100
# Override user settings that make git ignore parts of the stat data or trust a file system monitor.
EXACT = (("core.trustctime", "true"), ("core.checkstat", "default"), ("core.fsmonitor", "false"))


def _is_folder(root: Path | None, path: bytes) -> bool:
    """Return True if `path` is a real folder, not a link."""
    full = os.path.join(os.fsencode(root or b"."), path)
    return os.path.isdir(full) and not os.path.islink(full)


@dataclass(frozen=True, slots=True)
class Differences:
    """Differences between the working tree and the cache, as paths relative to the root.

    `folders` are folders that the cache does not know. Their content is not listed, and they may be
    empty.
    """

    changed: tuple[bytes, ...]
    missing: tuple[bytes, ...]
    added: tuple[bytes, ...]
    folders: tuple[bytes, ...]

    def __bool__(self) -> bool:
        """Return True if anything differs."""
        return bool(self.changed or self.missing or self.added or self.folders)


class StatCache:
    """Index file at `path` for the files below `root`.

    The caller must hold the worktree lock during writes. git compares times in whole seconds. It
    compares the content only of files whose modification time is not before the second of the
    index. Programs like tar, unzip and `cp -p` set modification times back. So an entry may be
    written as valid only if any later change of its file will be detected. Other entries are marked
    as doubtful (`_checked`).
    """

    def __init__(self, path: Path, form: ObjectFormat, root: Path) -> None:
        self.path = path
        self._format = form
        self._root = os.fsencode(root)

    def differences(self, git: Git, below: Sequence[str]) -> Differences:
        """Return the differences below the paths `below`.

        `git` uses the store with the working tree of the code.
        """
        indexed = Git(git.environ, git.git_dir, git.work_tree, self.path, (*git.config, *EXACT))
        changed: list[bytes] = []
        missing: list[bytes] = []
        listed: list[bytes] = []
        # Neither command reads paths from a file, and the length of a command line is limited.
        for portion in in_portions(below):
            # Both commands scan all files, so run them in parallel.
            # Whole unknown folders are printed by name, since they can be large.
            with indexed.fields("ls-files", "-z", "-o", "--directory", "--", *portion) as unknown:
                if self.path.exists():
                    with indexed.fields(
                        "diff-files", "-z", "--no-renames", "--", *portion
                    ) as fields:
                        for head, path in zip(fields, fields, strict=False):
                            (missing if head.endswith(b"D") else changed).append(path)
                listed += unknown
        # git prints a folder with a trailing slash. A payload's own folder also appears if the
        # cache has no file of it.
        folders = tuple(path[:-1] for path in listed if path.endswith(b"/"))
        # `git ls-files -o --directory` omits a folder at the path of a file in the cache.
        folders += tuple(path for path in missing if _is_folder(git.work_tree, path))
        added = tuple(path for path in listed if not path.endswith(b"/"))
        return Differences(tuple(changed), tuple(missing), added, folders)

    def paths(self) -> Iterator[bytes]:
        """Return an iterator over all paths in the cache, in index order."""
        return (path for path, _ in self._entries())

    def doubted_paths(self) -> Iterator[bytes]:
        """Return an iterator over the files whose content git must compare.

        Their times do not show if they changed.
        """
        written = self._written()
        return (
            path
            for path, entry in self._entries()
            if is_doubted(entry) or seconds(entry)[1] >= written
        )

    def edit(self) -> CacheEdit:
        """Return a new, empty edit of this cache."""
        return CacheEdit(self._format, self.path.parent)

    def marks(self) -> RecordedMarks:
        """Read the cache into memory for lookups by path."""
        try:
            return RecordedMarks(bytearray(self.path.read_bytes()), self._format)
        except FileNotFoundError:
            return RecordedMarks(bytearray(), self._format)

    def update(self, edit: CacheEdit) -> None:
        """Apply an edit to the cache and close the edit."""
        if (edit or not self.path.exists()) and not self._patch(edit):
            now = fsio.file_time(self.path.parent) // 10**9
            self._write(self._merge(edit, now), now)
        edit.close()

    def _patch(self, edit: CacheEdit) -> bool:
        """Replace a few entries without parsing the others.

        Return False if the cache must be rewritten. The file keeps its modification time, so
        doubtful entries stay doubtful. git also compares the content of new entries that are not
        older than the file. That is slow for large files, so they are never patched.
        """
        changes_paths = edit.forgets or edit.renewed
        if changes_paths or edit.large or edit.count > PATCH_ENTRIES or not self.path.exists():
            return False
        before = os.stat(self.path)
        # Rewriting a small cache is fast enough.
        if before.st_size < PATCH_SIZE:
            return False
        # The clock of the file system, which may differ from that of this machine, dates the files.
        now = fsio.file_time(self.path.parent) // 10**9
        # The second of the file stays, so entries are checked against it.
        entries = list(self._checked(edit, int(before.st_mtime), now))
        marks = self.marks()
        # A path that the cache does not have would change the offsets of all others.
        if not all(marks.replace(path, entry) for path, entry in entries):
            return False
        body = memoryview(marks.raw)[: -self._format.size]
        with fsio.replacing(self.path) as file:
            file.write(body)
            file.write(self._format.new_hash(body).digest())
            file.flush()
            os.utime(file.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
        return True

    def _checked(self, edit: CacheEdit, written: int, now: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries of `edit`, marked as doubtful where necessary.

        An entry is doubtful if its file could change without being detected. `written` is the
        second that the cache file will have, and `now` is the current second. An entry is valid in
        three cases: its file last changed before the edit began; git will compare its content
        anyway, since it is not older than the cache; or its file last changed before `now` and
        still has the recorded stat.
        """
        begun = edit.begun // 10**9
        for path, entry in edit.entries():
            changed, modified = seconds(entry)
            if (
                changed < begun
                or modified >= written
                or (changed < now and self._is_as_recorded(path, entry))
            ):
                yield path, entry
            else:
                yield path, doubted(entry)

    def _is_as_recorded(self, path: bytes, entry: bytes) -> bool:
        """Return True if the file at `path` still has the stat of its entry."""
        try:
            return has_stat(entry, os.lstat(os.path.join(self._root, path)))
        except OSError:
            return False

    def _merge(self, edit: CacheEdit, now: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries of the updated cache in order.

        They include the special entries of removed files. Old entries that were racy at the last
        write are marked as doubtful.
        """
        # Both sequences are in index order. A path that is in both takes the new entry.
        coming = self._checked(edit, now, now)
        nothing = (b"", b"")
        fresh, entry = next(coming, nothing)
        below = tuple(path + b"/" for path in edit.renewed)
        written = self._written()
        for path, old in self._entries():
            while fresh and fresh < path:
                yield fresh, entry
                fresh, entry = next(coming, nothing)
            if fresh == path:
                yield fresh, entry
                fresh, entry = next(coming, nothing)
            elif path not in edit.renewed and not path.startswith(below):
                # Git compares an entry that is as new as the cache. In a newer cache, it would
                # trust it.
                yield path, doubted(old) if seconds(old)[1] >= written else old
        while fresh:
            yield fresh, entry
            fresh, entry = next(coming, nothing)

    def _written(self) -> int:
        """Return the second in which the cache was last written, or 0 if it is missing."""
        try:
            return int(os.stat(self.path).st_mtime)
        except FileNotFoundError:
            return 0

    def _entries(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every path with its entry; raise `Damaged` if the file is not a valid index."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as file:
            head = file.read(12)
            left = os.fstat(file.fileno()).st_size - 12 - self._format.size
            if head[:8] != b"DIRC\0\0\0\2" or left < 0:
                raise self._damaged()
            count = int.from_bytes(head[8:], "big")
            entries = split_entries(_blocks(file, left), self._format)
            # `range` comes first: `zip` must not read an entry beyond the last, which would be an
            # extension of the index.
            for _, each in zip(range(count), entries, strict=False):
                count -= 1
                yield each
            if count:
                raise self._damaged()

    def _damaged(self) -> Damaged:
        """Return the error for an invalid index file."""
        return Damaged(
            f"'{self.path}' is not a version 2 git index", "remove it: git-datmo makes a new one"
        )

    def _write(self, entries: Iterator[tuple[bytes, bytes]], second: int) -> None:
        """Write entries as they arrive, then fill in their number and the checksum.

        A cache can have millions of entries, so they are not collected in memory first. The file
        gets the modification time `second`. git uses it to find entries that may be racy.
        """
        count = 0
        with fsio.replacing(self.path) as file:
            # The number of entries is not known yet. It is filled in below.
            file.write(b"DIRC\0\0\0\2\0\0\0\0")
            for _, entry in entries:
                if not is_gone(entry):
                    file.write(entry)
                    count += 1
            file.seek(8)
            file.write(count.to_bytes(4, "big"))
            file.seek(0)
            digest = self._format.new_hash()
            while block := file.read(READ):
                digest.update(block)
            file.write(digest.digest())
            file.flush()
            # Last, since each write would set the time again.
            os.utime(file.fileno(), (second, second))


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the next `size` bytes in blocks; fewer if the file ends early."""
    while block := file.read(min(READ, size)):
        size -= len(block)
        yield block


class RecordedMarks:
    """Content of a cache file, searchable by path."""

    def __init__(self, raw: bytearray, form: ObjectFormat) -> None:
        self.raw = raw
        self._size = form.size

    def get(self, path: bytes) -> tuple[bytes, int] | None:
        """Return the recorded mark (`FileRead.mark`) and size modulo 2^32 of a file, or None."""
        place = self._find(path)
        if place < 0:
            return None
        mark = bytes(self.raw[place + STAT.size : place + STAT.size + self._size])
        return mark, STAT.unpack_from(self.raw, place)[9]

    def replace(self, path: bytes, entry: bytes) -> bool:
        """Overwrite the entry of `path` with `entry`; return False if it has none."""
        place = self._find(path)
        if place >= 0:
            self.raw[place : place + len(entry)] = entry
        return place >= 0

    def _find(self, path: bytes) -> int:
        """Return the offset of the entry of `path`, or -1.

        A path contains no zero byte. So its length before it and a zero byte after it match no
        other path. A match in binary fields is rejected by its alignment or by its mode.
        """
        wanted = named(path) + b"\0"
        before = STAT.size + self._size
        found = self.raw.find(wanted)
        while found >= 0:
            place = found - before
            # Entries begin after the header of 12 bytes, and are padded to multiples of 8.
            is_aligned = place >= 12 and (place - 12) % 8 == 0
            if is_aligned and STAT.unpack_from(self.raw, place)[6] in MODES:
                return place
            found = self.raw.find(wanted, found + 1)
        return -1
