"""Run a recorded command again, in a folder made only from stored objects."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from git_datmo.engines.engine_contract import Engine, Job, Outcome, Output, Stream, portable_command
from git_datmo.engines.environment_runners import rebuilt_command
from git_datmo.engines.resource_limits import NO_LIMITS, ResourceLimits
from git_datmo.engines.run_journal import prepare_journal
from git_datmo.environments.manifest_reader import read_environment as read_manifest
from git_datmo.model import Form, Oid, Payload
from git_datmo.objects.store import HashOnly
from git_datmo.payloads.addable_paths import PLACEHOLDERS
from git_datmo.payloads.link_remarks import placed_link_remarks
from git_datmo.payloads.record_claims import refuse_false_claims
from git_datmo.progress import QUIET, Progress
from git_datmo.records.record_values import Value
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.crash_endings import Tail
from git_datmo.runs.file_ages import set_times
from git_datmo.runs.frozen_environments import WantedImage, prepare
from git_datmo.runs.harvest import harvest
from git_datmo.runs.logged_calls import read_calls
from git_datmo.runs.output_walk import files_below
from git_datmo.runs.read_only_data import read_only_data
from git_datmo.runs.rerun_inputs import place, place_code
from git_datmo.runs.rerun_parts import Parts, require_whole
from git_datmo.runs.run_watch import last_change
from git_datmo.runs.timed_names import align
from git_datmo.runs.tracker_locations import outside_files, tracker_variables
from git_datmo.worktree.path_capture import Capturer
from git_datmo.worktree.stat_cache_edit import CacheEdit

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class RerunOptions:
    """The engine of reruns, its limits, and the targets for output and progress.

    `elsewhere` says that the engine is on another machine, which cannot be described. `screens` are
    the streams for which the command gets a terminal. `tags` are those of the receipt.
    """

    engine: Engine
    output: Output
    limits: ResourceLimits = NO_LIMITS
    progress: Progress = QUIET
    elsewhere: bool = False
    screens: tuple[Stream, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def fixed(self) -> tuple[str, ...]:
        """Return the parts that this engine cannot change."""
        return () if self.engine.capabilities.rebuilds_environment else ("env",)


@dataclass(frozen=True, slots=True)
class Rerun:
    """A finished rerun.

    `outputs` has the object of each expected output; None for an output that the rerun did not
    write. `durations` are seconds by step. `tail` is the end of the printed output. `variables` are
    the recorded environment variables. `remarks` are about the placed data.
    """

    folder: Path
    outcome: Outcome
    metrics: Mapping[str, Value]
    outputs: Mapping[str, Oid | None]
    durations: Mapping[str, float]
    tail: bytes = b""
    variables: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def rerun(ws: Workspace, parts: Parts, means: RerunOptions, folder: Path) -> Rerun:
    """Rebuild the environment and run the command in the empty `folder`.

    The objects must be available locally. The steps are: code, environment, data, file times,
    command, names, metrics and outputs. Raises `KeyboardInterrupt` if the user stopped the rerun.
    """
    require_whole(parts)
    refuse_false_claims(ws, parts.claims())
    engine, progress = means.engine, means.progress
    began = time.monotonic()
    # Build the image before the data is placed: for a Dockerfile from the repository, the folder is
    # the build context.
    if parts.code is not None:
        place_code(ws, parts.code, folder, progress)
    beside = _placeholders(folder)
    environment = prepare(
        ws, engine, WantedImage(parts.environment, parts.code), folder=folder, progress=progress
    )
    built = time.monotonic()
    links = place(ws, parts.placed(), folder, progress)
    remarks = tuple(placed_link_remarks(folder, links, (payload.path for payload in parts.data)))
    _make_folders(folder, parts.data)
    (folder / parts.folder).mkdir(parents=True, exist_ok=True)
    set_times(ws, folder, parts.started, parts.outputs, parts.data, parts.recorded)
    # The signatures contain modification times, so they are made after `set_times`.
    before = {path: _sign(folder, path) for path in parts.outputs}
    # Every file that the command writes from now on has a later change time.
    since = last_change(folder)
    placed = time.monotonic()
    variables = dict(read_manifest(environment.files).variables)
    data = read_only_data(folder, parts.data, parts.outputs)
    command = (
        rebuilt_command(parts.command)
        if engine.capabilities.rebuilds_environment
        else portable_command(parts.command)
    )
    job_variables = {**tracker_variables(ws.environ), **variables}
    job = Job(
        command, folder, parts.folder, job_variables, data, means.limits, screens=means.screens
    )
    tail = Tail(means.output, screen=bool(means.screens))
    progress.finish()
    outcome, logged = _run_journalled(ws, engine, job, tail, elsewhere=means.elsewhere)
    if outcome.interrupted:
        # A rerun that the user stopped is no evidence about the experiment.
        raise KeyboardInterrupt
    # An output that is named by the time has its recorded path only after the renaming.
    align(ws, folder, parts.recorded)
    # An empty signature stands for an output that does not exist.
    written = {
        path for path, signature in before.items() if _sign(folder, path) not in ({}, signature)
    }
    return Rerun(
        folder,
        outcome,
        {**_metrics_of(ws, folder, parts, since), **logged},
        {
            path: _object_of(ws, folder, path, beside) if path in written else None
            for path in parts.outputs
        },
        {"build": built - began, "place": placed - built, "run": outcome.seconds},
        tail.text,
        variables,
        remarks,
    )


def _metrics_of(ws: Workspace, folder: Path, parts: Parts, since: int) -> dict[str, Value]:
    """Return the metrics that a rerun wrote, as its run's record has them."""
    data = frozenset(payload.path for payload in parts.data)
    tops = [name for name in sorted(os.listdir(folder)) if name not in data]
    files = (*files_below(folder, tops, without=data), *outside_files(ws.environ, since))
    return harvest(
        folder,
        parts.folder,
        parts.outputs,
        files,
        lambda path: _is_newer(folder / path, since),
        since,
    ).metrics


