"""The commits whose message has a `Datmo-Data` trailer, by the data that it names.

A commit never changes, so the index is kept in a file and only commits that it has not seen are read. The file may be
lost or damaged at any time, and is then made anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from git_datmo import fsio
from git_datmo.flows.workspace import Workspace
from git_datmo.git.run import Git
from git_datmo.model import Oid
from git_datmo.records.data_id import KEY, parse_trailers

HEADER = "git-datmo trailers 1"
# Tips whose history the file covers; a tip that is forgotten only costs another walk.
MOST_TIPS = 32

Trailers = dict[str, tuple[str, ...]]


class TrailerIndex:
    """The trailers in the history of one tip and of all tips that were asked about before."""

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
        """Read the file; returns the tips that it covers, none where the clone was cut off elsewhere then."""
        try:
            head, tips, *lines, end = self._path.read_text("ascii").split("\n")
        except (OSError, ValueError):
            return []
        if head != f"{HEADER} {' '.join(self._boundary)}" or end:
            return []
        self.by_commit = {commit: tuple(ids) for commit, *ids in map(str.split, lines)}
        return tips.split()

    def _save(self, tips: Iterable[str]) -> None:
        lines = [f"{commit} {' '.join(ids)}" for commit, ids in self.by_commit.items()]
        text = "\n".join([f"{HEADER} {' '.join(self._boundary)}", " ".join(tips), *lines, ""])
        # Who may only read the repository reads the commits anew each time.
        with suppress(OSError):
            fsio.write_file(self._path, text.encode())


def shallow_boundary(common_dir: Path) -> tuple[str, ...]:
    """Return the commits at which a shallow clone ends, sorted; none for a whole one (git-rev-parse)."""
    try:
        return tuple(sorted((common_dir / "shallow").read_text("ascii").split()))
    except (OSError, ValueError):
        return ()


def _read_trailers(git: Git, tip: Oid, covered: Iterable[str]) -> Trailers:
    """Read the trailers of the commits in the history of `tip` that no tip of `covered` leads to."""
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
        ids = parse_trailers(message)
        if ids:
            found[commit] = ids
    return found
