"""Record killed runs at the start of a command that may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_datmo.cli.console import Console
    from git_datmo.repository.workspace import Workspace


def finish_killed_runs(ws: Workspace, console: Console) -> None:
    """Record runs that were killed, and say so. Load nothing if there is none."""
    base = ws.shared_state / "runs"
    if not any(base.glob("*/begun.json")):
        return
    from git_datmo.runs.finish_runs import finish_killed

    for line in finish_killed(ws, console.progress()):
        console.warn(line)
