"""Begin and end a run from a training script that no `git datmo run` surrounds.

A process of git-datmo stores inputs and outputs, so that the training process loads nothing of it.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import warnings
from typing import Any

from git_datmo.tracking.run_logger import VARIABLE, RunLogger

RECORDING = 24 * 3600
"""Seconds that recording a run may take."""


class OwnRun(RunLogger):
    """A run that this process began by itself, since no `git datmo run` surrounds it."""

    def __init__(self, options: dict[str, Any]) -> None:
        # `sys.argv` has neither the interpreter nor its options. Python 3.9 has no `sys.orig_argv`.
        command = list(getattr(sys, "orig_argv", None) or [sys.executable, *sys.argv])
        answer = _ask_recorder("begin", {"command": command, "pid": os.getpid(), **options})
        if answer.get("folder"):
            # Processes that this one starts join the run.
            os.environ[VARIABLE] = str(answer["folder"])
        super().__init__()
        self._owner = os.getpid()
        self._is_over = False
        self.snapshot = ""
        self._message, self._why = options["message"], options["why"]
        atexit.register(self._end_at_exit)

    def describe(self, message: str, why: str) -> None:
        """Set the message and the reason of a run that began without them."""
        self._message = self._message or message
        self._why = self._why or why

    @property
    def is_over(self) -> bool:
        """Return True if the run was recorded."""
        return self._is_over

    def _end_at_exit(self) -> None:
        """Record a run that no block ended. `sys.last_value` has the error of the script."""
        self.end(getattr(sys, "last_value", None))

    def __exit__(self, *ending: object) -> None:
        """Record the run, with the exit code that the script would end with."""
        kind, error = (*ending, None, None)[:2]
        if error is None and isinstance(kind, type) and issubclass(kind, BaseException):
            error = kind()
        self.end(error if isinstance(error, BaseException) else None)

    def end(self, error: BaseException | None = None) -> dict[str, Any]:
        """Record the run, which ends by `error`; return the answer of git-datmo."""
        # A forked process inherits this object and its function at exit.
        if os.getpid() != self._owner or self._is_over:
            return {}
        # These functions still write into the journal.
        for log_more in self.before_end:
            log_more(self)
        self._is_over = True
        self.close()
        answer = dict[str, Any]()
        # A later run of this process must not join the one that ends.
        folder = os.environ.pop(VARIABLE, "")
        if folder:
            question = {
                "folder": folder,
                "message": self._message,
                "why": self._why,
                "exit_code": _exit_code(error),
                "interrupted": isinstance(error, KeyboardInterrupt),
            }
            answer = _ask_recorder("end", question)
            self.snapshot = str(answer.get("snapshot", ""))
        return answer


def _ask_recorder(verb: str, question: dict[str, Any]) -> dict[str, Any]:
    """Have git-datmo begin or end a run; return its answer, or warn and return nothing."""
    import subprocess

    argv = [sys.executable, "-m", "git_datmo.cli.recorder", verb]
    try:
        done = subprocess.run(
            argv,
            check=False,
            input=json.dumps(question).encode(),
            stdout=subprocess.PIPE,
            timeout=RECORDING,
        )
        answer: dict[str, Any] = json.loads(done.stdout or b"{}")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        answer = {"error": str(error)}
    if "error" in answer:
        warnings.warn(f"git-datmo: {answer['error']}", RuntimeWarning, stacklevel=4)
    return answer


def _exit_code(error: BaseException | None) -> int:
    """Return the exit code of a script that ends with an exception."""
    if error is None:
        return 0
    if isinstance(error, KeyboardInterrupt):
        # Shells report 128 plus the number of the signal, which is 2 for SIGINT.
        return 130
    code = error.code if isinstance(error, SystemExit) else 1
    if code is None:
        return 0
    # The system keeps only the lowest eight bits of an exit code (exit(3)).
    return code & 255 if isinstance(code, int) else 1
