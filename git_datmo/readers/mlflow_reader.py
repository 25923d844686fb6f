"""Read the stores of MLflow: the folder `mlruns`, and the database."""

from __future__ import annotations

import contextlib
import math
import re
import shlex
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from git_datmo.errors import Damaged
from git_datmo.readers.regular_files import read_regular
from git_datmo.readers.scalar_values import as_number, as_time, parse_value
from git_datmo.readers.sqlite_tables import SUFFIXES, as_text, reading, require_columns
from git_datmo.readers.tool_runs import (
    FAILED,
    STOPPED,
    SUCCEEDED,
    ReaderKind,
    ToolRun,
    milliseconds,
)
from git_datmo.readers.yaml_documents import YAML_LIMIT, read_yaml

NAME = "mlflow"
# The tag that names the snapshot of a run that git-datmo exported.
ID_TAG = "git-datmo.id"
COLUMNS = {
    "runs": ("run_uuid", "name", "user_id", "status", "start_time", "end_time", "experiment_id"),
    "metrics": ("run_uuid", "key", "value", "timestamp", "step", "is_nan"),
    "params": ("run_uuid", "key", "value"),
    "tags": ("run_uuid", "key", "value"),
    "experiments": ("experiment_id", "name"),
}
TABLES = frozenset(COLUMNS)
SIZE_LIMIT = 64 << 20
# The statuses by name in a database, and by number in a folder (mlflow/protos/service.proto).
_STATUSES = {"FINISHED": SUCCEEDED, "FAILED": FAILED, "KILLED": STOPPED}
_NUMBERED = {3: SUCCEEDED, 4: FAILED, 5: STOPPED}
_RUN_FILE = re.compile(r"(.*?[0-9a-f]{32})/(?:meta\.yaml|(?:metrics|params|tags)/.+)\Z")


def claim_folder(path: str) -> str | None:
    """Return the folder of the run that a file of `mlruns` belongs to."""
    found = _RUN_FILE.match(path)
    return found[1] if found else None


def claim_database(path: str) -> str | None:
    """Return the path of a file that can be a database of MLflow."""
    if path.endswith(("-wal", "-shm")):
        # A run may have changed only the log beside the database. Both suffixes have four
        # characters.
        path = path[: -len("-wal")]
    return path if path.endswith(SUFFIXES) else None


def read_folder(folder: Path) -> Iterator[ToolRun]:
    """Yield the one run of a folder of `mlruns`."""
    try:
        meta = read_yaml(read_regular(folder / "meta.yaml", YAML_LIMIT))
    except (Damaged, ValueError) as error:
        raise Damaged(f"its meta.yaml cannot be read: {error}") from error
    if not isinstance(meta, dict) or "run_id" not in meta:
        raise Damaged("its meta.yaml describes no run")
    run = ToolRun(NAME, id=str(meta["run_id"]), name=str(meta.get("run_name") or ""))
    run.author = _author(meta.get("user_id"))
    run.started, run.ended = as_time(meta.get("start_time")), as_time(meta.get("end_time"))
    status = meta.get("status")
    run.status = _NUMBERED.get(status, "") if isinstance(status, int) else ""
    for name, text in _texts(folder / "params"):
        run.parameters[name] = parse_value(text)
    for name, text in _texts(folder / "metrics"):
        for line in text.splitlines():
            _add_line(run, name, line.split())
    _add_tags(run, _texts(folder / "tags"))
    _unquote_command(run)
    if any((folder / "artifacts").glob("*")):
        run.lose("the artifacts")
    yield run


def _add_line(run: ToolRun, name: str, words: list[str]) -> None:
    """Add a point: its time in milliseconds, its value, and its step in later versions."""
    try:
        step = float(words[2]) if len(words) > 2 else 0.0
        run.add(name, float(words[1]), step, milliseconds(int(words[0])))
    except (ValueError, IndexError):
        return  # the last line may be half written


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the files below a folder by their names, with slashes, and their texts."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = read_regular(path, SIZE_LIMIT)
            yield path.relative_to(folder).as_posix(), content.decode("utf-8", "replace")


def read_database(path: Path) -> Iterator[ToolRun]:
    """Yield the runs of a database; none if it is another program's."""
    with reading(path, TABLES) as database:
        if database is None:
            return
        for table, names in COLUMNS.items():
            require_columns(database, table, *names)
        runs = _database_runs(database)
        for row in database.execute("SELECT * FROM params"):
            if row["run_uuid"] in runs:
                value = parse_value(as_text(row["value"]))
                runs[row["run_uuid"]].parameters[as_text(row["key"])] = value
        for row in database.execute("SELECT * FROM metrics ORDER BY timestamp, rowid"):
            if row["run_uuid"] in runs:
                _add_row(runs[row["run_uuid"]], row)
        for row in database.execute("SELECT * FROM tags"):
            if row["run_uuid"] in runs:
                _add_tags(runs[row["run_uuid"]], [(as_text(row["key"]), as_text(row["value"]))])
    for run in runs.values():
        _unquote_command(run)
        yield run


def _database_runs(database: sqlite3.Connection) -> dict[object, ToolRun]:
    """Return the runs of a database by their ids, without their values."""
    names = dict(database.execute("SELECT experiment_id, name FROM experiments").fetchall())
    runs = dict[object, ToolRun]()
    for row in database.execute("SELECT * FROM runs ORDER BY start_time, run_uuid"):
        identity, name = as_text(row["run_uuid"]), as_text(row["name"])
        run = runs[row["run_uuid"]] = ToolRun(NAME, id=identity, name=name)
        run.author, run.status = _author(as_text(row["user_id"])), _STATUSES.get(row["status"], "")
        run.started, run.ended = as_time(row["start_time"]), as_time(row["end_time"])
        run.tags["experiment"] = as_text(names.get(row["experiment_id"]))
    return runs


def _add_row(run: ToolRun, row: sqlite3.Row) -> None:
    """Add a point of a database."""
    name, step, time = as_text(row["key"]), as_number(row["step"]), as_number(row["timestamp"])
    if step is None or time is None:
        run.lose(f"values of '{name}' without a step or a time")
        return
    value = math.nan if row["is_nan"] else _from_database(row["value"])
    run.add(name, value, step, milliseconds(time))


def _author(user: object) -> str:
    """Return the name of a user; '' for the word that MLflow writes for none."""
    return "" if user in (None, "unknown") else str(user)


def _from_database(value: object) -> float:
    """Return a value. MLflow writes an infinite one as the largest number."""
    number = as_number(value)
    if number is None:
        return math.nan
    return math.copysign(math.inf, number) if abs(number) == sys.float_info.max else number


def _add_tags(run: ToolRun, tags: Iterable[tuple[str, str]]) -> None:
    """Add tags. Those of MLflow itself tell who ran which program, and on which commit."""
    for name, text in tags:
        if name == "mlflow.source.git.commit":
            run.commit = text.strip()
        elif name == "mlflow.user":
            run.author = run.author or text
        elif name == "mlflow.source.name":
            run.command = run.command or (text,)
        elif not name.startswith("mlflow."):
            run.tags[name] = text


def _unquote_command(run: ToolRun) -> None:
    """Split the command of a run that `git datmo export` wrote, which quotes the words."""
    if ID_TAG in run.tags and run.command:
        # A text that no export wrote stays one word.
        with contextlib.suppress(ValueError):
            run.command = tuple(shlex.split(run.command[0])) or run.command


MLFLOW_FOLDER = ReaderKind(NAME, claim_folder, read_folder)
MLFLOW_DATABASE = ReaderKind(NAME, claim_database, read_database)
