"""Run a recorded command again, in a folder made only from stored objects."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from git_datmo.engines.engine_contract import Engine, Job, Outcome, Output, Stream, portable_command
from git_datmo.engines.environment_runners import rebuilt_command
from git_datmo.engines.resource_limits import NO_LIMITS, ResourceLimits
from git_datmo.engines.run_journal import prepare_journal
from git_datmo.environments.manifest_reader import read_environment as read_manifest
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.model import Content, Form, Oid, Payload
from git_datmo.objects.store import HashOnly
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.payloads.addable_paths import PLACEHOLDERS
from git_datmo.payloads.link_remarks import placed_link_remarks
from git_datmo.payloads.record_claims import ClaimedContent, claim_of, refuse_false_claims
from git_datmo.progress import QUIET, Progress
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.crash_endings import Tail
from git_datmo.runs.file_ages import set_times
from git_datmo.runs.frozen_environments import WantedImage, prepare
from git_datmo.runs.harvest import harvest
from git_datmo.runs.logged_calls import read_calls
from git_datmo.runs.output_walk import files_below
from git_datmo.runs.read_only_data import read_only_data
from git_datmo.runs.rerun_inputs import place, place_code
from git_datmo.runs.run_watch import last_change
from git_datmo.runs.timed_names import align
from git_datmo.runs.tracker_locations import outside_files, tracker_variables
from git_datmo.secrets.masking import is_masked
from git_datmo.terminal_text import quote_words
from git_datmo.worktree.path_capture import Capturer
from git_datmo.worktree.stat_cache_edit import CacheEdit

PARTS = ("code", "data", "env", "params")

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Parts:
    """The inputs of a rerun: code, data, environment and command.

    `data` are the payloads from before the run. `folder` is the command's working directory,
    relative to the repository. `outputs` are the paths that the command is expected to write.
    `recorded` are the payloads that the recorded run wrote. If `files` is set, only these files of
    the data are placed. `started` is the start time of the recorded run.
    """

    code: Content | None
    data: tuple[Payload, ...]
    environment: Content
    command: tuple[str, ...]
    folder: str
    outputs: tuple[str, ...]
    recorded: tuple[Payload, ...] = ()
    files: tuple[tuple[str, Node], ...] | None = None
    started: str = ""

    def placed(self) -> Iterator[tuple[str, Node]]:
        """Yield the path and node of each file and folder of the data that is placed."""
        if self.files is not None:
            yield from self.files
        else:
            yield from ((payload.path, root_node(payload.content)) for payload in self.data)

    def claims(self) -> Iterator[ClaimedContent]:
        """Yield what the records say of the code and of the data that is placed."""
        if self.code is not None:
            yield claim_of("code", self.code)
        if self.files is None:
            yield from (claim_of(payload.path, payload.content) for payload in self.data)
            return
        # The record has no extent of a single file, so that of all data is the bound.
        files = sum(payload.content.files for payload in self.data)
        size = sum(payload.content.size for payload in self.data)
        yield from (ClaimedContent(path, node, files, size) for path, node in self.files)

    def nodes(self) -> Iterator[Node]:
        """Yield the nodes that must be available locally before the rerun starts."""
        for content in (self.code, self.environment):
            if content is not None:
                yield root_node(content)
        yield from (node for _, node in self.placed())


@dataclass(frozen=True, slots=True)
class RerunOptions:
    """The engine of reruns, its limits, and the targets for output and progress.

    `elsewhere` says that the engine is on another machine, which cannot be described. `screens` are
    the streams for which the command gets a terminal.
    """

    engine: Engine
    output: Output
    limits: ResourceLimits = NO_LIMITS
    progress: Progress = QUIET
    elsewhere: bool = False
    screens: tuple[Stream, ...] = ()

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


def require_run(found: Found) -> Run:
    """Return the run of a snapshot.

    Raises `DatmoError` if the snapshot has no command or no environment.
    """
    run = found.snapshot.run
    if run is None:
        raise DatmoError(
            f"snapshot '{found.id}' names no command to run",
            "snapshots made with 'git datmo run' can be reproduced",
        )
    if found.snapshot.environment is None:
        raise DatmoError(
            f"snapshot '{found.id}' has no environment", "its command ran without a Python to ask"
        )
    return run


def parts_of(found: Found) -> Parts:
    """Return the inputs of a snapshot's run. Raises `DatmoError` as `require_run` does."""
    run, snapshot = require_run(found), found.snapshot
    assert snapshot.environment is not None
    return Parts(
        code=snapshot.code,
        data=_data(snapshot, run),
        environment=snapshot.environment,
        command=run.command,
        folder=run.folder,
        outputs=(*run.outputs, *(payload.path for payload in run.tracked)),
        recorded=tuple(
            payload for payload in snapshot.payloads if payload.path in set(run.outputs)
        ),
        started=run.started,
    )


def require_whole(parts: Parts) -> Parts:
    """Return `parts` unchanged; raise `DatmoError` if a secret in the command was masked."""
    if is_masked(parts.command):
        raise DatmoError(
            "not run: a secret in the command was masked when it was recorded:"
            f" '{quote_words(parts.command)}'",
            "have the program read the secret from an environment variable, and 'git datmo run'"
            " it anew",
        )
    return parts


def _data(snapshot: Snapshot, run: Run) -> tuple[Payload, ...]:
    """Return the payloads from before the run.

    If the command was only recorded and did not run, its outputs are left out.
    """
    if run.has_run:
        return run.inputs
    return tuple(payload for payload in snapshot.payloads if payload.path not in run.outputs)


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


def swap(parts: Parts, name: str, other: Parts) -> Parts:
    """Return `parts` with the part `name` (an item of `PARTS`) taken from `other`."""
    match name:
        case "code":
            return replace(parts, code=other.code)
        case "data":
            return replace(parts, data=other.data)
        case "env":
            return replace(parts, environment=other.environment)
        case "params":
            return replace(parts, command=other.command, folder=other.folder)
    raise ValueError(name)


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
