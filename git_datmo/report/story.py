"""Tell a history as people tell it: experiments and merges, with what was said about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from git_datmo.history.annotations import Remark, remarks_of
from git_datmo.history.commit_data import Claim
from git_datmo.history.experiments import History
from git_datmo.query.names import is_of_curve
from git_datmo.report.commit_graph import CommitGraph
from git_datmo.report.experiment_columns import ValueColumn


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """A run or a merge. `index` is the position of the experiment in the list; None for a merge.

    `parents` are the experiments that came directly before it in the history of commits.
    """

    index: int | None
    commit: str
    parents: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()


def tell_story(
    history: History, graph: CommitGraph, claims: Sequence[Claim]
) -> tuple[StoryEntry, ...]:
    """Return the experiments of `claims`, and the merges between them, oldest first.

    Snapshots that only follow the data are left out.
    """
    by_commit: dict[str, list[int]] = {}
    for index, claim in enumerate(claims):
        if not claim.row.follows:
            by_commit.setdefault(str(claim.commit), []).append(index)
    nearest: dict[str, tuple[str, ...]] = {}
    entries = []
    for oid, commit in reversed(tuple(graph.commits.items())):
        before = tuple(
            dict.fromkeys(each for parent in commit.parents for each in nearest.get(parent, ()))
        )
        own = sorted(by_commit.get(oid, ()), key=lambda index: claims[index].row.order)
        # A merge is told only if it joins experiments of different branches.
        if not own and len(commit.parents) > 1 and len(before) > 1:
            entries.append(StoryEntry(None, oid, before))
        for index in own:
            record = claims[index].row.record
            entries.append(StoryEntry(index, oid, before, remarks_of(history, record)))
        nearest[oid] = (claims[own[-1]].row.record,) if own else before
    return tuple(entries)


def choose_story_metrics(columns: Sequence[ValueColumn], most: int) -> tuple[str, ...]:
    """Return the full names of at most `most` metrics: first those with a goal, then the usual
    ones."""
    found = [
        (not column.goal, -column.present, column.name)
        for column in columns
        if column.section == "metrics"
    ]
    known = {name for _, _, name in found}
    plain = (each for each in sorted(found) if not is_of_curve(each[2], known))
    return tuple(name for _, _, name in islice(plain, most))
