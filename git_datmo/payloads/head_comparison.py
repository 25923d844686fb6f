"""Compare the snapshots that a working tree stands on with HEAD's data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.history.commit_data import Ancestry, CommitData
from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Look:
    """The comparison of a working tree's snapshots (`standing`) with HEAD's (`data`).

    `missing` are HEAD's snapshots that the standing ones do not include. `is_within` says that the
    standing ones belong to HEAD's history, or that there are none.
    """

    commit: Oid
    data: CommitData
    standing: tuple[str, ...]
    missing: tuple[str, ...]
    is_within: bool

    @property
    def is_settled(self) -> bool:
        """Return True if the working tree has all data of HEAD, and none that HEAD's history
        does not know."""
        return self.is_within and not self.missing

    @property
    def is_ahead(self) -> bool:
        """Return True if HEAD moved back: the working tree has all data of HEAD, and later ones."""
        return not self.is_within and not self.missing and bool(self.data.heads)

    @property
    def is_emptied(self) -> bool:
        """Return True if HEAD has no data, unless they were never shared or are cut off."""
        return (
            not self.data.heads
            and not self.data.unshared
            and not self.data.is_cut_off
            and not self.is_within
        )


def look(ws: Workspace, history: History, standing: tuple[str, ...], commit: Oid) -> Look:
    """Compare the snapshots that a working tree stands on with the data of `commit`."""
    data, graph = history.data(commit), history.catalog.graph
    reached = graph.reached(standing)
    missing = tuple(head for head in data.ids if head not in reached)
    return Look(commit, data, standing, missing, _is_within(ws, history, data, standing))


def _is_within(ws: Workspace, history: History, data: CommitData, standing: Iterable[str]) -> bool:
    # The graph decides for most working trees, and is cheaper than the walk through commits below.
    known = history.catalog.graph.reached(data.ids)
    others = [snapshot for snapshot in standing if snapshot not in known]
    if not others:
        return True
    ancestry = Ancestry(ws, data.commit)
    return all(bool(ancestry.within(_commits_of(history, snapshot))) for snapshot in others)


def _commits_of(history: History, snapshot: str) -> list[str]:
    """Return the commits that a snapshot names, or whose notes name it."""
    found = history.snapshot(snapshot)
    # A rebase copies the note to the new commit (`notes.rewriteRef`); the record names the old
    # commit.
    noted = [commit for commit, note in history.catalog.notes.items() if snapshot in note.records]
    return [*([str(found.commit)] if found is not None else []), *noted]
