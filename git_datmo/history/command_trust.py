"""Remember which snapshots' commands may run without a question."""

from __future__ import annotations

from pathlib import Path

from git_datmo import fsio
from git_datmo.history.experiments import Found
from git_datmo.model import Oid
from git_datmo.repository.workspace import Workspace

SETTING = "datmo.trust"
_FILE = "trusted"


def is_trusted(ws: Workspace, found: Found, *, isolated: bool) -> bool:
    """Return True if a snapshot's command may run without a question.

    In a container, the user's own snapshots may. Outside of one the author's name proves nothing,
    since anyone can write it: only snapshots that were made or approved in this repository may.
    """
    if ws.repo.config.flag(SETTING) or str(found.id) in _read(ws.shared_state):
        return True
    return isolated and found.snapshot.author == ws.person


def trust(ws: Workspace, oid: Oid) -> None:
    """Approve a snapshot that was made in this repository, or that a person has looked at."""
    fsio.append_line(ws.shared_state / _FILE, str(oid).encode())


def _read(shared_state: Path) -> set[str]:
    try:
        return set((shared_state / _FILE).read_text("utf-8", "replace").split())
    except FileNotFoundError:
        return set()
