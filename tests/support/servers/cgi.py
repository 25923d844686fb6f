"""Run a CGI child between a request and its answer, streaming both ways at once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO

STEP = 65536

Headers = list[tuple[str, str]]


class CutError(Exception):
    """Signal that a fault, or the other side, ended the connection."""


class CgiChild:
    """Run a CGI program once; the caller passes functions for the header and the body of its
    answer."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            bufsize=STEP,
            start_new_session=True,
        )
        self._cut = threading.Event()

    def bridge(
        self,
        body: Iterator[bytes],
        start: Callable[[int, Headers], None],
        send: Callable[[bytes], None],
    ) -> None:
        """Feed the request while passing on the answer. Either may be larger than any pipe."""
        feeder = threading.Thread(target=self._feed, args=(body,), daemon=True)
        feeder.start()
        answer = self.process.stdout
        assert answer is not None
        status, headers = read_header(answer)
        self._check()
        start(status, headers)
        while data := answer.read1(STEP):  # type: ignore[attr-defined]
            self._check()
            send(data)
        feeder.join()
        self._check()

    def end(self) -> None:
        self._kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _kill(self) -> None:
        """Kill the child and its own children: git runs http-backend as one."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _check(self) -> None:
        if self._cut.is_set():
            raise CutError

    def _feed(self, body: Iterator[bytes]) -> None:
        stdin = self.process.stdin
        assert stdin is not None
        try:
            taking = True
            for data in body:
                # A child that has answered early reads no more; the rest must still be taken off
                # the connection.
                taking = taking and wrote(stdin.fileno(), data)
        except (CutError, ConnectionError, ValueError):
            self._cut.set()
            # git http-backend reads on for ever where its input ends before the length that was
            # announced.
            self._kill()
        finally:
            stdin.close()


def wrote(descriptor: int, data: bytes) -> bool:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except BrokenPipeError:
        return False
    return True


def read_header(answer: IO[bytes]) -> tuple[int, Headers]:
    """Return the status and headers of a CGI answer, up to its empty line."""
    status, headers = 200, []
    while line := answer.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers.append((name, value.strip()))
    return status, headers
