"""Collect the metrics, curves and parameters that a run wrote to its own files."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo.curves.curve_points import Points
from git_datmo.errors import DatmoError
from git_datmo.readers.tool_runs import ReaderKind, ToolRun
from git_datmo.records.record_values import Value
from git_datmo.runs.figure_values import find_metrics

# Measured durations and rates, as Transformers names them. A rerun always has other ones.
_MEASURED = re.compile(r".*_(?:runtime|(?:samples|steps|tokens)_per_second)\Z")
_TAG_LIMIT = 200


@dataclass(slots=True)
class Harvest:
    """The values that a run left in its files.

    `metrics` has the last value of each metric. `parameters` and `tags` are what the script told
    its trackers. `warnings` name files that cannot be read.
    """

    metrics: dict[str, Value] = field(default_factory=dict)
    curves: dict[str, Points] = field(default_factory=dict)
    parameters: dict[str, Value] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Part:
    """A run that a reader found; `place` is the folder, or the tool's own name for the run."""

    place: str
    run: ToolRun


def harvest(
    root: Path,
    folder: str,
    outputs: Sequence[str],
    files: Iterable[str],
    is_written: Callable[[str], bool],
    since: int,
) -> Harvest:
    """Read the metrics file of a run, and the files of its trackers.

    `files` are paths that the run may have written, relative to `root` or absolute; `is_written`
    tells which of them it wrote. `folder` and `outputs` say where a metrics file is looked for.
    `since` is the start of the run in nanoseconds. A database can hold older runs, which do not
    count.
    """
    found = Harvest()
    paths = list(files)
    sources = _choose_sources(paths, is_written, found.warnings) if paths else []
    parts = [
        part
        for kind, source in sources
        for part in _read_source(root, kind, source, since // 1000, found.warnings)
    ]
    _unite(_last_checkpoint(parts), found)
    # A metrics file has the last word about a final value, so it is read last.
    found.metrics |= find_metrics(root, folder, outputs, is_written, found.warnings)
    return found


def _choose_sources(
    files: Iterable[str], is_written: Callable[[str], bool], warnings: list[str]
) -> list[tuple[ReaderKind, str]]:
    """Return each source once with its reader.

    A script's metrics file in the folder of a tracker is the tracker's. A JSON file has no curves.
    """
    from git_datmo.readers.reader_registry import find_sources
    from git_datmo.readers.script_reader import JSON_NAMES, SCRIPT

    sources = dict[tuple[str, str], ReaderKind]()
    try:
        for path in files:
            for kind, source in find_sources(path):
                if (kind.name, source) not in sources and is_written(path):
                    sources[kind.name, source] = kind
    except DatmoError as error:
        warnings.append(f"{error.what}; {error.hint}")
    folders = {source for (_, source), kind in sources.items() if kind is not SCRIPT}
    return [
        (kind, source)
        for (_, source), kind in sources.items()
        if kind is not SCRIPT
        or not (source.endswith(JSON_NAMES) or os.path.dirname(source) in folders)
    ]


def _read_source(
    root: Path, kind: ReaderKind, source: str, since: int, warnings: list[str]
) -> list[_Part]:
    """Return the runs of a source that were active since a time in microseconds."""
    try:
        runs = list(kind.read(root / source))
    except Exception as error:  # noqa: BLE001  # readers of other packages may raise anything
        why = error.what if isinstance(error, DatmoError) else str(error) or type(error).__name__
        warnings.append(f"the metrics in '{source}' were not read: {why}")
        return []
    parts = []
    for run in runs:
        # A file with a single run was written by this run, even if it states no times.
        if len(runs) > 1 and not _was_active(run, since):
            continue
        warnings += (f"'{source}': {problem}" for problem in run.problems)
        place = run.name or run.id
        parts.append(_Part(place if len(runs) > 1 else os.path.dirname(source), run))
    return parts


def _was_active(run: ToolRun, since: int) -> bool:
    """Return True if a run began, ended or has a value since a time."""
    last = max((max(points.times) for points in run.series.values() if points.times), default=0)
    return max(run.started, run.ended, last) >= since


def _last_checkpoint(parts: Sequence[_Part]) -> list[_Part]:
    """Keep of a trainer's checkpoints the one with the longest history."""
    trainers = [part for part in parts if part.run.tool == "transformers"]
    if len(trainers) < 2:
        return list(parts)
    # Each checkpoint has the history since the first step, so the longest contains the others.
    longest = max(trainers, key=lambda part: sum(map(len, part.run.series.values())))
    return [part for part in parts if part.run.tool != "transformers" or part is longest]


def _unite(parts: Sequence[_Part], found: Harvest) -> None:
    """Add the values of all runs. A metric that several of them have is told apart by its place."""
    names = _distinct_names(parts)
    for part, prefix in zip(parts, _prefixes(parts), strict=True):
        for name, points in part.run.series.items():
            full = _clean(f"{prefix}/{name}" if prefix and name not in names else name)
            if full in found.curves:
                _extend(found.curves[full], points)
            else:
                found.curves[full] = points
        found.metrics |= _clean_values(part.run.metrics)
        found.parameters |= _clean_values(part.run.parameters)
        found.tags += (tag for tag in _tags(part.run.tags) if tag not in found.tags)
    for name, points in found.curves.items():
        if not _MEASURED.match(name):
            found.metrics[name] = points.values[-1]


def _distinct_names(parts: Sequence[_Part]) -> set[str]:
    """Return the metrics that only one place has."""
    places = defaultdict[str, set[str]](set)
    for part in parts:
        for name in part.run.series:
            places[name].add(part.place)
    return {name for name, each in places.items() if len(each) == 1}


def _prefixes(parts: Sequence[_Part]) -> list[str]:
    """Return the end of each part's place, from the first folder that is not common to all."""
    common = os.path.commonpath([f"./{part.place}" for part in parts]) if parts else ""
    # A part in the common folder itself has no prefix.
    return [os.path.relpath(f"./{part.place}", common).removeprefix(".") for part in parts]


def _clean(text: str) -> str:
    """Return a text without characters that UTF-8 cannot express."""
    return text.encode("utf-8", "replace").decode()


def _clean_values(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return values with names and texts that UTF-8 can express."""
    return {
        _clean(name): _clean(value) if isinstance(value, str) else value
        for name, value in values.items()
    }


def _extend(points: Points, more: Points) -> None:
    """Append points that another file has."""
    points.values.extend(more.values)
    points.steps.extend(more.steps)
    points.times.extend(more.times)


def _tags(tags: Mapping[str, str]) -> Iterator[str]:
    """Yield tags as words: a name, or a name and a value. Names of groups are left out."""
    for name, value in tags.items():
        word = f"{name}={value}" if value else name
        if name not in ("experiment", "project") and len(word) <= _TAG_LIMIT:
            yield _clean(word)
