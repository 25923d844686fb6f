"""Decide which changed files are a run's own: those that it was seen to write, or that nobody else
can have written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from git_datmo.engines.run_journal import Observed
from git_datmo.runs.run_watch import Others, RunWatch

# A person edits these while a command runs; unless it was seen, no run writes them.
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
        b"Makefile",
        b"Dockerfile",
        b".gitignore",
        b".gitattributes",
    ),
)


class By(Enum):
    """How a file is known to be the run's own."""

    SEEN = "seen"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Owner:
    """What tells a run's own files from those of others.

    `seen` are the paths that its processes wrote, `complete` says that they are all; `streams` are
    the files, by device and inode, that the shell writes from the command's own output.
    """

    began: int
    seen: frozenset[bytes]
    complete: bool
    others: Others
    streams: frozenset[tuple[int, int]]
    doubtful: list[bytes] = field(default_factory=list)

    def of(self, path: bytes, info: os.stat_result) -> By | None:
        """Return how a file is the run's own, None where it is not."""
        if self._is_seen(path, info):
            return By.SEEN
        if info.st_ctime_ns <= self.began or self.complete:
            return None
        if path in self.others.written or (info.st_dev, info.st_ino) in self.streams:
            return None
        if self.others.unseen:
            self.doubtful.append(path)
        return By.CHANGE

    def of_git(self, path: bytes, info: os.stat_result) -> By | None:
        """Return the same for a file that git tracks."""
        if not self._is_seen(path, info) and path.lower().endswith(SOURCES):
            return None
        return self.of(path, info)

    def _is_seen(self, path: bytes, info: os.stat_result) -> bool:
        if path in self.seen:
            return info.st_ctime_ns > self.began
        # A folder that was renamed as a whole has files that nothing changed.
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
    inside = (watch.inside(path) for path in observed.written)
    seen = frozenset(path for path in inside if path is not None)
    return Owner(watch.began, seen, observed.is_complete(starter), others, frozenset(streams))
