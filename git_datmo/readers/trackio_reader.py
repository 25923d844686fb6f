"""Read the databases of Trackio: a file for each project."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from git_datmo.readers.scalar_values import as_number, as_time, flatten, parse_json
from git_datmo.readers.sqlite_tables import as_text, columns, reading, require_columns
from git_datmo.readers.tool_runs import ReaderKind, ToolRun

NAME = "trackio"
TABLES = frozenset({"metrics", "configs"})


def claim(path: str) -> str | None:
    """Return the path of a file that can be a database of Trackio."""
    if path.endswith((".db-wal", ".db-shm")):
        # A run may have changed only the log beside the database. Both suffixes have four
        # characters.
        path = path[: -len("-wal")]
    return path if path.endswith(".db") else None


def read(path: Path) -> Iterator[ToolRun]:
    """Yield the runs of a project; none if the file is another program's database."""
    with reading(path, TABLES) as database:
        if database is None or "run_name" not in columns(database, "metrics"):
            return
        # Older versions know a run by its name alone.
        key = "run_id" if "run_id" in columns(database, "metrics") else "run_name"
        require_columns(database, "configs", key, "run_name", "config", "created_at")
        require_columns(database, "metrics", "timestamp", "step", "metrics")
        runs = dict[str, ToolRun]()
        for row in database.execute("SELECT * FROM configs ORDER BY rowid"):
            run = _run_of(row, key, runs)
            _add_config(run, _document(row["config"]))
            run.started = run.started or as_time(row["created_at"])
        for row in database.execute("SELECT * FROM metrics ORDER BY rowid"):
            _add_points(_run_of(row, key, runs), row)
    for run in runs.values():
        run.tags["project"] = path.stem
        yield run


def _run_of(row: sqlite3.Row, key: str, runs: dict[str, ToolRun]) -> ToolRun:
    """Return the run of a row, which is made if it is new."""
    identity = as_text(row[key])
    if identity not in runs:
        runs[identity] = ToolRun(NAME, id=identity, name=as_text(row["run_name"]))
    return runs[identity]


def _add_config(run: ToolRun, config: object) -> None:
    """Add the parameters of a run; names that begin with `_` are Trackio's own."""
    if not isinstance(config, dict):
        return
    run.started = as_time(config.get("_Created"))
    run.author = str(config.get("_Username") or "")
    values = flatten("", config)
    run.parameters |= {name: value for name, value in values if not name.startswith("_")}


def _add_points(run: ToolRun, row: sqlite3.Row) -> None:
    """Add the values of one call."""
    time, step = as_time(row["timestamp"]), as_number(row["step"])
    if step is None:
        run.lose("values without a step")
        return
    for name, value in flatten("", _document(row["metrics"])):
        number = as_number(value)
        if number is None:
            run.lose(f"text '{name}'")
        else:
            run.add(name, number, step, time)
    run.started = run.started or time
    run.ended = max(run.ended, time)


def _document(value: object) -> object:
    """Return a JSON document, None if it is damaged."""
    try:
        return parse_json(as_text(value))
    except ValueError:
        return None


TRACKIO = ReaderKind(NAME, claim, read)
