"""Start a created container, and pass on its output and signals until it ends."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, cast

from docker.errors import APIError, DockerException
from docker.models.containers import Container
from requests.exceptions import RequestException

from git_datmo.engines.container_terminal import Line, converse, show
from git_datmo.engines.engine_contract import Job, Outcome, Output, Size
from git_datmo.engines.engine_refusals import reason_of
from git_datmo.engines.resource_usage import ContainerUsage, sampling
from git_datmo.engines.signal_relay import passing_signals
from git_datmo.errors import DatmoError

# Seconds until a command that was asked to end is killed, as with `docker stop`.
GRACE = 10.0


def _start_error(program: str, reason: str) -> DatmoError:
    """Return the error of a container whose command did not start."""
    hint = (
        f"the image needs '{program}': name its Debian package in apt.txt at the top of the"
        " repository, or install it in the Dockerfile if there is one"
    )
    # Docker and Podman both say that the executable file is not found in $PATH.
    what = f"cannot run '{program}' in the container: {reason}"
    return DatmoError(what, hint if "not found" in reason else "")


def follow(container: Container, job: Job, output: Output) -> Outcome:
    """Start a container, and pass on its output until it ends."""
    began = time.monotonic()
    with passing_signals(lambda number: _send(container, number)) as relayed:
        try:
            # Attach before the start, or the first bytes are lost. The engine's stored log is not
            # byte exact.
            streams = container.attach(stream=True, demux=True)
            status = _status(container, is_removed=job.sealed)
            container.start()
        except APIError as e:
            raise _start_error(job.command[0], reason_of(e)) from e
        job.on_start()
        with _measured(container) as usage:
            for out, err in streams:
                if out:
                    output("stdout", out)
                if err:
                    output("stderr", err)
            code = status()
    return Outcome(code, time.monotonic() - began, usage.values(), relayed.interrupted)


def _status(container: Container, *, is_removed: bool) -> Callable[[], int]:
    """Return a function that waits for the end of a container, and returns its exit code.

    An engine that removes the container at its end has no exit code afterwards. So with
    `is_removed`, a thread asks for it before the start.
    """
    if not is_removed:
        return lambda: int(container.wait()["StatusCode"])
    found: Future[int] = Future()

    def wait() -> None:
        try:
            found.set_result(int(container.wait(condition="removed")["StatusCode"]))
        except (APIError, DockerException, RequestException) as error:
            found.set_exception(error)

    threading.Thread(target=wait, name="git-datmo-status", daemon=True).start()
    return found.result


@contextlib.contextmanager
def _measured(container: Container) -> Iterator[ContainerUsage]:
    """Measure a started container while the block lasts.

    The engine reports no figures after the last process has ended, so it is asked repeatedly.
    """
    usage = ContainerUsage()

    def take() -> bool:
        with contextlib.suppress(APIError, DockerException, RequestException, ValueError):
            usage.add(cast("dict[str, Any]", container.stats(stream=False, one_shot=True)))
            return True
        return False

    with sampling(take):
        yield usage


def talk(container: Container, job: Job, size: Size) -> Outcome:
    """Start a container on the user's terminal, and wait until it ends."""
    began = time.monotonic()
    with _started_on_line(container, job) as line:
        converse(line, size, container.resize)
    return Outcome(container.wait()["StatusCode"], time.monotonic() - began)


def show_output(container: Container, job: Job, output: Output) -> Outcome:
    """Start a container with a terminal, and pass on its output until it ends."""
    began = time.monotonic()
    with (
        passing_signals(lambda number: _send(container, number)) as relayed,
        _started_on_line(container, job) as line,
        _measured(container) as usage,
    ):
        show(line, container.resize, lambda data: output("stdout", data))
        status = container.wait()["StatusCode"]
    return Outcome(status, time.monotonic() - began, usage.values(), relayed.interrupted)


@contextlib.contextmanager
def _started_on_line(container: Container, job: Job) -> Iterator[Line]:
    """Start a container with a terminal, and yield the socket of that terminal."""
    wire = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    try:
        try:
            container.start()
        except APIError as e:
            raise _start_error(job.command[0], reason_of(e)) from e
        job.on_start()
        yield cast("Line", getattr(wire, "_sock", wire))
    finally:
        wire.close()


def _send(container: Container, number: int) -> None:
    """Send a signal to a container's command, without waiting for the engine."""
    # Use a thread, since the signal may interrupt another request to the engine.
    threading.Thread(target=_end, args=(container, number), daemon=True).start()


def _end(container: Container, number: int) -> None:
    """Send a signal to a container's command, and kill it `GRACE` seconds later."""
    with contextlib.suppress(APIError, RequestException):
        container.kill(signal.Signals(number).name)
        time.sleep(GRACE)
        container.kill()
