"""The history of the contracts' files: which commit made which blob, and from which one.

One `git log` reads it for any number of branches. A blob is known by its newest commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from git_datmo.contracts.odcs_file import FOLDER
from git_datmo.git.command import Git
from git_datmo.model import Oid
from git_datmo.terminal_text import make_printable

UNCOMMITTED = "uncommitted changes"
# Older changes are not worth the time.
_MOST_COMMITS = "5000"
_LONGEST_NAME = 70


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A change of a file: the commit's id, author and subject, and the blob before it."""

    commit: str
    before: Oid | None


class ContractHistory:
    """Versions of contracts' files by path and blob."""

    def __init__(self, git: Git, tips: Iterable[Oid | str]) -> None:
        self._versions: dict[tuple[str, Oid], FileVersion] = {}
        self._read(git, tips)

    def add_uncommitted(self, file: str, blob: Oid, before: Oid | None) -> None:
        """Add a version that only the working tree has."""
        self._versions[file, blob] = FileVersion(UNCOMMITTED, before)

    def versions(self, file: str, blob: Oid) -> Iterator[FileVersion]:
        """Yield the changes that led to a blob, the newest first."""
        seen: set[Oid] = set()
        now: Oid | None = blob
        # A revert makes a blob a second time.
        while now is not None and now not in seen:
            seen.add(now)
            found = self._versions.get((file, now))
            if found is None:
                return
            yield found
            now = found.before

    def is_older(self, file: str, blob: Oid, other: Oid) -> bool:
        """Return whether a blob is an earlier version of another one."""
        return any(version.before == blob for version in self.versions(file, other))

    def _read(self, git: Git, tips: Iterable[Oid | str]) -> None:
        revisions = "".join(f"{tip}\n" for tip in tips)
        done = git.finish(
            "log",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "-n",
            _MOST_COMMITS,
            "--format=%x00%H %an: %s",
            "--stdin",
            # Paths follow revisions.
            stdin=f"{revisions}--\n{FOLDER}\n".encode(),
        )
        # A repository without commits has no history.
        text = done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""
        for entry in text.split("\0")[1:]:
            title, _, raw = entry.partition("\n")
            commit = f"{title[:10]} {make_printable(title.partition(' ')[2])}"[:_LONGEST_NAME]
            for line in raw.splitlines():
                self._add(commit, line)

    def _add(self, commit: str, line: str) -> None:
        """Add a line like `:100644 100644 BEFORE AFTER M<TAB>PATH` (git-diff, "Raw output")."""
        head, _, path = line.partition("\t")
        words = head.split()
        # Lines of merges begin with two colons.
        if len(words) == 5 and words[0].count(":") == 1:
            after = _blob(words[3])
            if after is not None:
                # The log lists the newest commit first, and the first one stays.
                self._versions.setdefault((path, after), FileVersion(commit, _blob(words[2])))


def _blob(text: str) -> Oid | None:
    """Return the id of a blob; None for the zeros of a file that is not there."""
    return None if set(text) == {"0"} else Oid.parse(text)
