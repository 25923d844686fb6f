"""Read `trainer_state.json`, which Transformers' Trainer writes into each checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from git_datmo.errors import Damaged
from git_datmo.readers.scalar_values import as_number, flatten, parse_json
from git_datmo.readers.script_reader import read_text
from git_datmo.readers.step_table import add_rows
from git_datmo.readers.tool_runs import ReaderKind, ToolRun

NAME = "transformers"
FILE = "trainer_state.json"
SETTINGS = ("num_train_epochs", "max_steps", "train_batch_size", "logging_steps", "eval_steps")


def claim(path: str) -> str | None:
    """Return the path of a trainer's state."""
    return path if path.rpartition("/")[2] == FILE else None


def read(path: Path) -> Iterator[ToolRun]:
    """Yield the history of a trainer as one run."""
    try:
        state: Any = parse_json(read_text(path))
        history = state["log_history"]
        rows = [dict(flatten("", row)) for row in history]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("it has no history of a trainer") from error
    run = ToolRun(NAME)
    add_rows(run, rows)
    for name in SETTINGS:
        value = as_number(state.get(name))
        if value is not None:
            # As it is in the file, so that a whole number stays one.
            run.parameters[name] = state[name]
    best = as_number(state.get("best_metric"))
    if best is not None:
        run.metrics["best_metric"] = best
    yield run


TRAINER = ReaderKind(NAME, claim, read)
