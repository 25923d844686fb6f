"""Follow a repository by looking at its files: refs, the store, and journals of runs in progress.

A look costs a few calls of `stat`. It reads new bytes alone, and starts no process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from git_datmo.curves.curve_points import Points
from git_datmo.repository.event_log_folder import configured_log
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.live_journals import LiveRun
from git_datmo.runs.run_watch import BEGUN, LOG, runs_folder
from git_datmo.runs.runs_in_progress import RunInProgress, read_run

TICK = 0.5
"""Seconds between two looks."""
LIVENESS = 8
"""Looks between two checks that the processes of runs are alive."""
MANY_REFS = 2000
SELDOM = 20
CHANGED_ALL = (
    "experiments",
    "block",
    "sparklines",
    "experiment",
    "feedback",
    "data",
    "story",
    "health",
    "contracts",
)
CHANGED_BY_LOG = ("experiment", "feedback")
# Points of one event; a page that lacks more asks for the curve.
EVENT_POINTS = 20_000

Event = dict[str, Any]


@dataclass(slots=True)
class _Run:
    """A run in progress as it was at the last look."""

    run: RunInProgress
    live: LiveRun
    log_size: int = 0


@dataclass
class Following:
    """The state of a repository at the last look. Safe to use from several threads."""

    common_dir: Path
    runs_folder: Path
    event_log: Path | None = None
    _runs: dict[str, _Run] = field(default_factory=dict)
    _refs: object = None
    _log: object = None
    _looks: int = 0
    _ref_pause: int = 1
    _lock: Lock = field(default_factory=Lock)

    def look(self) -> list[Event]:
        """Return what changed since the last look; at the first one, nothing did."""
        with self._lock:
            self._looks += 1
            changed = [*self._look_at_refs(), *self._look_at_log()]
            events = list(self._look_at_runs(changed))
        if changed:
            events.insert(0, {"changed": list(dict.fromkeys(changed))})
        return events

    def running(self) -> list[tuple[RunInProgress, tuple[str, ...]]]:
        """Return the runs in progress with the names of their curves, newest first."""
        with self._lock:
            every = [(each.run, tuple(each.live.curves)) for each in self._runs.values()]
        return sorted(every, key=lambda pair: -pair[0].began)

    def has_run(self, name: str) -> bool:
        """Return True for the id of a run that was in progress at the last look."""
        with self._lock:
            return name in self._runs

    def run(self, name: str) -> tuple[RunInProgress, dict[str, Points]] | None:
        """Return the run in progress with an id and its curves so far, or None."""
        with self._lock:
            found = self._runs.get(name)
            if found is None:
                return None
            curves = found.live.curves.items()
            return found.run, {
                # Copies, since the next look appends to these arrays in another thread.
                metric: Points(points.values[:], points.steps[:], points.times[:])
                for metric, points in curves
            }

    def _look_at_refs(self) -> Iterator[str]:
        """Yield the documents that changed with refs or the store."""
        if self._looks % self._ref_pause:
            return
        seen, count = _stamps(self.common_dir)
        # A repository with very many loose refs is looked at less often.
        self._ref_pause = 1 if count < MANY_REFS else SELDOM
        if self._refs is not None and seen != self._refs:
            yield from CHANGED_ALL
        self._refs = seen

    def _look_at_log(self) -> Iterator[str]:
        """Yield the documents that changed with the events of a server.

        A server can write at any moment, so its log is looked at less often.
        """
        if self.event_log is None or (self._looks - 1) % LIVENESS:
            return
        seen = _sizes(self.event_log)
        if self._log is not None and seen != self._log:
            yield from CHANGED_BY_LOG
        self._log = seen

    def _look_at_runs(self, changed: list[str]) -> Iterator[Event]:
        """Yield the new points of runs; add the documents that changed to `changed`."""
        homes = _homes(self.runs_folder)
        for name in [name for name in self._runs if name not in homes]:
            del self._runs[name]
            changed += ["experiments", f"experiment/run-{name}"]
        for name, home in homes.items():
            known = self._runs.get(name)
            if known is None or not self._looks % LIVENESS:
                run = read_run(home)
                if run is None:
                    continue
                if known is None:
                    known = self._runs[name] = _Run(run, LiveRun(home))
                    changed.append("experiments")
                elif known.run.state is not run.state:
                    changed.append("experiments")
                known.run = run
            yield from self._look_at_run(name, known, changed)

    def _look_at_run(self, name: str, known: _Run, changed: list[str]) -> Iterator[Event]:
        """Yield the new points of a run."""
        metrics = len(known.live.curves)
        before = known.live.look()
        if len(known.live.curves) > metrics:
            changed += ["experiments", f"experiment/run-{name}"]
        numbers = {metric: number for number, metric in enumerate(known.live.curves)}
        for metric, begin in before.items():
            points = known.live.curves[metric]
            curve = f"curve/run-{name}/{numbers[metric]}"
            if len(points) - begin > EVENT_POINTS:
                changed.append(curve)
                continue
            yield {
                "curve": curve,
                "from": begin,
                "steps": list(points.steps[begin:]),
                "times": [time / 1e6 for time in points.times[begin:]],
                "values": list(points.values[begin:]),
            }
        size = _size(known.live.home / LOG)
        if size != known.log_size:
            known.log_size = size
            changed.append(f"log/run-{name}")


def follow(ws: Workspace) -> Following:
    """Return the state of a repository, after a first look."""
    following = Following(ws.repo.common_dir, runs_folder(ws), configured_log(ws))
    following.look()
    return following


def _homes(folder: Path) -> dict[str, Path]:
    """Return the folders of runs without a record, by id."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return {}
    return {name: folder / name for name in names if (folder / name / BEGUN).exists()}


def _sizes(folder: Path) -> tuple[tuple[str, int], ...]:
    """Return the names and the sizes of the files of a folder; none if it is missing."""
    try:
        return tuple(sorted((path.name, _size(path)) for path in folder.iterdir()))
    except OSError:
        return ()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _stamps(common_dir: Path) -> tuple[object, int]:
    """Return the times and sizes of the files of refs and of the store's packs, and the number of
    loose refs."""
    stamps: list[tuple[str, int, int, int]] = []
    # With reftables, refs have no files of their own, and the list of tables changes.
    for name in ("HEAD", "packed-refs", "reftable/tables.list", "datmo/store.git/objects/pack"):
        _stamp(stamps, name, common_dir / name)
    before = len(stamps)
    # Git removes empty folders at any time, so a folder that is gone is passed over.
    folders = [common_dir / "refs"]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    else:
                        _stamp(stamps, entry.path, Path(entry.path))
        except OSError:
            continue
    return tuple(sorted(stamps)), len(stamps) - before


def _stamp(stamps: list[tuple[str, int, int, int]], name: str, path: Path) -> None:
    """Add the time, size and number of a file if it exists."""
    try:
        found = path.stat()
    except OSError:
        return
    # Git replaces files by renames, so the inode differs even where time and size do not.
    stamps.append((name, found.st_mtime_ns, found.st_size, found.st_ino))
