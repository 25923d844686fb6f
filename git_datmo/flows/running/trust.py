"""Whose commands run here without a question: one's own, and those that somebody here said yes to."""

from __future__ import annotations

from git_datmo import fsio
from git_datmo.flows.history import Found
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid

SETTING = "datmo.trust"
_FILE = "trusted"


def is_trusted(ws: Workspace, found: Found, *, isolated: bool) -> bool:
    """Whether a snapshot's command may run: outside of a container, that its author's name is ours says nothing, since
    everybody can write it."""
    if ws.repo.config.flag(SETTING) or str(found.id) in _read(ws):
        return True
    return isolated and found.snapshot.author == ws.person


def trust(ws: Workspace, oid: Oid) -> None:
    """Ask no more about the snapshot `oid`: it was made here, or a person looked at it."""
    fsio.append_line(ws.shared_state / _FILE, str(oid).encode())


def _read(ws: Workspace) -> set[str]:
    try:
        return set((ws.shared_state / _FILE).read_text("utf-8", "replace").split())
    except FileNotFoundError:
        return set()
