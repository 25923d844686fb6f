"""Note the combinations of a sweep that are recorded, so that a killed sweep can go on.

`.git/datmo/sweeps` has a file for each sweep that did not end: a line with its options, and a line
for each recorded combination.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.fsio import append_line
from git_datmo.model import Oid
from git_datmo.operations.sweep import SweepPlan
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.sweep_grid import Combination

FOLDER = "sweeps"
_COMMIT, _FOLDER, _OPTIONS, _DONE, _SNAPSHOT = "commit", "folder", "options", "done", "snapshot"


@dataclass(frozen=True, slots=True)
class SweepJournal:
    """The file of one sweep. It exists until every combination is recorded."""

    path: Path

    def begin(self, plan: SweepPlan, options: Mapping[str, Any]) -> None:
        """Write the options of a sweep, unless it began before."""
        if not self.path.exists():
            beginning = plan.beginning
            head = {_COMMIT: beginning.commit, _FOLDER: beginning.folder, _OPTIONS: dict(options)}
            self._append(head)

    def note(self, combination: Combination, snapshot: Oid) -> None:
        """Note that a combination is recorded."""
        self._append({_DONE: combination.key, _SNAPSHOT: str(snapshot)})

    def done(self, ws: Workspace) -> frozenset[str]:
        """Return the keys of the combinations whose records exist."""
        return frozenset(
            line[_DONE]
            for line in _read(self.path)
            # The record may have been dropped and freed since.
            if _DONE in line and ws.odb.resolve(line[_SNAPSHOT]) is not None
        )

    def end(self) -> None:
        """Forget a sweep whose combinations are all recorded."""
        self.path.unlink(missing_ok=True)

    def _append(self, line: Mapping[str, Any]) -> None:
        """Append a line; a disk that refuses it is no error."""
        with suppress(OSError):
            append_line(self.path, json.dumps(line).encode())


def open_journal(ws: Workspace, plan: SweepPlan, engine: str) -> SweepJournal:
    """Return the journal of a sweep. The same combinations from the same state have the same."""
    # Another state, output or engine makes another experiment of the same parameters.
    what = [
        [plan.beginning.commit, plan.beginning.snapshot, plan.beginning.folder],
        [each.key for each in plan.combinations],
        list(plan.outputs),
        engine,
    ]
    name = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
    return SweepJournal(ws.state / FOLDER / name)


def find_unfinished(ws: Workspace) -> dict[str, Any]:
    """Return the options of the newest sweep that did not end.

    Raises `DatmoError` if there is none, or if it began at another commit or in another folder.
    """
    paths = sorted(
        (ws.state / FOLDER).glob("*"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    heads = (line for path in paths for line in _read(path)[:1] if _OPTIONS in line)
    head = next(heads, None)
    if head is None:
        raise DatmoError("no sweep waits to go on", "give its parameters and its command")
    if head[_COMMIT] != str(ws.head()):
        commit = str(head[_COMMIT])[:10]
        raise DatmoError(
            f"the sweep began at commit {commit}, which is not HEAD", "check that commit out"
        )
    if head[_FOLDER] != ws.repo.prefix:
        raise DatmoError(
            f"the sweep began in the folder '{head[_FOLDER] or '.'}'", "change to that folder"
        )
    options: dict[str, Any] = head[_OPTIONS]
    return options


def _read(path: Path) -> list[dict[str, Any]]:
    """Return the complete lines of a journal."""
    lines = []
    with suppress(OSError):
        # A kill can cut off the last line.
        for line in path.read_bytes().splitlines():
            with suppress(ValueError):
                lines.append(json.loads(line))
    return [line for line in lines if isinstance(line, dict)]
