"""Which files of the payloads changed since they were stored, asked of git's own index machinery.

The cache is a git index (gitformat-index, version 2) of its own, beside the worktree's: git compares it with the
working tree far faster than anything in Python could. Only its paths and stat data matter; for a file of one blob the
id is the blob's, so that git itself can settle what the clock cannot.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_datmo import fsio
from git_datmo.errors import Damaged
from git_datmo.git.objects import BLOB, EXECUTABLE, LINK
from git_datmo.git.run import Git
from git_datmo.model import ObjectFormat
from git_datmo.store.ingest import Taken
from git_datmo.store.layout import Kind

_STAT = struct.Struct(">10I")
_MODES = {Kind.FILE: BLOB, Kind.EXECUTABLE: EXECUTABLE, Kind.LINK: LINK}
_MASK = 0xFFFFFFFF


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
    """The index file at `path`; the caller holds the worktree's lock while it writes."""

    def __init__(self, path: Path, form: ObjectFormat) -> None:
        self.path = path
        self._format = form

    def differences(self, git: Git, below: Sequence[str]) -> Differences:
        """What changed in the payloads `below`; `git` works on the store with the code's working tree."""
        if not below:
            return Differences((), (), (), ())
        asked = Git(git.environ, git.git_dir, git.work_tree, self.path, git.config)
        changed: list[bytes] = []
        missing: list[bytes] = []
        if self.path.exists():
            fields = asked.run("diff-files", "-z", "--no-renames", "--", *below).split(b"\0")
            for head, path in zip(fields[::2], fields[1::2], strict=False):
                (missing if head.endswith(b"D") else changed).append(path)
        listed = asked.run("ls-files", "-z", "-o", "--directory", "--", *below).split(b"\0")
        # A folder is named with a slash; so is a payload's own folder while the cache holds nothing of it.
        folders = tuple(path[:-1] for path in listed if path.endswith(b"/"))
        # A folder in the place of a file that the cache knows is one that `git ls-files -o --directory` passes over.
        folders += tuple(path for path in missing if _is_folder(git.work_tree, path))
        added = tuple(path for path in listed if path and not path.endswith(b"/"))
        return Differences(tuple(changed), tuple(missing), added, folders)

    def paths(self) -> Iterator[bytes]:
        return (path for path, _ in self._entries())

    def update(self, entries: Mapping[bytes, bytes | None], *, anew: Sequence[bytes] = ()) -> None:
        """Replace or (None) remove the entries of these paths; `encode` makes an entry.

        Of the files and folders `anew`, nothing else stays that was known before.
        """
        if entries or anew or not self.path.exists():
            self._write(self._merge(entries, frozenset(anew), tuple(path + b"/" for path in anew)))

    def _merge(
        self, entries: Mapping[bytes, bytes | None], anew: frozenset[bytes], below: tuple[bytes, ...]
    ) -> Iterator[tuple[bytes, bytes]]:
        fresh = {path: entry for path, entry in entries.items() if entry is not None}
        coming = iter(sorted(fresh))
        following = next(coming, None)
        for path, entry in self._kept():
            while following is not None and following < path:
                yield following, fresh[following]
                following = next(coming, None)
            if path not in entries and path not in anew and not path.startswith(below):
                yield path, entry
        while following is not None:
            yield following, fresh[following]
            following = next(coming, None)

    def _kept(self) -> Iterator[tuple[bytes, bytes]]:
        """The entries as they may be written again.

        A file that changed in the second in which the cache was written last is told by its content alone, as long as
        the cache is not newer than the file (git's racy-git). A newer one would hide it: so its size is taken away,
        and it looks changed until its content was looked at.
        """
        try:
            written = int(os.stat(self.path).st_mtime)
        except FileNotFoundError:
            return
        for path, entry in self._entries():
            racy = int.from_bytes(entry[8:12], "big") >= written
            yield path, entry[:36] + b"\0\0\0\0" + entry[40:] if racy else entry

    def _entries(self) -> Iterator[tuple[bytes, bytes]]:
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return
        if raw[:8] != b"DIRC\0\0\0\2" or len(raw) < 12 + self._format.size:
            raise self._damaged()
        fixed = 42 + self._format.size
        place = 12
        for _ in range(int.from_bytes(raw[8:12], "big")):
            start = place + fixed
            end = raw.find(b"\0", start)
            if end < 0:
                raise self._damaged()
            size = (fixed + end - start + 8) & ~7
            yield raw[start:end], raw[place : place + size]
            place += size

    def _damaged(self) -> Damaged:
        return Damaged(f"'{self.path}' is not a version 2 git index", "remove it; it will be made anew")

    def encode(self, file: Taken) -> bytes:
        """The index entry of a file as it was read."""
        info = file.stat
        seconds = (info.st_ctime_ns, info.st_mtime_ns)
        numbers = [part & _MASK for value in seconds for part in divmod(value, 10**9)]
        numbers += [info.st_dev & _MASK, info.st_ino & _MASK, _MODES[file.node.kind], info.st_uid, info.st_gid]
        head = _STAT.pack(*numbers, info.st_size & _MASK) + file.node.oid
        head += min(len(file.path), 0xFFF).to_bytes(2, "big") + file.path
        return head + b"\0" * (8 - len(head) % 8)

    def _write(self, entries: Iterator[tuple[bytes, bytes]]) -> None:
        body = [entry for _, entry in entries]
        raw = b"".join((b"DIRC\0\0\0\2", len(body).to_bytes(4, "big"), *body))
        fsio.write_file(self.path, raw + self._format.new_hash(raw).digest())
