"""Start a server, wait for the line that it is ready, and kill it with all its children."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence


class NotReadyError(Exception):
    """Signal that the server ended before it listened."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServerProcess:
    """Run a server that prints a line on stderr when it listens, and wait for that line."""

    def __init__(self, argv: Sequence[str], *, ready: str, env: Mapping[str, str]) -> None:
        self.log: list[str] = []
        self._child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=env,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert self._child.stderr is not None
        for line in self._child.stderr:
            self.log.append(line)
            if ready in line:
                break
        else:
            self._child.wait()
            raise NotReadyError(f"{' '.join(argv)}: {''.join(self.log)}")
        # A pipe that nobody reads would stop the server once it is full.
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def _drain(self) -> None:
        assert self._child.stderr is not None
        self.log.extend(self._child.stderr)

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        # A session that outlives the server would hold the pipe open; the test's outcome must not
        # wait for it.
        self._reader.join(timeout=2)


def start_on_free_port(
    command: Callable[[int], Sequence[str]], *, ready: str, env: Mapping[str, str]
) -> tuple[ServerProcess, int]:
    """Start on a port that was free a moment ago, and on another if a process took it
    meanwhile."""
    for attempt in range(5):
        port = free_port()
        try:
            return ServerProcess(command(port), ready=ready, env=env), port
        except NotReadyError:
            if attempt == 4:
                raise
    raise AssertionError("unreachable")