def _run_journalled(
    ws: Workspace, engine: Engine, job: Job, output: Output, *, elsewhere: bool
) -> tuple[Outcome, dict[str, Value]]:
    """Run a job; return its outcome, and the last values of the metrics that it logged."""
    if elsewhere:
        # An engine on another machine cannot write into a folder of this one.
        return engine.run(job, output=output), {}
    with tempfile.TemporaryDirectory(prefix="git-datmo-journal-", dir=ws.state) as scratch:
        prepare_journal(Path(scratch))
        outcome = engine.run(replace(job, journal=Path(scratch)), output=output)
        return outcome, read_calls(Path(scratch)).metrics


def _make_folders(folder: Path, data: Iterable[Payload]) -> None:
    """Create the folders of payloads from which no file was placed."""
    for payload in data:
        if payload.content.form is Form.FOLDER and not os.path.lexists(folder / payload.path):
            (folder / payload.path).mkdir(parents=True)


def _is_newer(path: Path, since: int) -> bool:
    """Return True if the file's change time is after `since` (nanoseconds)."""
    return path.is_file() and path.stat().st_ctime_ns > since


def _sign(folder: Path, path: str) -> Mapping[str, Signature]:
    """Return modification time, size and inode of a file, or of each file below a folder."""
    top = folder / path
    files = (
        [top]
        if not top.is_dir()
        else [Path(base, name) for base, _, names in os.walk(top) for name in names]
    )
    found = {}
    for file in files:
        if os.path.lexists(file):
            info = os.lstat(file)
            found[str(file)] = (info.st_mtime_ns, info.st_size, info.st_ino)
    return found


def _placeholders(folder: Path) -> frozenset[bytes]:
    """Return the files in placed code that keep empty folders in git."""
    top = os.fsencode(folder)
    found = (
        os.path.join(base, name)
        for base, _, names in os.walk(top)
        for name in names
        if name in PLACEHOLDERS
    )
    return frozenset(os.path.relpath(path, top) for path in found)


def _object_of(ws: Workspace, folder: Path, path: str, leave: frozenset[bytes]) -> Oid:
    """Return the id that the file or folder would have as a payload; store nothing.

    `leave` are placeholder files of the code, which do not belong to the payload.
    """
    capturer = Capturer(ws.store, folder, CacheEdit(ws.repo.format), QUIET, leave=leave)
    return capturer.whole(path, HashOnly(ws.store)).content.object
