"""Which files of the payloads changed since they were stored, asked of git's own index machinery.

The cache is a git index (gitformat-index, version 2) of its own, beside the worktree's: git compares it with the
working tree far faster than anything in Python could. Only its paths and stat data matter to git; for a file of one
blob the id is the blob's, so that git itself can settle what the clock cannot.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from git_datmo import fsio
from git_datmo.errors import Damaged
from git_datmo.git.paths import in_portions
from git_datmo.git.run import Git
from git_datmo.model import ObjectFormat
from git_datmo.store.cacheedit import CacheEdit
from git_datmo.store.entries import MODES, STAT, doubted, has_stat, is_doubted, is_gone, named, seconds, split_entries

READ = 1 << 20
# A cache of at least this many bytes is not written entry by entry for at most so many.
PATCH_SIZE = 4 << 20
PATCH_ENTRIES = 100
# The user's git may trust less of a file's stat than our entries rely on, or somebody else's word.
EXACT = (("core.trustctime", "true"), ("core.checkstat", "default"), ("core.fsmonitor", "false"))


def _is_folder(root: Path | None, path: bytes) -> bool:
    full = os.path.join(os.fsencode(root or b"."), path)
    return os.path.isdir(full) and not os.path.islink(full)


@dataclass(frozen=True, slots=True)
class Differences:
    """How the working tree differs from the cache, as paths relative to its top.

    `folders` are folders that the cache does not know: their content is not listed, they may be empty.
    """

    changed: tuple[bytes, ...]
    missing: tuple[bytes, ...]
    added: tuple[bytes, ...]
    folders: tuple[bytes, ...]

    def __bool__(self) -> bool:
        return bool(self.changed or self.missing or self.added or self.folders)


class StatCache:
    """The index file at `path`, of files below `root`; the caller holds the worktree's lock while it writes.

    Git compares times in whole seconds, and looks at the content only of files that were modified no earlier than in
    the second of the index. Programs set that time back (tar, unzip, `cp -p`), so every entry that is written has to
    be of a file whose next change is sure to show; the others are doubted (`_checked`).
    """

    def __init__(self, path: Path, form: ObjectFormat, root: Path) -> None:
        self.path = path
        self._format = form
        self._root = os.fsencode(root)

    def differences(self, git: Git, below: Sequence[str]) -> Differences:
        """What changed in the payloads `below`; `git` works on the store with the code's working tree."""
        asked = Git(git.environ, git.git_dir, git.work_tree, self.path, (*git.config, *EXACT))
        changed: list[bytes] = []
        missing: list[bytes] = []
        listed: list[bytes] = []
        # Neither command reads paths from a file, and a command line takes only so many.
        for portion in in_portions(below):
            # Both go through all files, so they do it side by side.
            with asked.fields("ls-files", "-z", "-o", "--directory", "--", *portion) as unknown:
                if self.path.exists():
                    with asked.fields("diff-files", "-z", "--no-renames", "--", *portion) as fields:
                        for head, path in zip(fields, fields, strict=False):
                            (missing if head.endswith(b"D") else changed).append(path)
                listed += unknown
        # A folder is named with a slash; so is a payload's own folder while the cache holds nothing of it.
        folders = tuple(path[:-1] for path in listed if path.endswith(b"/"))
        # A folder in the place of a file that the cache knows is one that `git ls-files -o --directory` passes over.
        folders += tuple(path for path in missing if _is_folder(git.work_tree, path))
        added = tuple(path for path in listed if not path.endswith(b"/"))
        return Differences(tuple(changed), tuple(missing), added, folders)

    def paths(self) -> Iterator[bytes]:
        return (path for path, _ in self._entries())

    def doubted_paths(self) -> Iterator[bytes]:
        """Yield the files of which git compares the content, since their times do not tell whether they changed."""
        written = self._written()
        return (path for path, entry in self._entries() if is_doubted(entry) or seconds(entry)[1] >= written)

    def edit(self) -> CacheEdit:
        return CacheEdit(self._format, self.path.parent)

    def marks(self) -> Marks:
        """What the cache has now, to be asked by path."""
        try:
            return Marks(bytearray(self.path.read_bytes()), self._format)
        except FileNotFoundError:
            return Marks(bytearray(), self._format)

    def update(self, edit: CacheEdit) -> None:
        """Carry out an edit, which is done with then."""
        if (edit or not self.path.exists()) and not self._patch(edit):
            now = fsio.file_time(self.path.parent) // 10**9
            self._write(self._merge(edit, now), now)
        edit.close()

    def _patch(self, edit: CacheEdit) -> bool:
        """Put a few entries in the place of those of the same paths, without reading all others one by one.

        The file keeps its old time, so that whatever was in doubt stays in doubt (see `_doubted`). So do the new
        entries, which is why those of large files, whose content takes long to read, are not written like this.
        """
        if edit.forgets or edit.renewed or edit.large or edit.count > PATCH_ENTRIES or not self.path.exists():
            return False
        before = os.stat(self.path)
        if before.st_size < PATCH_SIZE:
            return False
        now = fsio.file_time(self.path.parent) // 10**9
        entries = list(self._checked(edit, int(before.st_mtime), now))
        marks = self.marks()
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
        """Yield the entries of `edit`, those doubted whose files may have changed, or may yet, without a trace.

        `written` is the second that the cache's file will have, `now` the present one. A trace is a change in a later
        second than the entry has. Or git looks at the content, as it does where the entry is no older than the cache.
        """
        begun = edit.begun // 10**9
        for path, entry in edit.entries():
            changed, modified = seconds(entry)
            if changed < begun or modified >= written or (changed < now and self._is_as_recorded(path, entry)):
                yield path, entry
            else:
                yield path, doubted(entry)

    def _is_as_recorded(self, path: bytes, entry: bytes) -> bool:
        try:
            return has_stat(entry, os.lstat(os.path.join(self._root, path)))
        except OSError:
            return False

    def _merge(self, edit: CacheEdit, now: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries as they will be from `now` on, in order, with those of files that are gone."""
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
                yield path, doubted(old) if seconds(old)[1] >= written else old
        while fresh:
            yield fresh, entry
            fresh, entry = next(coming, nothing)

    def _written(self) -> int:
        """The second in which the cache was written last."""
        try:
            return int(os.stat(self.path).st_mtime)
        except FileNotFoundError:
            return 0

    def _entries(self) -> Iterator[tuple[bytes, bytes]]:
        if not self.path.exists():
            return
        with open(self.path, "rb") as file:
            head = file.read(12)
            left = os.fstat(file.fileno()).st_size - 12 - self._format.size
            if head[:8] != b"DIRC\0\0\0\2" or left < 0:
                raise self._damaged()
            count = int.from_bytes(head[8:], "big")
            for _, each in zip(range(count), split_entries(_blocks(file, left), self._format), strict=False):
                count -= 1
                yield each
            if count:
                raise self._damaged()

    def _damaged(self) -> Damaged:
        return Damaged(f"'{self.path}' is not a version 2 git index", "remove it; it will be made anew")

    def _write(self, entries: Iterator[tuple[bytes, bytes]], second: int) -> None:
        """Write them as they come, since there can be millions; their number, which stands first, is known then.

        The file gets the time `second`, by which git tells the entries that may be racy.
        """
        count = 0
        with fsio.replacing(self.path) as file:
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
            os.utime(file.fileno(), (second, second))


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The next `size` bytes, or what there is of them."""
    while block := file.read(min(READ, size)):
        size -= len(block)
        yield block


class Marks:
    """A cache's bytes, searched by path."""

    def __init__(self, raw: bytearray, form: ObjectFormat) -> None:
        self.raw = raw
        self._size = form.size

    def get(self, path: bytes) -> tuple[bytes, int] | None:
        """The mark of a file as it was recorded (`Taken.mark`), and its size, as an index keeps it."""
        place = self._find(path)
        if place < 0:
            return None
        mark = bytes(self.raw[place + STAT.size : place + STAT.size + self._size])
        return mark, STAT.unpack_from(self.raw, place)[9]

    def replace(self, path: bytes, entry: bytes) -> bool:
        """Put `entry` where that of `path` is; says whether there is one."""
        place = self._find(path)
        if place >= 0:
            self.raw[place : place + len(entry)] = entry
        return place >= 0

    def _find(self, path: bytes) -> int:
        """Where the entry of `path` begins, or -1.

        A path contains no zero, so its length before it and a zero behind are found in no other path. They can be found
        among numbers, where an entry cannot begin, or would have no mode of a file.
        """
        wanted = named(path) + b"\0"
        before = STAT.size + self._size
        found = self.raw.find(wanted)
        while found >= 0:
            place = found - before
            if place >= 12 and (place - 12) % 8 == 0 and STAT.unpack_from(self.raw, place)[6] in MODES:
                return place
            found = self.raw.find(wanted, found + 1)
        return -1
