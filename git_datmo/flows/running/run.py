"""Runs a command and snapshots what was before it, what it did, and what it made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from git_datmo.engines.base import Engine, Job, Output, portable_command
from git_datmo.engines.gpus import watched_gpus
from git_datmo.engines.limits import NO_LIMITS, Limits
from git_datmo.engines.machine import describe_machine
from git_datmo.errors import DatmoError
from git_datmo.flows.addable import check_addable
from git_datmo.flows.attach import Asked, attach, is_clean, make_snapshot, require_commit
from git_datmo.flows.capture import capture_code, refresh, store_payloads
from git_datmo.flows.changes import current_tracking
from git_datmo.flows.merging.unresolved import refuse_unresolved
from git_datmo.flows.running.environment import (
    Surrounded,
    capture_environment,
    variables_of,
)
from git_datmo.flows.running.figures import METRICS_FILE, read_metrics
from git_datmo.flows.running.frozen import Wanted, pin_bases, prepare
from git_datmo.flows.running.logged import run_logged
from git_datmo.flows.running.placing import place
from git_datmo.flows.running.rerun import read_only_data
from git_datmo.flows.running.scratch import scratch_folder
from git_datmo.flows.running.written import Signature, Surroundings, find_ignored, find_written, guess_role, survey
from git_datmo.flows.secrecy.masking import conceal, parameter_secrets
from git_datmo.flows.secrecy.rules import known_secrets
from git_datmo.flows.signing import require_key, wants_signature
from git_datmo.flows.tracked import changing, save
from git_datmo.flows.underway import refuse_during_checkout
from git_datmo.flows.workspace import Workspace
from git_datmo.git.paths import check_path
from git_datmo.model import Content, Oid, Payload, Role
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Run, Snapshot, Value
from git_datmo.store.layout import root_node
from git_datmo.store.tracking import Tracking


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run: its snapshot's id, the command's exit code, what a person should know."""

    snapshot: Oid
    exit_code: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """What a run starts from: what its record will need, and what tells afterwards what it wrote."""

    commit: Oid
    clean: bool
    inputs: tuple[Payload, ...]
    code: Content
    environment: Surrounded | None
    surroundings: Surroundings
    metrics: Mapping[Path, Signature]
    started: str
    warnings: tuple[str, ...]


def run(
    ws: Workspace,
    command: Sequence[str],
    asked: Asked,
    *,
    outputs: Sequence[str],
    engine: Engine,
    limits: Limits = NO_LIMITS,
    output: Output,
    progress: Progress = QUIET,
    elsewhere: bool = False,
) -> Ran:
    """Run `command` where the person is, and attach a snapshot of it to HEAD.

    `outputs` are paths relative to the repository that are kept beside what the run is seen to write; `elsewhere` says
    that the engine is on another machine, of which nothing is known. Raises `DatmoError` before anything ran when it
    could not be recorded.
    """
    engine.check()
    sign = wants_signature(ws, asked=asked.sign)
    if sign:
        require_key(ws)
    before = _prepare(ws, command, outputs, engine, progress)
    as_run = tuple(command) if engine.name == "host" else portable_command(command)
    data = read_only_data(ws.root, before.inputs, outputs)
    job = Job(as_run, ws.root, _folder(ws), variables_of(ws), data, limits)
    with watched_gpus({} if elsewhere else ws.environ) as gpus:
        outcome, log, hidden = run_logged(ws, engine, job, output, parameter_secrets(asked.parameters or {}))
    after = survey(ws)
    ignored = [path for path in find_ignored(ws, before.surroundings, after) if path not in outputs]
    warnings = [
        *before.warnings,
        *hidden,
        *(f"'{path}' was written but git ignores it: keep it with '-o {path}'" for path in ignored),
    ]
    metrics = _new_metrics(ws, before.metrics, warnings)
    written = find_written(ws, before.surroundings, after)
    with ws.locked():
        tracking, touched = _store_outputs(ws, before, [*written, *outputs], outputs, warnings, progress)
        surrounded = before.environment or capture_environment(ws, command)
        # A container has Debian packages of its own, whatever versions this machine has.
        system = surrounded.system if surrounded is not None and engine.name != "docker" else ()
        environment = surrounded.content if surrounded is not None else None
        record = Run(
            command=portable_command(command),
            folder=_folder(ws),
            engine=engine.name,
            exit_code=outcome.exit_code,
            started=before.started,
            seconds=round(outcome.seconds, 6),
            inputs=before.inputs,
            outputs=touched,
            log=log,
            machine={} if elsewhere else describe_machine(ws.environ, system=system),
            resources={
                **limits.values(),
                **outcome.resources,
                **gpus(),
                "disk_used": sum(tracking.sizes(touched)) + after.size_of(ignored),
            },
        )
        asked = replace(asked, metrics={**metrics, **(asked.metrics or {})})
        snapshot = make_snapshot(ws, tracking, asked, code=before.code, environment=environment, run=record)
        snapshot, masked = conceal(snapshot, known_secrets(ws.environ))
        warnings += masked
        snapshot = replace(snapshot, commit=before.commit, clean=before.clean)
        oid = _attach(ws, tracking, snapshot, warnings, sign=sign)
    if surrounded is not None:
        warnings += surrounded.warnings
    return Ran(oid, outcome.exit_code, tuple(warnings))


