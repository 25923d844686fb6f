"""Find the git process that called the helper."""

from __future__ import annotations

import os

from git_datmo.processes import PROC, running


def find_client() -> int | None:
    """Return the process id of the calling git; None if the kernel does not report processes.

    Returns None too if no git is found.
    """
    processes = running()
    pid = os.getppid()
    # Skip a git and a shell between the two processes that only started the helper.
    while pid in processes and _starts_helper(pid):
        pid = processes[pid].parent
    return pid if pid in processes and processes[pid].name.startswith("git") else None


def _starts_helper(pid: int) -> bool:
    """Return True if a process's command line names the helper."""
    try:
        return b"remote-datmo" in (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False
