"""Read what the processes of a run logged through `import git_datmo`.

Each process has a journal. A line is a letter, a blank and what follows:

- `m`: a value of a metric: the value, the step, the time in microseconds, and the name as JSON;
- `g`: a JSON object of metrics and which of their values are better, `min` or `max`;
- `p`: a JSON object of parameters;
- `t`: a tag, as JSON;
- `a`: the experiment that the run resumes, as JSON;
- `r`: the process, as a JSON object with its `pid` and its `rank` in a distributed training.

A line that is cut or damaged is passed over. So are all that exceed the limits below, of which the
remarks tell.
"""

from __future__ import annotations

import json
import os
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_datmo.curves.curve_points import Points, no_points
from git_datmo.engines.run_journal import CALLS
from git_datmo.query.goals import GOALS, known_goals
from git_datmo.records.record_values import Value

NAMES_LIMIT = 10_000
"""Metrics, parameters or tags of a run."""
TEXT_LIMIT = 4 << 20
"""Characters of all parameters of a run."""
NAME_LIMIT = 1000


@dataclass(slots=True)
class LoggedCalls:
    """Values that a run logged. `attempt` names the experiment that the script resumes."""

    parameters: dict[str, Value] = field(default_factory=dict)
    curves: dict[str, Points] = field(default_factory=dict)
    goals: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    attempt: str = ""
    remarks: list[str] = field(default_factory=list)

    @property
    def metrics(self) -> dict[str, Value]:
        """Return the last value of each metric."""
        return {name: points.values[-1] for name, points in self.curves.items()}


def read_calls(folder: Path) -> LoggedCalls:
    """Return what all processes logged into the folder of a run.

    Metrics of a process whose rank is not 0 are named `rankN/NAME`. Where several processes logged
    a metric, its values are in the order of their times.
    """
    read = _Reader()
    journals = folder / CALLS
    for name in sorted(os.listdir(journals)) if journals.is_dir() else []:
        try:
            with (journals / name).open("rb") as lines:
                for line in lines:
                    read.line(line)
        except OSError:
            continue
        read.end_of_process()
    return read.finish()


class _Reader:
    """Collects the lines of all journals."""

    def __init__(self) -> None:
        self.found = LoggedCalls()
        self._prefix = ""
        self._names: dict[bytes, str] = {}
        self._mixed: set[str] = set()
        self._own: dict[str, Points] = {}
        self._left_out: set[str] = set()
        self._room = TEXT_LIMIT

    def line(self, line: bytes) -> None:
        """Take a line; pass over one that is not whole."""
        # A process that was killed while it wrote leaves a cut line.
        if not line.endswith(b"\n"):
            return
        try:
            if line[:2] == b"m ":
                self._metric(line)
            elif line[1:2] == b" ":
                self._other(chr(line[0]), json.loads(line[2:]))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            pass

    def _metric(self, line: bytes) -> None:
        """Add a value to its curve."""
        _, value, step, time, encoded = line.split(b" ", 4)
        # Names repeat in every step, so the JSON of each name is decoded only once.
        name = self._names.get(encoded)
        if name is None:
            name = self._names[encoded] = _name(json.loads(encoded))
        points = self._own.get(name)
        if points is None:
            if len(self._own) >= NAMES_LIMIT:
                self._left_out.add("metrics")
                return
            points = self._own[name] = no_points()
        # All three are parsed before one is added, so a damaged line leaves columns of equal
        # length.
        number, at, when = float(value), float(step), int(time)
        points.times.append(when)
        points.values.append(number)
        points.steps.append(at)

    def _other(self, code: str, document: Any) -> None:
        """Take a line with a JSON document."""
        if code == "p":
            for name, value in document.items():
                self._parameter(_name(name), value)
        elif code == "g":
            self.found.goals |= {
                self._prefix + _name(name): goal for name, goal in document.items() if goal in GOALS
            }
        elif code == "t" and isinstance(document, str):
            self._tag(_name(document))
        elif code == "a" and isinstance(document, str):
            self.found.attempt = document
        elif code == "r":
            rank = int(document["rank"])
            self._prefix = f"rank{rank}/" if rank > 0 else ""

    def _parameter(self, name: str, value: Any) -> None:
        """Add a parameter."""
        if not isinstance(value, bool | int | float | str):
            return
        # The limit is a little below the range of a float.
        if isinstance(value, int) and not -(10**300) < value < 10**300:
            value = str(value)
        size = len(name) + len(str(value))
        if len(self.found.parameters) >= NAMES_LIMIT or size > self._room:
            self._left_out.add("parameters")
            return
        self._room -= size
        self.found.parameters[name] = value

    def _tag(self, tag: str) -> None:
        """Add a tag once."""
        if tag not in self.found.tags and len(self.found.tags) < NAMES_LIMIT:
            self.found.tags.append(tag)

    def end_of_process(self) -> None:
        """Add the curves of a process to those of the others."""
        for name, points in self._own.items():
            full = self._prefix + name
            known = self.found.curves.get(full)
            if known is None:
                self.found.curves[full] = points
            else:
                known.values.extend(points.values)
                known.steps.extend(points.steps)
                known.times.extend(points.times)
                self._mixed.add(full)
        self._own, self._prefix = {}, ""

    def finish(self) -> LoggedCalls:
        """Return what was collected."""
        found = self.found
        for name in self._mixed:
            found.curves[name] = _by_time(found.curves[name])
        for name in list(found.curves)[NAMES_LIMIT:]:
            self._left_out.add("metrics")
            del found.curves[name]
        told = {name: goal for name, goal in found.goals.items() if name in found.curves}
        found.goals = {**known_goals(found.curves), **told}
        found.remarks += (
            f"the run logged too many {what}: not all are recorded" for what in self._left_out
        )
        return found


def _name(text: Any) -> str:
    """Return a name without halves of characters, cut to `NAME_LIMIT`."""
    if not isinstance(text, str):
        raise TypeError("not a name")
    return text.encode("utf-8", "replace").decode()[:NAME_LIMIT]


def _by_time(points: Points) -> Points:
    """Return points in the order of their times."""
    order = sorted(range(len(points)), key=points.times.__getitem__)
    return Points(
        array("d", map(points.values.__getitem__, order)),
        array("d", map(points.steps.__getitem__, order)),
        array("q", map(points.times.__getitem__, order)),
    )
