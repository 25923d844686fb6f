"""The git command that the helper works for, found among the processes of the machine."""

from __future__ import annotations

import os

from git_datmo.processes import PROC, running


def find_client() -> int | None:
    """Return the process id of the git that asked for the helper; None where the kernel does not
    tell."""
    processes = running()
    pid = os.getppid()
    # Between the two may be a git, and a shell, that did no more than find the helper.
    while pid in processes and _starts_helper(pid):
        pid = processes[pid].parent
    return pid if pid in processes and processes[pid].name.startswith("git") else None


def _starts_helper(pid: int) -> bool:
    try:
        return b"remote-datmo" in (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False
