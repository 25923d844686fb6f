"""Run commands with bounded memory and time."""

from __future__ import annotations

from tests.support.shell import Done, Shell

KILOBYTES = 300 << 10
# A hang guard: a command that follows a tree of trees name by name never ends.
SECONDS = 120


def bounded(shell: Shell, *words: str, ok: bool = True) -> Done:
    """Run a command with bounded memory."""
    limits = f'ulimit -d {KILOBYTES}; exec timeout -s KILL {SECONDS} "$@"'
    done = shell.run("bash", "-c", limits, "bash", *words, ok=ok)
    for hint in ("BUG", "Traceback", "MemoryError"):
        assert hint not in done.stderr, done.stderr
    return done
