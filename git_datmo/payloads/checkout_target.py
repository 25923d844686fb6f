"""Find the target of a checkout: the payloads of one snapshot, or of several united."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.git.object_database import LOST_OBJECT_HINT
from git_datmo.history.commit_data import CommitData
from git_datmo.history.experiments import Found, History
from git_datmo.model import Oid, Payload
from git_datmo.progress import QUIET, Progress
from git_datmo.records.data_id import data_id
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Target:
    """Payloads, the snapshots that have them, and the paths on which these disagree."""

    snapshots: tuple[str, ...]
    payloads: tuple[Payload, ...]
    kept: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """Return the id of the single snapshot; '' for several."""
        return self.snapshots[0] if len(self.snapshots) == 1 else ""


def target_of(found: Found) -> Target:
    """Return the target that is one snapshot."""
    return Target((str(found.id),), found.snapshot.payloads)


def find_target(
    ws: Workspace, name: str, *, standing: Iterable[str] = (), progress: Progress = QUIET
) -> Target:
    """Return the target that `name` stands for: an id or a revision ('' is HEAD).

    If several snapshots disagree on a path, the version of `standing` counts. Raises `Incomplete`
    if the data were never shared, `DatmoError` if there are none.
    """
    history = History(ws)
    # An id is taken as it is: that snapshot alone, even if others belong to its commit.
    found = history.by_id(name) if name else None
    if found is not None:
        return target_of(found)
    data = history.data(ws.repo.resolve(name or "HEAD"))
    if data.unshared:
        history, data = _ask_remotes(ws, history, data, progress)
    require_data(ws, data, name)
    return target_of_data(ws, history, data, standing=standing, progress=progress)


def target_of_data(
    ws: Workspace,
    history: History,
    data: CommitData,
    *,
    standing: Iterable[str] = (),
    progress: Progress = QUIET,
) -> Target:
    """Return the payloads of a commit's data; raise `DatmoError` if a snapshot cannot be read."""
    if len(data.heads) == 1:
        snapshot = history.snapshot(data.ids[0])
        if snapshot is None:
            raise DatmoError(f"snapshot '{data.ids[0]}' cannot be read", LOST_OBJECT_HINT)
        return Target(data.ids, snapshot.payloads)
    from git_datmo.payloads.merging.united_heads import HeadsUnion

    merged = HeadsUnion(ws, history, progress).unite(data.ids, first=standing)
    return Target(data.ids, tuple(merged.payloads.values()), merged.kept)


def _ask_remotes(
    ws: Workspace, history: History, data: CommitData, progress: Progress
) -> tuple[History, CommitData]:
    """Fetch records from one remote after the other, until one has the data."""
    from git_datmo.git.fetch_head import all_sources
    from git_datmo.remotes.fetch_objects import fetch

    # A remote that cannot be reached does not stop the search in the others.
    for remote in all_sources(ws.repo):
        try:
            fetch(ws, remote, progress=progress)
        except DatmoError as error:
            progress.tell(f"'{remote}' does not give the data: {error.what}")
            continue
        # A history does not see records that arrive after it was read.
        history = History(ws)
        data = history.data(data.commit)
        if not data.unshared:
            break
    return history, data


def find_experiment(
    ws: Workspace, history: History, name: str, *, progress: Progress = QUIET
) -> Found:
    """Return the experiment that a person names; raise `Incomplete` if it was never shared."""
    try:
        return history.resolve(name)
    except DatmoError as error:
        # `--end-of-options` lets a name begin with a dash.
        done = ws.repo.git.finish(
            "rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}"
        )
        if done.returncode:
            raise
        data = history.data(Oid.parse(done.stdout.decode().strip()))
        # Data of an ancestor do not help: the name means the experiment of this very commit.
        if not _is_own_unshared(data):
            raise
        history, data = _ask_remotes(ws, history, data, progress)
        if _is_own_unshared(data):
            raise unshared_error(ws, data) from error
    return history.resolve(name)


def _is_own_unshared(data: CommitData) -> bool:
    """Return True if the commit itself, not an ancestor, names data that no record has."""
    return any(each.commit == str(data.commit) for each in data.unshared)


def unshared_warning(ws: Workspace, history: History, head: Oid) -> str:
    """Return a line if the data of HEAD were never shared, for commands that go on; ''
    otherwise."""
    data = history.data(head)
    if not data.unshared or _is_here(ws, data):
        return ""
    error = unshared_error(ws, data)
    return (
        f"{error.what}; the files are recorded as they are here, as an experiment and not as the"
        " commit's data."
        f" {error.hint[:1].upper()}{error.hint[1:]}"
    )


def require_data(ws: Workspace, data: CommitData, name: str) -> None:
    """Raise an error that says why a commit has no data to place, and what helps."""
    if data.unshared:
        raise unshared_error(ws, data)
    if data.is_cut_off:
        raise DatmoError(
            "this clone is shallow: it ends before the commit that tells which data"
            f" '{name or 'HEAD'}' has",
            "'git fetch --unshallow' gets the rest of the history, or 'git fetch --deepen=100'"
            " more of it",
        )
    if not data.heads:
        raise DatmoError(
            f"no commit up to '{name or 'HEAD'}' has data",
            "'git datmo fetch' gets what others shared",
        )


def _is_here(ws: Workspace, data: CommitData) -> bool:
    """Return True if the newest commit without a record is HEAD, and the working tree has its
    data."""
    newest = data.unshared[0]
    tracked = data_id(each.payload for each in ws.tracking().payloads)
    return newest.data == tracked and newest.commit == str(ws.head())


def unshared_error(ws: Workspace, data: CommitData) -> Incomplete:
    """Return the error that names the newest commit with unshared data, and the person to ask."""
    commit = data.unshared[0].commit
    shown = ws.repo.git.text(
        "log", "-1", "--no-show-signature", "--format=%h%x00%an%x00%s", commit, "--"
    )
    short, author, subject = shown.split("\0")
    if _is_here(ws, data):
        return Incomplete(
            f"the data of commit {short} ('{subject}') are in no record: its snapshot was not made",
            "the files are here: 'git datmo snapshot' makes it",
            missing=[data.unshared[0].data],
        )
    known = f"; 'git datmo checkout {data.ids[0][:10]}' places older data" if data.heads else ""
    return Incomplete(
        f"the data of commit {short} ('{subject}') are in no record: they were never shared",
        f"ask {author} to run 'git datmo push' in the clone that made it{known}",
        missing=[data.unshared[0].data],
    )
