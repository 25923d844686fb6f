"""An index of the commits with a `Datmo-Data` trailer, by the data that the trailer names.

A commit never changes, so the index is a file, and only new commits are read. The file may be
deleted or damaged at any time; it is then made again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from git_datmo import fsio
from git_datmo.git.command import Git
from git_datmo.model import Oid
from git_datmo.records.data_id import KEY, parse_trailers
from git_datmo.repository.workspace import Workspace

HEADER = "git-datmo trailers 1"
# The number of tips that the file records. A tip that is dropped costs another walk.
MOST_TIPS = 32

Trailers = dict[str, tuple[str, ...]]


class TrailerIndex:
    """The trailers in the history of one tip, and of all tips that were indexed before."""

    def __init__(self, ws: Workspace, tip: Oid) -> None:
        self._git, self._path = ws.repo.git, ws.shared_state / "trailers"
        self._boundary = shallow_boundary(ws.repo.common_dir)
        self.by_commit: Trailers = {}
        tips = self._load()
        if str(tip) not in tips:
            self.by_commit.update(_read_trailers(self._git, tip, tips))
            self._save([*tips, str(tip)][-MOST_TIPS:])
        self.by_data: dict[str, list[str]] = {}
        for commit, ids in self.by_commit.items():
            for data in ids:
                self.by_data.setdefault(data, []).append(commit)

    def _load(self) -> list[str]:
        """Read the file and return the tips that it covers; none if the shallow boundary has
        moved."""
        try:
            head, tips, *lines, end = self._path.read_text("ascii").split("\n")
        except (OSError, ValueError):
            return []
        # With another boundary, the clone has commits that the index has never seen.
        if head != f"{HEADER} {' '.join(self._boundary)}" or end:
            return []
        self.by_commit = {commit: tuple(ids) for commit, *ids in map(str.split, lines)}
        return tips.split()

    def _save(self, tips: Iterable[str]) -> None:
        lines = [f"{commit} {' '.join(ids)}" for commit, ids in self.by_commit.items()]
        text = "\n".join([f"{HEADER} {' '.join(self._boundary)}", " ".join(tips), *lines, ""])
        # A user without write permission reads the commits again each time.
        with suppress(OSError):
            fsio.write_file(self._path, text.encode())


def shallow_boundary(common_dir: Path) -> tuple[str, ...]:
    """Return the commits at which a shallow clone ends, sorted; none for a full clone
    (git-rev-parse)."""
    try:
        return tuple(sorted((common_dir / "shallow").read_text("ascii").split()))
    except (OSError, ValueError):
        return ()


def _read_trailers(git: Git, tip: Oid, covered: Iterable[str]) -> Trailers:
    """Read the trailers in the history of `tip`, except for commits that `covered` leads to."""
    names = "".join(f"{name}\n" for name in (str(tip), *(f"^{name}" for name in covered))).encode()
    argv = (
        "rev-list",
        "--ignore-missing",
        "-i",
        f"--grep={KEY}",
        "--format=%H%n%B%x00",
        "--no-commit-header",
        "--stdin",
    )
    listed = git.run(*argv, stdin=names).decode("utf-8", "replace")
    found = {}
    for entry in listed.split("\0\n")[:-1]:
        commit, _, message = entry.lstrip("\n").partition("\n")
        # The search of git is only a filter, and may find the word anywhere in a message.
        ids = parse_trailers(message)
        if ids:
            found[commit] = ids
    return found
