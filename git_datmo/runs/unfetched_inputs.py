"""Refuse a run that needs data which are not fetched, before it fails half-way without them.

The run needs a payload that the last run of the same command read. It also needs data that its
command names, or a file of the command. Models and outputs that are only named may be what the run
is about to write.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from git_datmo.engines.engine_contract import portable_command
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import History
from git_datmo.model import Payload, Role
from git_datmo.payloads.captured_environment import read_source
from git_datmo.payloads.code_files import named_in
from git_datmo.records.snapshot_record import Run
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.tracking import Tracking

SETTING = "datmo.runwithout"
# The number of earlier snapshots among which the same command is looked for.
LOOKED_AT = 64


def find_unfetched(ws: Workspace, tracking: Tracking) -> list[Payload]:
    """Return the payloads that were not fetched, in order."""
    return [
        tracked.payload
        for tracked in tracking.payloads
        if not tracked.placed and not os.path.lexists(ws.root / tracked.payload.path)
    ]


def refuse_unfetched(
    ws: Workspace, history: History, tracking: Tracking, command: Sequence[str]
) -> None:
    """Raise `DatmoError` if the command needs a payload that is not fetched.

    Does nothing if `datmo.runWithout` is set.
    """
    unfetched = find_unfetched(ws, tracking)
    if not unfetched or ws.repo.config.flag(SETTING):
        return
    for path, why in _needed(ws, history, unfetched, command):
        raise DatmoError(
            f"{why} '{path}', which is not fetched",
            f"'git datmo checkout -- {quote_word(path)}' fetches it; 'git -c datmo.runWithout=true"
            " datmo run' runs without it",
        )


def remarks_on_unfetched(ws: Workspace, tracking: Tracking) -> Iterator[str]:
    """Yield a remark on each payload that a failed run may have lacked."""
    for payload in find_unfetched(ws, tracking):
        yield (
            f"'{payload.path}' is not fetched: if the command needs it, 'git datmo checkout --"
            f" {quote_word(payload.path)}' fetches it"
        )


def _needed(
    ws: Workspace, history: History, unfetched: Sequence[Payload], command: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield the paths that a command needs, each with who needs it."""
    last = _last_run(history, command)
    if last is not None and last.read is not None:
        yield from _read_before(last, last.read.paths, unfetched)
        # With a complete list of reads, no guess from the command's words is needed.
        if last.read.complete:
            return
    data = [payload.path for payload in unfetched if payload.role is Role.DATA]
    named = list(dict.fromkeys(map(os.fsdecode, named_in(ws, command))))
    for path in data:
        if any(_is_in(each, path) or _is_in(path, each) for each in named):
            yield path, "the command names"
    for source in named:
        text = read_source(os.path.join(os.fsencode(ws.root), os.fsencode(source))) or b""
        decoded = text.decode("utf-8", "replace")
        yield from ((path, f"'{source}' names") for path in data if _names(decoded, path))


def _read_before(
    last: Run, read: Iterable[str], unfetched: Iterable[Payload]
) -> Iterator[tuple[str, str]]:
    """Yield the paths that the last run of the command read and did not write."""
    for path in (payload.path for payload in unfetched):
        if path not in last.outputs and any(_is_in(each, path) for each in read):
            yield path, "the last run of this command read"


def _is_in(path: str, folder: str) -> bool:
    """Return True if a path is `folder` or below it."""
    return path == folder or path.startswith(folder + "/")


def _last_run(history: History, command: Sequence[str]) -> Run | None:
    """Return the newest run of a command in HEAD's history that succeeded; None for none."""
    wanted = portable_command(command)
    for found in islice(history.walk(("HEAD",)), LOOKED_AT):
        run = found.snapshot.run
        if run is not None and run.command == wanted and run.exit_code == 0:
            return run
    return None


def _names(text: str, path: str) -> bool:
    """Return True if a program's text names a path: in quotes, or before a slash.

    The key of a table, as in `batch["data"]`, is no path.
    """
    name = re.escape(path)
    below = rf"(?<![\w./-])(?:\./)?{name}/"
    quoted = rf"""(?<![\w\])]\[)(["'`])(?:\./)?{name}\1(?!\s*:)"""
    return re.search(f"{below}|{quoted}", text) is not None
