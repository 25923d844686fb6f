"""Runs a command and snapshots what was before it, what it did, and what it made."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo.engines.base import Engine, Job, Outcome, Output, Stream, portable_command, silent
from git_datmo.errors import DatmoError
from git_datmo.flows.capture import (
    Asked,
    attach,
    capture_code,
    check_addable,
    current_tracking,
    make_snapshot,
    refresh,
    refuse_during_checkout,
    require_commit,
    save,
    store_payloads,
)
from git_datmo.flows.environment import capture_environment, read_environment, variables_of
from git_datmo.flows.figures import METRICS_FILE, read_metrics
from git_datmo.flows.workspace import Workspace
from git_datmo.flows.written import find_ignored, find_written, guess_role, survey
from git_datmo.git.paths import check_path
from git_datmo.model import Content, Form, Oid, Role
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Run, Value
from git_datmo.store.capture import Capturer

LOG_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run: its snapshot's id, the command's exit code, what a person should know."""

    snapshot: Oid
    exit_code: int
    warnings: tuple[str, ...]


def run(
    ws: Workspace,
    command: Sequence[str],
    asked: Asked,
    *,
    outputs: Sequence[str],
    engine: Engine,
    output: Output,
    progress: Progress = QUIET,
) -> Ran:
    """Run `command` where the person is, and attach a snapshot of it to HEAD.

    `outputs` are paths relative to the repository that are kept beside what the run is seen to write. Raises
    `DatmoError` before anything ran when it could not be recorded.
    """
    commit = require_commit(ws)
    warnings: list[str] = []
    for path in outputs:
        check_addable(ws, current_tracking(ws), path, exists=False)
    with ws.locked():
        refuse_during_checkout(ws)
        tracking, _ = refresh(ws, current_tracking(ws), progress=progress)
        save(ws, tracking)
        code, left_out = capture_code(ws, tracking, progress=progress)
    warnings += [f"'{path}' is untracked and large: it was left out of the stored code" for path in left_out]
    environment = None
    if engine.name != "host":
        environment = capture_environment(ws, command)
        if environment is None:
            raise DatmoError("there is no Python whose environment a container could have", "run with --engine host")
        engine.prepare(read_environment(ws, environment), code=ws.root, output=silent, progress=progress)
    clean = ws.repo.git.finish("diff", "--quiet", "--no-ext-diff", "HEAD", "--").returncode == 0
    before, metrics_before, inputs = survey(ws), _metrics_files(ws), tracking.payloads
    started = ws.now()
    as_run = tuple(command) if engine.name == "host" else portable_command(command)
    job = Job(as_run, ws.root, ws.repo.prefix.rstrip("/"), variables_of(ws))
    outcome, log = _run_logged(ws, engine, job, output)
    after = survey(ws)
    written = find_written(ws, before, after)
    for path in find_ignored(ws, before, after):
        if path not in outputs:
            warnings.append(f"'{path}' was written but git ignores it: keep it with '-o {path}'")
    metrics = _new_metrics(ws, metrics_before, warnings)
    with ws.locked():
        asked_roles, lost = _asked_outputs(ws, [*written, *outputs], explicit=outputs)
        warnings += lost
        current, _ = refresh(ws, current_tracking(ws), progress=progress)
        current, _ = store_payloads(ws, current, asked_roles, progress=progress)
        save(ws, current)
        was = {t.payload.path: t.payload.object for t in inputs}
        changed = [t.payload.path for t in current.payloads if was.get(t.payload.path) != t.payload.object]
        touched = sorted({*changed, *asked_roles})
        if environment is None:
            environment = capture_environment(ws, command)
        record = Run(
            command=portable_command(command),
            folder=ws.repo.prefix.rstrip("/"),
            engine=engine.name,
            exit_code=outcome.exit_code,
            started=started,
            seconds=round(outcome.seconds, 6),
            inputs=tuple(t.payload for t in inputs),
            outputs=tuple(touched),
            log=log,
            machine=describe_machine(),
        )
        figures = {**metrics, **(asked.metrics or {})}
        snapshot = make_snapshot(
            ws, current, replace(asked, metrics=figures), code=code, environment=environment, run=record
        )
        oid = attach(ws, current, replace(snapshot, commit=commit, clean=clean))
    return Ran(oid, outcome.exit_code, tuple(warnings))


def _run_logged(ws: Workspace, engine: Engine, job: Job, output: Output) -> tuple[Outcome, Content]:
    """Run a job with its output both shown and stored, both streams in the order in which they came."""
    with tempfile.NamedTemporaryFile(prefix="git-datmo-log-", dir=ws.state) as log:
        room = LOG_LIMIT

        def tee(stream: Stream, data: bytes) -> None:
            nonlocal room
            output(stream, data)
            log.write(data[:room])
            room -= min(room, len(data))

        outcome = engine.run(job, output=tee)
        log.flush()
        size = os.path.getsize(log.name)
        folder, name = os.path.split(log.name)
        capturer = Capturer(ws.store, Path(folder), ws.cache, QUIET)
        with ws.store.writer() as writer:
            return outcome, replace(capturer.whole(name, writer).content, size=size, form=Form.FILE)


def _asked_outputs(
    ws: Workspace, paths: Sequence[str], *, explicit: Sequence[str]
) -> tuple[dict[str, Role], list[str]]:
    """Roles for what a run wrote, and remarks on what cannot be kept."""
    tracking, roles, remarks = current_tracking(ws), dict[str, Role](), list[str]()
    for path in dict.fromkeys(paths):
        if not os.path.lexists(ws.root / path):
            remarks.append(f"the run did not write '{path}'")
        elif tracking.holding(path) is None or path in explicit:
            try:
                check_path(path)
                check_addable(ws, tracking, path)
                roles[path] = guess_role(path)
            except DatmoError as error:
                remarks.append(f"'{path}' was not kept: {error.what}")
    return roles, remarks


def _metrics_files(ws: Workspace) -> Mapping[Path, tuple[int, int, int]]:
    """The metrics files that a run may write, with what tells whether it did."""
    found = {}
    for folder in dict.fromkeys([ws.root / ws.repo.prefix, ws.root]):
        path = folder / METRICS_FILE
        info = path.stat() if path.is_file() else None
        found[path] = (info.st_mtime_ns, info.st_size, info.st_ino) if info else (0, -1, 0)
    return found


def _new_metrics(ws: Workspace, before: Mapping[Path, tuple[int, int, int]], warnings: list[str]) -> dict[str, Value]:
    for path, signature in _metrics_files(ws).items():
        if signature != before[path] and signature[1] >= 0:
            try:
                return read_metrics(path)
            except DatmoError as error:
                warnings.append(error.what)
    return {}


def describe_machine() -> dict[str, Value]:
    """What a run's figures may depend on beside its environment; nothing that names the machine."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": os.cpu_count() or 0,
        "memory": pages,
    }
