"""Make runs in progress without their commands, as a server of the page sees them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from git_datmo.engines.run_journal import CALLS
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.run_watch import BEGUN, begin_watch


def begin_run(ws: Workspace, *command: str) -> Path:
    """Begin a run that this process watches, and return its folder."""
    home = begin_watch(ws, os.getpid()).folder
    begun = {"command": list(command), "engine": "host", "folder": ""}
    (home / CALLS).mkdir(exist_ok=True)
    (home / BEGUN).write_text(json.dumps(begun))
    return home


def log_values(home: Path, name: str, values: Iterable[float], begin: int = 0) -> None:
    """Append values to the journal of a run's process; `begin` is the step of the first."""
    with (home / CALLS / "1").open("a") as journal:
        for step, value in enumerate(values, begin):
            journal.write(f"m {value!r} {step} {1_700_000_000_000_000 + step} {json.dumps(name)}\n")
