"""Graph of snapshots. A snapshot leads to those that its payloads were made from.

Data has a history of its own. A merge of two snapshots has both as parents, whichever commits they
name. The order does not depend on clocks: a snapshot is newer than each snapshot that it leads to.
A parent without a record has no parents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class DataGraph:
    """Graph of snapshots that answers reachability questions without I/O."""

    def __init__(self, parents: Mapping[str, tuple[str, ...]]) -> None:
        self._parents = parents

    def parents(self, snapshot: str) -> tuple[str, ...]:
        """Return the parents of a snapshot, or () if it is unknown."""
        return self._parents.get(snapshot, ())

    def reached(self, starts: Iterable[str]) -> set[str]:
        """Return `starts` and all their ancestors."""
        found: set[str] = set()
        stack = list(starts)
        while stack:
            snapshot = stack.pop()
            if snapshot not in found:
                found.add(snapshot)
                stack += self.parents(snapshot)
        return found

    def reaches(self, snapshot: str, wanted: Iterable[str]) -> bool:
        """Return True if a snapshot is, or leads to, every snapshot of `wanted`."""
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
            # The parents of each of `every` are in the stack from the start.
            if snapshot not in below and snapshot not in every:
                stack += self.parents(snapshot)
            below.add(snapshot)
        # A cycle is impossible, since an id depends on the content, including the parents.
        return tuple(sorted(every - below))

    def bases(self, ours: Iterable[str], theirs: Iterable[str]) -> tuple[str, ...]:
        """Return the nearest common ancestors: those that no other common ancestor leads to."""
        return self.heads(self.reached(ours) & self.reached(theirs))
