"""Show a run's output byte for byte, and store it with secrets masked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from git_datmo.engines.engine_contract import Engine, Job, Outcome, Output, Stream
from git_datmo.engines.terminal_screen import Screen
from git_datmo.model import Content, Form
from git_datmo.permissions import create_file
from git_datmo.progress import QUIET
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.disk_reserve import Reserve
from git_datmo.runs.run_watch import LOG
from git_datmo.secrets.masking import command_secrets, mask_log
from git_datmo.secrets.secret_rules import known_secrets
from git_datmo.worktree.path_capture import Capturer

LOG_LIMIT = 64 << 20
# The part of the reserve, in bytes, that the log may use. The rest is for the record.
LOG_SHARE = 1 << 20


def run_logged(
    ws: Workspace,
    engine: Engine,
    job: Job,
    output: Output,
    reserve: Reserve,
    folder: Path,
    secrets: Iterable[str] = (),
) -> tuple[Outcome, Content | None, tuple[str, ...]]:
    """Run a job, and both show and store its output, in the order in which it arrives.

    Until the run is recorded, the output is in a file of the run's `folder`.
    `secrets` are masked in the stored log, together with secrets in the command and the
    environment. Returns the outcome, the stored log and remarks for the user. The log is None if
    the disk had no space for it.
    """
    with _open_log(folder / LOG) as file:
        log = _Log(file)
        screen = Screen() if job.screens else None

        def tee(stream: Stream, data: bytes) -> None:
            output(stream, data)
            # A log has the lines that a terminal shows, without the bytes that draw and redraw
            # them.
            log.write(screen.feed(data) if screen is not None else data)

        outcome = engine.run(job, output=tee)
        if screen is not None:
            log.write(screen.finish())
        # The command may have filled the disk, and the masked copy of the log needs space.
        reserve.release(LOG_SHARE)
        file.seek(0)
        content, remarks = store_log(ws, file, (*secrets, *command_secrets(job.command)))
        return outcome, content, (*remarks, *log.remarks)


def store_log(
    ws: Workspace, file: IO[bytes], secrets: Iterable[str]
) -> tuple[Content | None, tuple[str, ...]]:
    """Store a log with secrets masked; return it, or None if the disk is full, and remarks."""
    try:
        content, lines = _store_masked(ws, file, (*secrets, *known_secrets(ws.environ)))
    except OSError as error:
        return None, (f"the log was not kept: {error.strerror}",)
    return content, _remarks(lines)


def _open_log(path: Path) -> IO[bytes]:
    """Create a log, to be written and read.

    It has no buffer: buffered bytes that a full disk refuses would raise again when it is closed.
    """
    return open(create_file(path), "w+b", buffering=0)


def _store_masked(ws: Workspace, log: IO[bytes], secrets: Sequence[str]) -> tuple[Content, int]:
    """Store a log with `secrets` masked; return it, and the number of masked lines."""
    with _log_file(ws) as stored:
        lines = mask_log(log, stored, secrets)
        stored.flush()
        return _store(ws, stored.name), lines


class _Log:
    """A file with the first bytes of a command's output.

    A full disk ends the log, and the command goes on.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._room = file, LOG_LIMIT
        self.remarks: tuple[str, ...] = ()

    def write(self, data: bytes) -> None:
        """Append `data`, up to `LOG_LIMIT` bytes in total.

        If the disk is full, add a remark and drop the rest.
        """
        wanted = data[: self._room]
        try:
            written = self._file.write(wanted)
        except OSError:
            written = 0
        self._room -= len(wanted)
        if written < len(wanted):
            self._room = 0
            self.remarks = ("the log is cut off: the disk is full",)


def _log_file(ws: Workspace) -> IO[bytes]:
    """Return a temporary file in the state folder."""
    return tempfile.NamedTemporaryFile(prefix="git-datmo-log-", dir=ws.state)


def _store(ws: Workspace, path: str) -> Content:
    """Store the file at `path` as a log."""
    folder, name = os.path.split(path)
    capturer = Capturer(ws.store, Path(folder), ws.cache.edit(), QUIET)
    with ws.store.writer() as writer:
        content = capturer.whole(name, writer).content
    return replace(content, size=os.path.getsize(path), form=Form.FILE)


def _remarks(lines: int) -> tuple[str, ...]:
    """Return a remark that counts the lines with a masked secret; none for 0 lines."""
    many = "1 line" if lines == 1 else f"{lines} lines"
    return (
        (f"{many} of the output had what looks like a secret: masked in the stored log",)
        if lines
        else ()
    )
