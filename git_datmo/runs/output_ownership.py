"""Decide which changed files a run wrote: those seen, and those that no other run explains."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from git_datmo.engines.run_journal import Observed
from git_datmo.runs.run_watch import Others, RunWatch

# The user may edit these files during a run. They count as written by the run only if that was
# seen. Ends of names in lower case.
SOURCES = (
    *(
        b".py",
        b".ipynb",
        b".sh",
        b".r",
        b".jl",
        b".c",
        b".cc",
        b".cpp",
        b".h",
        b".rs",
        b".go",
        b".java",
        b".js",
        b".ts",
    ),
    *(
        b".toml",
        b".cfg",
        b".ini",
        b".md",
        b".rst",
        b"makefile",
        b"dockerfile",
        b".gitignore",
        b".gitattributes",
    ),
)


class By(Enum):
    """The evidence that a run wrote a file.

    `SEEN`: a process of the run was seen to write it. `CHANGE`: it changed during the run.
    """

    SEEN = "seen"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Owner:
    """The evidence that separates a run's files from files of other runs and of the user.

    `began` is the start time in nanoseconds. `seen` are the paths that the run's processes wrote,
    and `complete` says that no path is missing. `streams` are files, by device and inode, to which
    the shell redirects the command's output. `doubtful` collects files that another run may have
    written.
    """

    began: int
    seen: frozenset[bytes]
    complete: bool
    others: Others
    streams: frozenset[tuple[int, int]]
    doubtful: list[bytes] = field(default_factory=list)

    def of(self, path: bytes, info: os.stat_result) -> By | None:
        """Return the evidence that the run wrote a file, or None."""
        if self._is_seen(path, info):
            return By.SEEN
        # A program can set a modification time, but not a change time (inode(7)).
        if info.st_ctime_ns <= self.began or self.complete:
            return None
        if path in self.others.written or (info.st_dev, info.st_ino) in self.streams:
            return None
        if self.others.unseen:
            self.doubtful.append(path)
        return By.CHANGE

    def of_git(self, path: bytes, info: os.stat_result) -> By | None:
        """Return the evidence for a file that git tracks.

        A source file counts only if the run was seen to write it, since the user may edit it
        meanwhile.
        """
        if not self._is_seen(path, info) and path.lower().endswith(SOURCES):
            return None
        return self.of(path, info)

    def _is_seen(self, path: bytes, info: os.stat_result) -> bool:
        """Return True if the run was seen to write the file, or to rename a folder above it."""
        if path in self.seen:
            return info.st_ctime_ns > self.began
        # The files of a renamed folder keep their change times.
        parent = os.path.dirname(path)
        while parent:
            if parent in self.seen:
                return True
            parent = os.path.dirname(parent)
        return False


def make_owner(
    watch: RunWatch,
    observed: Observed,
    others: Others,
    *,
    starter: int,
    streams: Iterable[tuple[int, int]],
) -> Owner:
    """Return the evidence of a run. `starter` is the parent process of the run's first process."""
    inside = (watch.inside(path) for path in observed.written)
    seen = frozenset(path for path in inside if path is not None)
    return Owner(watch.began, seen, observed.is_complete(starter), others, frozenset(streams))
