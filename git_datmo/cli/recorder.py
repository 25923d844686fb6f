"""Begin and end the run of a training script, which calls this module as a process of its own.

`python -m git_datmo.cli.recorder begin` reads a JSON object with the command from standard input,
and prints one with the run's folder. `end` reads one with the folder and the exit code. A failure
is an object with the key `error`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.fsio import current_folder
from git_datmo.history.experiments import History
from git_datmo.payloads.attach_snapshot import SnapshotOptions
from git_datmo.report.experiment_html import experiment_html
from git_datmo.repository.workspace import open_workspace
from git_datmo.runs.finish_runs import begin_run, end_run, finish_killed
from git_datmo.runs.resumed_experiment import find_attempt


def main() -> int:
    """Answer a question of a training script."""
    question = json.load(sys.stdin)
    try:
        answer = _begin(question) if sys.argv[1] == "begin" else _end(question)
    except Exception as error:  # noqa: BLE001  # a training shows one warning, and no traceback
        answer = {"error": f"the run is not recorded: {_reason(error)}"}
    json.dump(answer, sys.stdout)
    return 0


def _reason(error: Exception) -> str:
    """Return an error as one line."""
    if isinstance(error, DatmoError):
        return error.what
    if isinstance(error, OSError) and error.strerror:
        name = f"'{error.filename}': " if error.filename else ""
        return f"{name}{error.strerror}"
    return f"{type(error).__name__}: {error}"


def _begin(question: dict[str, Any]) -> dict[str, Any]:
    """Begin a run, after recording those that were killed."""
    with open_workspace(dict(os.environ), current_folder()) as ws:
        _warn(finish_killed(ws))
        if question["resume"]:
            find_attempt(ws, question["resume"])
        asked = SnapshotOptions(question["message"], question["why"])
        folder, warnings = begin_run(
            ws,
            question["command"],
            asked,
            question["pid"],
            question["command"][0],
            cells=question.get("cells", ""),
        )
        _warn(warnings)
        return {"folder": str(folder)}


def _end(question: dict[str, Any]) -> dict[str, Any]:
    """Record a run."""
    folder = Path(question["folder"])
    # The script may have changed its folder since the run began.
    tree = json.loads((folder / "run.json").read_text("utf-8"))["tree"]
    with open_workspace(dict(os.environ), Path(tree)) as ws:
        oid, warnings = end_run(
            ws,
            folder,
            question["exit_code"],
            interrupted=question["interrupted"],
            message=question["message"],
            why=question["why"],
        )
        _warn(warnings)
        found = History(ws).resolve(str(oid))
        return {
            "snapshot": str(oid),
            "html": experiment_html(str(oid), str(found.commit), found.snapshot),
            "text": f"snapshot {str(oid)[:10]}: 'git datmo show {str(oid)[:10]}' shows it",
        }


def _warn(lines: Iterable[str]) -> None:
    """Write warnings to standard error."""
    for line in lines:
        sys.stderr.write(f"git-datmo: {line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
