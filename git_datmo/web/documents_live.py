"""Make the documents of runs in progress."""

from __future__ import annotations

import re
from typing import Any

from git_datmo.curves.curve_points import Points
from git_datmo.curves.curve_reader import bytes_reader, read_header
from git_datmo.curves.curve_writer import write_curve
from git_datmo.query.goals import known_goal
from git_datmo.report.curve_parts import Series, split_rank
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.logged_calls import read_calls
from git_datmo.runs.runs_in_progress import RunInProgress, read_ended_runs
from git_datmo.terminal_text import quote_words
from git_datmo.web.documents_experiment import (
    INLINE,
    LOG_LIMIT,
    part_of_series,
    points_document,
    tail_document,
)
from git_datmo.web.following import Following
from git_datmo.web.page_state import KEY, NoDocument

_NAME = re.compile(
    r"(?P<kind>experiment|log|curve)/run-(?P<run>[0-9a-f]{4,32})"
    r"(?:/(?P<index>[0-9]{1,6})(?:/0/(?P<level>[0-9]{1,2})/(?P<part>[0-9]{1,6}))?)?\Z"
)


def is_live(name: str) -> bool:
    """Return True for the name of a document of a run in progress."""
    # Keys of experiments are hexadecimal, so none begins like this.
    return "/run-" in name


def running_document(following: Following) -> list[dict[str, Any]]:
    """Return the runs in progress, newest first."""
    return [
        {
            "id": run.id,
            "pid_alive": run.state.is_watched,
            "state": run.state.value,
            "started": run.began,
            "command": quote_words(run.command),
            "metrics": [
                [name, f"curve/run-{run.id}/{number}"] for number, name in enumerate(metrics)
            ],
        }
        for run, metrics in following.running()
    ]


def key_of_ended(ws: Workspace, following: Following, name: str) -> str:
    """Return the key of the experiment that an ended run became, for the document of that run.

    Returns '' for a run without a record, and for other documents of a run.
    """
    words = _NAME.match(name)
    if words is None or words["kind"] != "experiment" or following.has_run(words["run"]):
        return ""
    return read_ended_runs(ws).get(words["run"], "")[:KEY]


def live_document(following: Following, name: str) -> dict[str, Any]:
    """Return a document of a run in progress; raise `NoDocument` if there is none."""
    words = _NAME.match(name)
    found = following.run(words["run"]) if words is not None else None
    if words is None or found is None:
        raise NoDocument("this run has ended", "'git datmo log' lists the experiments")
    run, curves = found
    if words["kind"] == "log":
        return _log(run)
    if words["kind"] == "experiment":
        return _experiment(run, curves)
    names = list(curves)
    index = int(words["index"] or 0)
    if index >= len(names):
        raise NoDocument("the run has no such metric", "reload the page")
    points = curves[names[index]]
    if words["level"] is None:
        return _curve(run, names[index], points)
    level, part = int(words["level"]), int(words["part"])
    return part_of_series(_series(run, names[index], points), level, part)


def _experiment(run: RunInProgress, curves: dict[str, Points]) -> dict[str, Any]:
    """Return what is known of a run before its record is made."""
    calls = read_calls(run.home)
    return {
        "id": f"run-{run.id}",
        "commit": "",
        "facts": {
            "subject": quote_words(run.command),
            "status": "running",
            "time": run.began,
            "seconds": run.age,
        },
        "command": quote_words(run.command),
        "folder": str(run.folder),
        "tags": calls.tags,
        "params": [
            {"name": name, "value": value, "source": "script"}
            for name, value in sorted(calls.parameters.items())
        ],
        "metrics": [
            {
                "name": name,
                "last": points.values[-1],
                "min": min(points.values),
                "max": max(points.values),
                "best": None,
                "goal": calls.goals.get(name) or known_goal(name),
                "curve": f"curve/run-{run.id}/{number}",
                "points": len(points),
            }
            for number, (name, points) in enumerate(curves.items())
        ],
        "log": f"log/run-{run.id}",
        "commands": [
            {"does": "follow its log", "command": f"git datmo logs -f {run.short}"},
            {"does": "stop and record it", "command": f"git datmo stop {run.short}"},
        ],
    }


def _curve(run: RunInProgress, name: str, points: Points) -> dict[str, Any]:
    """Return a curve so far, with its points if there are few."""
    series = _series(run, name, points)
    levels = [
        {"bucket": bucket, "count": count, "parts": parts} for bucket, count, parts in series.levels
    ]
    shown = {"attempt": f"run-{run.id}", "rank": series.rank, "points": len(points)}
    document: dict[str, Any] = {"metric": name, "series": [{**shown, "levels": levels}]}
    if len(points) <= INLINE:
        document |= {key: [values] for key, values in points_document(points).items()}
    return document


def _series(run: RunInProgress, name: str, points: Points) -> Series:
    """Return a curve so far as a stored one would be read."""
    # In its stored form, a curve has the levels and parts that the page asks for.
    read = bytes_reader(write_curve(name, points))
    return Series(f"run-{run.id}", split_rank(name)[0], read, read_header(read))


def _log(run: RunInProgress) -> dict[str, Any]:
    """Return the end of the log so far."""
    try:
        with run.log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - LOG_LIMIT, 0))
            document = tail_document(file.read(LOG_LIMIT))
    except OSError:
        return {"text": "", "size": 0, "is_cut": False}
    # `tail_document` knows only the bytes that were read.
    return {**document, "size": size, "is_cut": size > LOG_LIMIT}
