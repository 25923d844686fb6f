"""Unite the payloads of several snapshots from their nearest common snapshots.

The result follows from the snapshots alone, except for paths that they changed differently: the
first side's version stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from git_datmo.history.experiments import History
from git_datmo.payloads.merging.payload_merge import Merged, PayloadMerger, Payloads, by_path
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace


class HeadsUnion:
    """Unites snapshots of a history."""

    def __init__(self, ws: Workspace, history: History, progress: Progress = QUIET) -> None:
        self._history = history
        self._graph = history.catalog.graph
        self._merger = PayloadMerger(ws, progress=progress)

    def unite(self, heads: Iterable[str], *, first: Iterable[str] = ()) -> Merged:
        """Unite the payloads of `heads`; those that lead to `first` come first, then by id."""
        preferred = set(first)
        # Sorting by id makes every clone unite in the same order, and so get the same result.
        return self._fold(
            sorted(heads, key=lambda head: (not self._graph.reached([head]) & preferred, head))
        )

    def base(self, ours: Iterable[str], theirs: Iterable[str]) -> Payloads:
        """Return the payloads of the nearest common snapshot of two sides.

        After criss-cross merges there are several: their union counts, without paths on which they
        disagree.
        """
        merged = self._fold(self._graph.bases(ours, theirs))
        undecided = {
            path
            for path in merged.payloads
            for kept in merged.kept
            if (kept + "/").startswith(path + "/")
        }
        return {path: payload for path, payload in merged.payloads.items() if path not in undecided}

    def payloads(self, snapshot: str) -> Payloads:
        """Return the payloads of a snapshot; none if it cannot be read."""
        found = self._history.snapshot(snapshot)
        # A drop record permits collection of these trees, so their absence is no damage.
        if found is not None and snapshot in self._history.catalog.dropped:
            self._merger.droppable.update(payload.object for payload in found.payloads)
        return by_path(found.payloads) if found is not None else {}

    def _fold(self, heads: Sequence[str]) -> Merged:
        if not heads:
            return Merged({})
        united, kept = self.payloads(heads[0]), dict[str, None]()
        # The base is the nearest common snapshot of the next head and of all heads united so far.
        for index, head in enumerate(heads[1:], 1):
            base = self.base(heads[:index], [head])
            merged = self._merger.merge(base, united, self.payloads(head))
            united = merged.payloads
            kept.update(dict.fromkeys(merged.kept))
        return Merged(united, tuple(kept))
