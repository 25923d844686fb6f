"""Read the log of a run in progress, and follow it until the run is recorded."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.process_endings import await_end
from git_datmo.runs.runs_in_progress import RunInProgress, RunState, read_run

# Seconds between two looks at a log. The end of the run is noticed at once.
GLANCE = 0.2
PIECE = 1 << 16


def read_live_log(run: RunInProgress, *, follow: bool) -> Iterator[bytes]:
    """Yield what a run has printed so far; with `follow`, what it prints until its end.

    Yields nothing for a run that writes no log, such as a script that logs by itself.
    """
    try:
        file = run.log.open("rb")
    except OSError:
        return
    with file:
        while True:
            # Look at the state first: what the run printed before its end is then read below.
            is_over = not follow or _has_ended(run)
            while piece := file.read(PIECE):
                yield piece
            if is_over:
                return
            await_end([run.pid], GLANCE)


def _has_ended(run: RunInProgress) -> bool:
    """Return True if a run is recorded, or killed with all its processes."""
    now = read_run(run.home)
    return now is None or now.state in (RunState.KILLED, RunState.ELSEWHERE)
