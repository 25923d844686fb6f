"""Find the runs of a tracker in a file or below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo.errors import DatmoError, UsageError
from git_datmo.readers.reader_registry import all_readers
from git_datmo.readers.tool_runs import ReaderKind, ToolRun
from git_datmo.suggest import nearest

# Tools without ids of their own, whose files in one folder are one run.
_BY_FOLDER = frozenset({"tensorboard"})


@dataclass(slots=True)
class FoundRuns:
    """The runs of a source, by ids that stay the same, and lines about unreadable files."""

    runs: dict[str, ToolRun] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def formats() -> list[str]:
    """Return the names of the formats that can be read."""
    return sorted({"dvc", "lfs", *(kind.name for kind in all_readers())})


def find_runs(name: str, source: Path) -> FoundRuns:
    """Return the runs of the format `name` in a file or folder; raise `DatmoError` for none."""
    kinds = [kind for kind in all_readers() if kind.name == name]
    if not kinds:
        close = nearest(name, formats())
        hint = f"did you mean '{close}'?" if close else f"the formats are {', '.join(formats())}"
        raise UsageError(f"there is no format '{name}'", hint)
    if not source.exists():
        raise DatmoError(f"there is no '{source}'", "name a file or folder of the tracker")
    found = FoundRuns()
    for kind, path in _sources(kinds, source):
        try:
            runs = list(kind.read(path))
        except Exception as error:  # noqa: BLE001  # readers of other packages may raise anything
            why = error.what if isinstance(error, DatmoError) else str(error)
            found.problems.append(f"'{path}' was not read: {why or type(error).__name__}")
            continue
        for run in runs:
            found.problems += (f"'{path}': {problem}" for problem in run.problems)
            _add(found, run, os.path.relpath(path, source if source.is_dir() else source.parent))
    return found


def _sources(kinds: list[ReaderKind], source: Path) -> Iterator[tuple[ReaderKind, Path]]:
    """Yield each file or folder to read once, in the order of their paths."""
    top = source if source.is_dir() else source.parent
    # Git's own folder has no runs, and many files.
    below = (path for path in source.rglob("*") if ".git" not in path.relative_to(source).parts)
    files = [source] if source.is_file() else sorted(path for path in below if path.is_file())
    seen = set[tuple[int, str]]()
    for path in files:
        for kind in kinds:
            # The name of the folder itself can be part of the layout.
            for base in (top, top.parent):
                claimed = kind.claim(path.relative_to(base).as_posix())
                if claimed is not None:
                    full = base / claimed
                    if (id(kind), str(full)) not in seen:
                        seen.add((id(kind), str(full)))
                        yield kind, full
                    break


def _add(found: FoundRuns, run: ToolRun, place: str) -> None:
    """Add a run under its id. Without one, the place and the first time are its id."""
    times = [points.times[0] for points in run.series.values() if points.times[0]]
    run.started = run.started or min(times, default=0)
    if not run.series and not run.metrics and not run.parameters:
        return
    if run.tool in _BY_FOLDER:
        place = os.path.dirname(place) or "."
        run.name = run.name or place
        before = found.runs.get(place)
        if before is not None:
            _unite(before, run)
            return
        found.runs[place] = run
        return
    run.name = run.name or place
    found.runs[run.id or place] = run


def _unite(run: ToolRun, more: ToolRun) -> None:
    """Add the values of another file of the same run."""
    for name, points in more.series.items():
        for value, step, time in zip(points.values, points.steps, points.times, strict=True):
            run.add(name, value, step, time)
    run.parameters |= more.parameters
    run.metrics |= more.metrics
    run.started = min(filter(None, (run.started, more.started)), default=0)
    run.status = run.status or more.status
    run.lost += (each for each in more.lost if each not in run.lost)
