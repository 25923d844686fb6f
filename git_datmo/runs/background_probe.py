"""Query the Python of a run for its packages while the outputs are stored."""

from __future__ import annotations

from collections.abc import Sequence

from git_datmo.environments.interpreter_probe import (
    Answered,
    Probing,
    begin_cached_probe,
    find_interpreter,
)
from git_datmo.environments.probe_cache import ProbeCache
from git_datmo.environments.project_files import find_language
from git_datmo.errors import DatmoError
from git_datmo.repository.workspace import Workspace


def begin_probing(
    ws: Workspace, command: Sequence[str], interpreter: str | None
) -> Probing | Answered | None:
    """Start to query the Python that `command` ran in, or use its cached answer.

    `interpreter` is the Python that was seen to run, if any. Returns None if no Python can be
    queried.
    """
    folder = ws.root / ws.repo.prefix
    interpreter = interpreter or find_interpreter(command, ws.environ, folder)
    # A command of R or Julia has no Python to query.
    # Projects in R and Julia are described by their lock files alone.
    if interpreter is None or find_language(command):
        return None
    try:
        cache = ProbeCache(ws.shared_state / "probes")
        return begin_cached_probe(interpreter, ws.environ, folder, cache)
    except DatmoError:
        # The caller that needs the answer queries again, and reports the error.
        return None