def _attach(ws: Workspace, tracking: Tracking, snapshot: Snapshot, warnings: list[str], *, sign: bool) -> Oid:
    """Attach the snapshot, without a signature where the key is gone meanwhile: a run is not lost for that."""
    if sign:
        try:
            return attach(ws, tracking, snapshot, sign=True)
        except DatmoError as error:
            warnings.append(f"the snapshot is not signed: {error.what}")
    return attach(ws, tracking, snapshot, sign=False)


def _is_text(word: str) -> bool:
    return word.encode("utf-8", "replace").decode() == word


def _folder(ws: Workspace) -> str:
    return ws.repo.prefix.rstrip("/")


def _prepare(
    ws: Workspace, command: Sequence[str], outputs: Sequence[str], engine: Engine, progress: Progress
) -> Before:
    """Store what the run starts from, and build what it runs in."""
    commit = require_commit(ws)
    for word in command:
        if not _is_text(word):
            raise DatmoError(
                f"the command's word {os.fsencode(word)!r} is not valid UTF-8", "a record could not name it: rename it"
            )
    for path in outputs:
        check_addable(ws, current_tracking(ws), path, exists=False)
    with changing(ws) as old:
        refuse_during_checkout(ws)
        tracking, _ = refresh(ws, old, progress=progress)
        refuse_unresolved(ws, tracking)
        save(ws, tracking)
        code, left_out = capture_code(ws, tracking, progress=progress)
    environment = None
    if engine.name != "host":
        environment = capture_environment(ws, command, pin=partial(pin_bases, ws, engine, code, progress))
        if environment is None:
            raise DatmoError("there is no Python whose environment a container could have", "run with --engine host")
        with scratch_folder(ws, None) as folder:
            place(ws, [("", root_node(code))], folder, progress)
            prepare(ws, engine, Wanted(environment.content, code), folder=folder, progress=progress)
    return Before(
        commit=commit,
        clean=is_clean(ws),
        inputs=tuple(tracked.payload for tracked in tracking.payloads),
        code=code,
        environment=environment,
        surroundings=survey(ws),
        metrics=_metrics_files(ws),
        started=ws.now(),
        warnings=tuple(f"'{path}' is untracked and large: it was left out of the stored code" for path in left_out),
    )


def _store_outputs(
    ws: Workspace,
    before: Before,
    paths: Sequence[str],
    explicit: Sequence[str],
    warnings: list[str],
    progress: Progress,
) -> tuple[Tracking, tuple[str, ...]]:
    """Store and track what the run wrote; returns the new state and the paths that the run made or changed."""
    roles, remarks = _asked_outputs(ws, paths, explicit=explicit)
    warnings += remarks
    tracking, _ = refresh(ws, current_tracking(ws), progress=progress)
    tracking, _ = store_payloads(ws, tracking, roles, progress=progress)
    save(ws, tracking)
    was = {payload.path: payload.content for payload in before.inputs}
    changed = (t.payload.path for t in tracking.payloads if was.get(t.payload.path) != t.payload.content)
    return tracking, tuple(sorted({*changed, *roles}))


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


def _metrics_files(ws: Workspace) -> Mapping[Path, Signature]:
    """The metrics files that a run may write, with what tells whether it did."""
    found = {}
    for folder in dict.fromkeys([ws.root / ws.repo.prefix, ws.root]):
        path = folder / METRICS_FILE
        info = path.stat() if path.is_file() else None
        found[path] = (info.st_mtime_ns, info.st_size, info.st_ino) if info else (0, -1, 0)
    return found


def _new_metrics(ws: Workspace, before: Mapping[Path, Signature], warnings: list[str]) -> dict[str, Value]:
    for path, signature in _metrics_files(ws).items():
        if signature != before[path] and signature[1] >= 0:
            try:
                return read_metrics(path)
            except DatmoError as error:
                warnings.append(error.what)
    return {}
