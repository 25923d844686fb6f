"""Run a child process, and pass on its output live and byte for byte.

The engines that start processes themselves use it.
"""

from __future__ import annotations

import errno
import os
import resource
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from git_datmo.engines.command_terminal import following_size, opened
from git_datmo.engines.engine_contract import Outcome, Output, Stream
from git_datmo.engines.resource_usage import usage_of_child
from git_datmo.engines.run_journal import is_asked_to_stop
from git_datmo.engines.signal_relay import passing_signals
from git_datmo.errors import DatmoError

READ = 1 << 16
# Seconds between two checks that the child still runs: a daemon can hold its pipes open.
IDLE = 0.2


def stream(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: Output,
    terminal: bool = False,
    screens: Sequence[Stream] = (),
    journal: Path | None = None,
    on_start: Callable[[], None] | None = None,
) -> Outcome:
    """Run `argv` until it ends. Standard input and the terminal are shared with the child.

    A terminal sends ^C to the child too, which decides how to react. `git datmo stop` leaves a file
    in the folder `journal`, and sends the interrupt to this process alone.

    With `terminal`, the child writes to the terminal itself, and `output` receives nothing. The
    streams in `screens` are terminals of the same size as ours. If both streams share a terminal,
    `output` receives both as the first of `screens`.

    Daemons that the child leaves running are not waited for, even if they hold the pipes open.
    Raises `DatmoError` if the child cannot start.
    """
    if not cwd.is_dir():
        raise DatmoError(f"cannot run '{argv[0]}': there is no folder '{cwd}'")
    began = time.monotonic()
    running: list[subprocess.Popen[bytes]] = []

    def send(number: int) -> None:
        for child in running:
            child.send_signal(number)

    with (
        passing_signals(send, from_terminal=lambda: not is_asked_to_stop(journal)) as relayed,
        opened(screens) as ptys,
        following_size(ptys, send),
        _started(argv, cwd, env, None if terminal else subprocess.PIPE, ptys.theirs) as child,
    ):
        # While this process has the command's ends open, a read of ours would never see the end.
        ptys.started()
        running.append(child)
        if on_start is not None:
            on_start()
        watch = _OutputWatch(child)
        try:
            _pump(watch, output, ptys.ours)
            code = watch.wait()
        except BaseException:
            # An error of this process must not leave the command running.
            child.kill()
            raise
    return Outcome(
        code if code >= 0 else 128 - code,
        time.monotonic() - began,
        watch.resources(),
        relayed.interrupted,
    )


class _OutputWatch:
    """A child process that is waited for with `wait4`, which returns its resource usage."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        self._usage: resource.struct_rusage | None = None

    def has_ended(self, options: int = os.WNOHANG) -> bool:
        """Return True if the child has ended. Reaps it at the first call after its end."""
        if self.child.returncode is None:
            pid, status, usage = os.wait4(self.child.pid, options)
            if pid:
                # `Popen` must not wait for the process a second time: its id may belong to another
                # process.
                self.child.returncode, self._usage = os.waitstatus_to_exitcode(status), usage
        return self.child.returncode is not None

    def wait(self) -> int:
        """Wait for the child, and return its exit code, negative for a signal."""
        self.has_ended(0)
        return int(self.child.returncode)

    def resources(self) -> dict[str, float | int]:
        """Return the child's resource usage; nothing while it runs."""
        return {} if self._usage is None else usage_of_child(self._usage)


def _started(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    pipe: int | None,
    screens: Mapping[Stream, int],
) -> subprocess.Popen[bytes]:
    """Start a child; raise `DatmoError` if that fails. `pipe` is None to inherit the streams."""
    out, err = screens.get("stdout", pipe), screens.get("stderr", pipe)
    try:
        return subprocess.Popen(argv, cwd=cwd, env=env, stdout=out, stderr=err, bufsize=0)
    except FileNotFoundError as e:
        raise DatmoError(f"cannot run '{argv[0]}': not found") from e
    except PermissionError as e:
        if str(e.filename) == str(cwd):
            raise DatmoError(
                f"cannot run '{argv[0]}' in '{cwd}': {e.strerror}",
                "run this in a folder that you may enter",
            ) from e
        raise DatmoError(f"cannot run '{argv[0]}': not executable", f"chmod +x {argv[0]}") from e
    except (OSError, ValueError) as e:
        raise DatmoError(f"cannot run '{argv[0]}': {getattr(e, 'strerror', None) or e}") from e


def _pump(watch: _OutputWatch, output: Output, screens: Mapping[Stream, int]) -> None:
    """Pass on the child's output.

    Returns when all streams have ended, or when the child has ended and they are empty.
    """
    with selectors.DefaultSelector() as selector:
        for pipe, name in ((watch.child.stdout, "stdout"), (watch.child.stderr, "stderr")):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, name)
        for screen, fd in screens.items():
            selector.register(fd, selectors.EVENT_READ, screen)
        while selector.get_map():
            ended = watch.has_ended()
            ready = selector.select(0 if ended else IDLE)
            if ended and not ready:
                return
            for key, _ in ready:
                data = _read(key.fd)
                if data:
                    output(cast("Stream", key.data), data)
                else:
                    selector.unregister(key.fileobj)


def _read(fd: int) -> bytes:
    """Return the bytes of a stream; none at its end.

    If the other end of a terminal is closed, Linux returns the error EIO.
    """
    try:
        return os.read(fd, READ)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""
