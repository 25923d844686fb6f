"""Runs a child and passes on its output, live and byte exact: for the engines that start processes
themselves."""

from __future__ import annotations

import errno
import os
import resource
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from git_datmo.engines.command_terminal import following_size, opened
from git_datmo.engines.engine_contract import Outcome, Output, Stream
from git_datmo.engines.resource_usage import usage_of_child
from git_datmo.engines.signal_relay import passing_signals
from git_datmo.errors import DatmoError

READ = 1 << 16
IDLE = 0.2


def stream(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: Output,
    terminal: bool = False,
    screens: Sequence[Stream] = (),
) -> Outcome:
    """Run `argv` to its end; stdin is ours, and so is the terminal: ^C goes to the child, which
    decides what it means.

    With `terminal` it writes there by itself, and `output` hears nothing. Those of its streams that
    are `screens` have a terminal of the same size; what goes to two of them is heard as the first.
    What the child leaves running behind it (a daemon that holds the pipes) is not waited for.
    """
    if not cwd.is_dir():
        raise DatmoError(f"cannot run '{argv[0]}': there is no folder '{cwd}'")
    began = time.monotonic()
    running: list[subprocess.Popen[bytes]] = []

    def send(number: int) -> None:
        for child in running:
            child.send_signal(number)

    with (
        passing_signals(send, terminal=True) as told,
        opened(screens) as ptys,
        following_size(ptys, send),
        _started(argv, cwd, env, None if terminal else subprocess.PIPE, ptys.theirs) as child,
    ):
        ptys.started()
        running.append(child)
        watch = _OutputWatch(child)
        try:
            _pump(watch, output, ptys.ours)
            code = watch.wait()
        except BaseException:
            child.kill()
            raise
    return Outcome(
        code if code >= 0 else 128 - code,
        time.monotonic() - began,
        watch.resources(),
        told.interrupted,
    )


class _OutputWatch:
    """Waits for a child itself, since only who reaps it is told what it used."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        self._usage: resource.struct_rusage | None = None

    def has_ended(self, options: int = os.WNOHANG) -> bool:
        if self.child.returncode is None:
            pid, status, usage = os.wait4(self.child.pid, options)
            if pid:
                self.child.returncode, self._usage = os.waitstatus_to_exitcode(status), usage
        return self.child.returncode is not None

    def wait(self) -> int:
        self.has_ended(0)
        return int(self.child.returncode)

    def resources(self) -> dict[str, float | int]:
        return {} if self._usage is None else usage_of_child(self._usage)


def _started(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    pipe: int | None,
    screens: Mapping[Stream, int],
) -> subprocess.Popen[bytes]:
    out, err = screens.get("stdout", pipe), screens.get("stderr", pipe)
    try:
        return subprocess.Popen(argv, cwd=cwd, env=env, stdout=out, stderr=err, bufsize=0)
    except FileNotFoundError as e:
        raise DatmoError(f"cannot run '{argv[0]}': not found") from e
    except PermissionError as e:
        raise DatmoError(f"cannot run '{argv[0]}': not executable", f"chmod +x {argv[0]}") from e
    except (OSError, ValueError) as e:
        raise DatmoError(f"cannot run '{argv[0]}': {getattr(e, 'strerror', None) or e}") from e


def _pump(watch: _OutputWatch, output: Output, screens: Mapping[Stream, int]) -> None:
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
    """Return what a stream has; nothing at its end, which a terminal that nobody writes to tells by
    an error."""
    try:
        return os.read(fd, READ)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""
