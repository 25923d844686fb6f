"""Implement the graph of snapshots a second time, from `docs/FORMAT.md` alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def reached(parents: Mapping[str, Sequence[str]], snapshot: str) -> set[str]:
    """Return a snapshot and all that it leads to."""
    return {snapshot}.union(*(reached(parents, parent) for parent in parents.get(snapshot, ())))


def heads(parents: Mapping[str, Sequence[str]], snapshots: Iterable[str]) -> list[str]:
    """Return those of some snapshots that no other of them leads to, sorted."""
    every = set(snapshots)
    return sorted(
        s for s in every if not any(s in reached(parents, other) for other in every - {s})
    )


def nearest(
    parents: Mapping[str, Sequence[str]], ours: Iterable[str], theirs: Iterable[str]
) -> list[str]:
    """Return the nearest snapshots that two sides lead to."""
    one, other = (set[str]().union(*(reached(parents, s) for s in side)) for side in (ours, theirs))
    return heads(parents, one & other)
