"""Tell a history as people tell it: experiments and merges, with what was said about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from git_datmo.history.annotations import Remark, remarks_of
from git_datmo.history.commit_data import Claim
from git_datmo.history.experiments import History
from git_datmo.report.commit_graph import CommitGraph


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
        if not own and len(commit.parents) > 1 and len(before) > 1:
            entries.append(StoryEntry(None, oid, before))
        for index in own:
            record = claims[index].row.record
            entries.append(StoryEntry(index, oid, before, remarks_of(history, record)))
        nearest[oid] = (claims[own[-1]].row.record,) if own else before
    return tuple(entries)


def metric_values(row: Mapping[str, object]) -> dict[str, object]:
    """Return the metrics in the values of an experiment, without those of their curves."""
    metrics = {name: value for name, value in row.items() if name.startswith("metrics.")}
    return {
        name.removeprefix("metrics."): value
        for name, value in metrics.items()
        if not (
            name.endswith((".min", ".max", ".best", ".goal")) and name.rpartition(".")[0] in metrics
        )
    }
