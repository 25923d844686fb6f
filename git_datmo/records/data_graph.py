"""The graph of snapshots: each leads to the snapshots whose payloads it was made from.

Data have a history of their own: a merge of two snapshots has both as parents, whatever commits they name. No clock
decides: a snapshot is newer than another when it leads to it. A parent that is in no record leads nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class DataGraph:
    """Answers questions about which snapshots lead to which; pure."""

    def __init__(self, parents: Mapping[str, tuple[str, ...]]) -> None:
        self._parents = parents

    def parents(self, snapshot: str) -> tuple[str, ...]:
        """Return the parents of a snapshot, none for one that is unknown."""
        return self._parents.get(snapshot, ())

    def reached(self, starts: Iterable[str]) -> set[str]:
        """Return `starts` and all that they lead to."""
        found: set[str] = set()
        stack = list(starts)
        while stack:
            snapshot = stack.pop()
            if snapshot not in found:
                found.add(snapshot)
                stack += self.parents(snapshot)
        return found

    def reaches(self, snapshot: str, wanted: Iterable[str]) -> bool:
        """Return whether a snapshot is each of `wanted`, or leads to it."""
        return self.reached([snapshot]).issuperset(wanted)

    def heads(self, snapshots: Iterable[str]) -> tuple[str, ...]:
        """Return those of `snapshots` that no other of them leads to, sorted by id."""
        every = set(snapshots)
        if len(every) < 2:
            return tuple(every)
        below: set[str] = set()
        stack = [parent for snapshot in every for parent in self.parents(snapshot)]
        while stack:
            snapshot = stack.pop()
            # Each of `every` has its own parents in the stack already.
            if snapshot not in below and snapshot not in every:
                stack += self.parents(snapshot)
            below.add(snapshot)
        # A cycle cannot be made, since an id follows from content.
        return tuple(sorted(every - below))

    def bases(self, ours: Iterable[str], theirs: Iterable[str]) -> tuple[str, ...]:
        """Return the nearest snapshots that both sides lead to: those that no other common one leads to."""
        return self.heads(self.reached(ours) & self.reached(theirs))
