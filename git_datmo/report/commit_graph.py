"""Read the commits behind experiments: who made them, what they follow, and on which branch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from git_datmo.history.experiments import Revisions
from git_datmo.repository.workspace import Workspace

# The most commits that are read.
LIMIT = 500_000
_FIELDS = ("%H", "%P", "%an", "%ae", "%at", "%s")
_MERGED = re.compile(r"Merge (?:remote-tracking )?branch '([^']+)'")


@dataclass(frozen=True, slots=True)
class CommitNode:
    """A commit with its parents. `time` is when its author made it, in seconds since 1970."""

    oid: str
    parents: tuple[str, ...]
    author: str
    mail: str
    time: float
    subject: str


@dataclass(frozen=True, slots=True)
class CommitGraph:
    """Commits by id, newest first, and the name of the branch of each; '' if none is known."""

    commits: Mapping[str, CommitNode]
    branches: Mapping[str, str]


def read_commit_graph(ws: Workspace, revisions: Revisions) -> CommitGraph:
    """Return the commits of revisions."""
    if not (revisions.arguments or revisions.refs):
        return CommitGraph({}, {})
    said = ws.repo.git.run(
        "log", "-z", f"--format={'%x00'.join(_FIELDS)}", f"--max-count={LIMIT}", "--topo-order",
        *revisions.refs, "--end-of-options", *revisions.arguments, "--",
    )  # fmt: skip
    words = said.decode("utf-8", "replace").split("\0")
    width = len(_FIELDS)
    commits = {}
    for start in range(0, len(words) - width + 1, width):
        oid, parents, author, mail, time, subject = words[start : start + width]
        commits[oid] = CommitNode(
            oid, tuple(parents.split()), author, mail, float(time or 0), subject
        )
    return CommitGraph(commits, dict(name_branches(commits, _tips(ws))))


def _tips(ws: Workspace) -> list[tuple[str, str]]:
    """Return the names and commits of branches: the main one first, then local ones."""
    said = ws.repo.git.text(
        "for-each-ref", "--format=%(objectname) %(symref) %(refname)", "refs/heads", "refs/remotes"
    )
    tips = []
    for line in said.splitlines():
        oid, symref, ref = line.split(" ", 2)
        if symref:
            continue
        is_remote = ref.startswith("refs/remotes/")
        name = ref.split("/", 3)[3] if is_remote and ref.count("/") > 2 else ref[11:]
        is_main = name in ("main", "master", "trunk")
        tips.append(((not is_main, is_remote, name), name, oid))
    return [(name, oid) for _, name, oid in sorted(tips)]


def name_branches(
    commits: Mapping[str, CommitNode], tips: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield each commit with the name of the branch on which it was made.

    A branch has the first parents of its tip that no earlier branch has. The second parent of a
    merge is on the branch that the merge names.
    """
    named: set[str] = set()
    waiting = list(tips)[::-1]
    while waiting:
        name, oid = waiting.pop()
        merges: list[tuple[str, str]] = []
        while oid in commits and oid not in named:
            named.add(oid)
            yield oid, name
            commit = commits[oid]
            if len(commit.parents) > 1:
                found = _MERGED.match(commit.subject)
                # A branch that still exists names its commits itself, so it comes first.
                merges += ((found[1] if found else "", other) for other in commit.parents[1:])
            oid = commit.parents[0] if commit.parents else ""
        # Merged branches come after all branches that still exist.
        waiting[:0] = reversed(merges)
