"""A run's output: shown byte for byte as it comes, stored without what looks like a secret."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO

from git_datmo.engines.base import Engine, Job, Outcome, Output, Stream
from git_datmo.flows.secrecy.masking import command_secrets, mask_log
from git_datmo.flows.secrecy.rules import known_secrets
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Content, Form
from git_datmo.progress import QUIET
from git_datmo.store.capture import Capturer

LOG_LIMIT = 64 << 20


def run_logged(
    ws: Workspace, engine: Engine, job: Job, output: Output, secrets: Iterable[str] = ()
) -> tuple[Outcome, Content, tuple[str, ...]]:
    """Run a job with its output both shown and stored, both streams in the order in which they came.

    `secrets` are masked in what is stored, beside those that are known without being told.
    Returns how it ended, the stored log, and what a person should know of it.
    """
    with _log_file(ws) as log, _log_file(ws) as stored:
        room = LOG_LIMIT

        def tee(stream: Stream, data: bytes) -> None:
            nonlocal room
            output(stream, data)
            log.write(data[:room])
            room -= min(room, len(data))

        outcome = engine.run(job, output=tee)
        log.seek(0)
        lines = mask_log(log, stored, (*secrets, *command_secrets(job.command), *known_secrets(ws.environ)))
        return outcome, _store(ws, stored.name), _remarks(lines)


def _log_file(ws: Workspace) -> IO[bytes]:
    return tempfile.NamedTemporaryFile(prefix="git-datmo-log-", dir=ws.state)


def _store(ws: Workspace, path: str) -> Content:
    folder, name = os.path.split(path)
    capturer = Capturer(ws.store, Path(folder), ws.cache.edit(), QUIET)
    with ws.store.writer() as writer:
        content = capturer.whole(name, writer).content
    return replace(content, size=os.path.getsize(path), form=Form.FILE)


def _remarks(lines: int) -> tuple[str, ...]:
    many = "1 line" if lines == 1 else f"{lines} lines"
    return (f"{many} of the output had what looks like a secret: masked in the stored log",) if lines else ()
