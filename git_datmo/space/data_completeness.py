"""Check that a remote has all data of a range of commits, before a merge or in CI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from git_datmo.errors import DatmoError, GitFailed
from git_datmo.git.command import Git
from git_datmo.git.refs import read_refs
from git_datmo.history.experiments import History
from git_datmo.history.trailer_index import TrailerIndex
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.space.store_check import RemoteChecked, check_remote


@dataclass(frozen=True, slots=True)
class Gap:
    """A piece that a receiver of `commit` does not get.

    `record` is the incomplete snapshot, or '' if there is none. `author` made it, or the commit,
    and is the person to ask.
    """

    commit: str
    record: str
    author: str
    what: str


@dataclass(frozen=True, slots=True)
class Completeness:
    """The remote that was checked, the number of snapshots in the range, and the gaps."""

    remote: str
    snapshots: int
    gaps: tuple[Gap, ...]


def all_branches(git: Git) -> list[str]:
    """Return the commits of all branches."""
    return sorted({str(tip) for tip in read_refs(git, "refs/heads/").values()})


def check_complete(
    ws: Workspace, revisions: Sequence[str], *, progress: Progress = QUIET
) -> Completeness:
    """Check that the remote has the data of every commit in a range; raise `DatmoError` for a
    bad range."""
    if not revisions:
        raise DatmoError("no branch has a commit", "make or fetch one, then run this again")
    _refuse_unknown(ws.repo.git, revisions)
    named = ws.repo.git.text("rev-parse", "--revs-only", "--end-of-options", *revisions).split()
    tips = [name for name in named if not name.startswith("^")]
    checked = check_remote(ws, progress=progress)
    # Read after the check, which has fetched the remote's records.
    history = History(ws)
    found = {str(each.id): each for each in history.walk(tuple(revisions))}
    missing = {loss.record for loss in checked.losses}
    gaps = [*_never_shared(ws, history, revisions, tips)]
    for record, each in sorted(found.items()):
        what = _missing(record, checked, missing)
        if what:
            gaps.append(Gap(str(each.commit), record, each.snapshot.author.name, what))
    return Completeness(checked.remote, len(found), tuple(gaps))


def _refuse_unknown(git: Git, revisions: Sequence[str]) -> None:
    """Raise `DatmoError` for the first revision or range that git does not know."""
    for revision in revisions:
        try:
            git.run("rev-list", "--max-count=1", "--end-of-options", revision, "--")
        except GitFailed:
            raise DatmoError(
                f"bad revision '{revision}'", "'git log --all' lists the commits"
            ) from None


def _missing(record: str, checked: RemoteChecked, missing: set[str]) -> str:
    if Oid.parse(record) not in checked.held:
        return "the snapshot was not pushed"
    return "its data are not on the remote" if record in missing else ""


def _never_shared(
    ws: Workspace, history: History, revisions: Sequence[str], tips: Sequence[str]
) -> Iterator[Gap]:
    """Yield the commits of the range whose trailer names data of no known record."""
    within = set(ws.repo.git.text("rev-list", "--end-of-options", *revisions, "--").split())
    reported: set[str] = set()
    for tip in tips:
        for commit, ids in TrailerIndex(ws, Oid.parse(tip)).by_commit.items():
            unknown = [data for data in ids if not history.catalog.has_known_data(data)]
            if unknown and commit in within and commit not in reported:
                reported.add(commit)
                author = ws.repo.git.text(
                    "log", "-1", "--no-show-signature", "--format=%an", commit, "--"
                )
                yield Gap(commit, "", author, "its data are in no record")
