"""A run's output: shown byte for byte as it comes, stored without what looks like a secret."""

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
from git_datmo.progress import QUIET
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.disk_reserve import Reserve
from git_datmo.secrets.masking import command_secrets, mask_log
from git_datmo.secrets.secret_rules import known_secrets
from git_datmo.worktree.path_capture import Capturer

LOG_LIMIT = 64 << 20
# Of the reserve, what the log may take; the rest is for the record.
LOG_SHARE = 1 << 20


def run_logged(
    ws: Workspace,
    engine: Engine,
    job: Job,
    output: Output,
    reserve: Reserve,
    secrets: Iterable[str] = (),
) -> tuple[Outcome, Content | None, tuple[str, ...]]:
    """Run a job with its output both shown and stored, both streams in the order in which they
    came.

    `secrets` are masked in what is stored, beside those that are known without being told. Returns
    how it ended, the stored log (None where there is no room for it), and what a person should know
    of it.
    """
    # Without a buffer: what a full disk refuses would be refused again when the file is closed.
    with _log_file(ws, buffering=0) as file:
        log = _Log(file)
        screen = Screen() if job.screens else None

        def tee(stream: Stream, data: bytes) -> None:
            output(stream, data)
            log.write(screen.feed(data) if screen is not None else data)

        outcome = engine.run(job, output=tee)
        if screen is not None:
            log.write(screen.finish())
        reserve.release(LOG_SHARE)
        file.seek(0)
        known = (*secrets, *command_secrets(job.command), *known_secrets(ws.environ))
        try:
            content, lines = _store_masked(ws, file, known)
        except OSError as error:
            return outcome, None, (f"the log was not kept: {error.strerror}",)
        return outcome, content, (*_remarks(lines), *log.remarks)


def _store_masked(ws: Workspace, log: IO[bytes], secrets: Sequence[str]) -> tuple[Content, int]:
    """Store a log without `secrets`; return it, and the number of lines that had some."""
    with _log_file(ws) as stored:
        lines = mask_log(log, stored, secrets)
        stored.flush()
        return _store(ws, stored.name), lines


class _Log:
    """The first bytes of a command's output in a file; a full disk ends the file, and not the
    command."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._room = file, LOG_LIMIT
        self.remarks: tuple[str, ...] = ()

    def write(self, data: bytes) -> None:
        wanted = data[: self._room]
        try:
            written = self._file.write(wanted)
        except OSError:
            written = 0
        self._room -= len(wanted)
        if written < len(wanted):
            self._room = 0
            self.remarks = ("the log ends early: there is no room for more of it on the disk",)


def _log_file(ws: Workspace, *, buffering: int = -1) -> IO[bytes]:
    return tempfile.NamedTemporaryFile(prefix="git-datmo-log-", dir=ws.state, buffering=buffering)


def _store(ws: Workspace, path: str) -> Content:
    folder, name = os.path.split(path)
    capturer = Capturer(ws.store, Path(folder), ws.cache.edit(), QUIET)
    with ws.store.writer() as writer:
        content = capturer.whole(name, writer).content
    return replace(content, size=os.path.getsize(path), form=Form.FILE)


def _remarks(lines: int) -> tuple[str, ...]:
    many = "1 line" if lines == 1 else f"{lines} lines"
    return (
        (f"{many} of the output had what looks like a secret: masked in the stored log",)
        if lines
        else ()
    )
