"""Use git-datmo from Python: the operations of the command line, as functions and typed values.

    with open_repository("project") as repository:
        for experiment in repository.experiments("main"):
            print(experiment.id, experiment.metrics)

Every function raises `DatmoError` for what a person can cause. The error's `what` says what is
wrong, its `hint` says what to do. Nothing prints, and nothing asks. See `docs/API.md`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from git_datmo.engines.engine_contract import Engine, Output, silent
from git_datmo.engines.engine_registry import EngineOptions, make_engine
from git_datmo.engines.resource_limits import NO_LIMITS, ResourceLimits, recorded_limits
from git_datmo.errors import DatmoError
from git_datmo.history.command_trust import is_trusted
from git_datmo.history.commit_data import Claim
from git_datmo.history.experiments import Found, History, Revisions
from git_datmo.model import Payload, Role
from git_datmo.operations.pull import pull
from git_datmo.payloads.after_commit import Concluded
from git_datmo.payloads.apply_snapshot import Switched, switch
from git_datmo.payloads.attach_snapshot import SnapshotOptions
from git_datmo.payloads.checkout_target import find_experiment
from git_datmo.payloads.make_snapshot import MadeSnapshot, snapshot
from git_datmo.payloads.store_payloads import Added, add
from git_datmo.payloads.worktree_status import Status, examine
from git_datmo.progress import QUIET, Progress
from git_datmo.records.receipt_record import Receipt
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.remotes.fetch_objects import fetch
from git_datmo.report.attempt_summary import curve_columns
from git_datmo.report.experiment_html import experiment_html
from git_datmo.report.experiment_list import ListOptions, iterate_claims, list_experiments
from git_datmo.repository.healing import healed
from git_datmo.repository.workspace import Workspace, open_workspace
from git_datmo.runs.placed_data import place_data
from git_datmo.runs.reproduce import Reproduced, reproduce
from git_datmo.runs.rerun import RerunOptions
from git_datmo.runs.rerun_folder import scratch_folder
from git_datmo.runs.rerun_parts import parts_of, require_run, require_whole
from git_datmo.runs.run_command import Ran, run
from git_datmo.runs.tolerances import find_tolerances
from git_datmo.sharing.push import Shared, share

__all__ = [
    "Added",
    "Concluded",
    "DatmoError",
    "Experiment",
    "MadeSnapshot",
    "Payload",
    "Progress",
    "Ran",
    "Receipt",
    "Repository",
    "Reproduced",
    "ResourceLimits",
    "Role",
    "Run",
    "Shared",
    "Snapshot",
    "Status",
    "Switched",
    "open_repository",
]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A snapshot and the commit to which it belongs."""

    id: str
    commit: str
    snapshot: Snapshot
    receipts: tuple[Receipt, ...]

    @property
    def message(self) -> str:
        return self.snapshot.message

    @property
    def why(self) -> str:
        return self.snapshot.why

    @property
    def parameters(self) -> Mapping[str, Value]:
        return self.snapshot.parameters

    @property
    def metrics(self) -> Mapping[str, Value]:
        return self.snapshot.metrics

    @property
    def payloads(self) -> tuple[Payload, ...]:
        return self.snapshot.payloads

    def _repr_html_(self) -> str:
        """Return the experiment as HTML for a notebook."""
        return experiment_html(self.id, self.commit, self.snapshot)

    @property
    def run(self) -> Run | None:
        """Return the command that made the experiment; None for a snapshot without a command."""
        return self.snapshot.run


class Repository:
    """A git repository with git-datmo, open until the block ends or `close` is called."""

    def __init__(self, workspace: Workspace, progress: Progress = QUIET) -> None:
        self._ws = workspace
        self._progress = progress

    def __enter__(self) -> Repository:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the store and the connections that are open."""
        self._ws.close()

    @property
    def root(self) -> Path:
        """Return the top folder of the working tree."""
        return self._ws.root

    def status(self) -> Status:
        """Compare the payloads of the working tree with HEAD's; writes nothing."""
        return examine(self._ws)

    def experiments(self, *revisions: str, where: str = "", sort: str = "") -> Iterator[Experiment]:
        """Yield the experiments of a revision range, newest first; of HEAD's history for none.

        `where` is a condition and `sort` a list of names, as for `git datmo log`. Reads alone: no
        ref moves.
        """
        history = History(self._ws)
        chosen = Revisions(revisions or ("HEAD",))
        asked = ListOptions(chosen, follows=True, where=where, sort=sort)
        # Without conditions, experiments are yielded while the history is walked.
        claims: Iterable[Claim] = iterate_claims(history, asked)
        if asked.needs_values:
            claims = list_experiments(self._ws, history, asked).claims
        for found in history.read_each(claims):
            yield _experiment(history, found)

    def experiment(self, name: str = "HEAD") -> Experiment:
        """Return the experiment that a commit or the beginning of a snapshot's id names."""
        history = History(self._ws)
        return _experiment(history, history.resolve(name))

    def curve(self, name: str, metric: str, *, united: bool = True) -> dict[str, list[Any]]:
        """Return the curve of a metric as the columns `step`, `time`, `value` and `experiment`.

        A resumed run has the points of its earlier attempts too, up to the step from which it
        replaced them; without `united`, only its own. Missing curves are fetched.
        """
        return curve_columns(self._ws, name, metric, united=united, progress=self._progress)

    def add_data(self, *paths: str, role: Role | None = None) -> list[Added]:
        """Store files and folders, and track them as payloads.

        Paths are relative to the folder in which the repository was opened.
        """
        inside = [self._ws.relative(path) for path in paths]
        return list(add(self._ws, inside, role, progress=self._progress))

    def snapshot(
        self,
        message: str = "",
        *,
        why: str = "",
        parameters: Mapping[str, Value] | None = None,
        metrics: Mapping[str, Value] | None = None,
        sign: bool = False,
    ) -> MadeSnapshot:
        """Tie HEAD to the payloads, the environment and the given figures."""
        options = SnapshotOptions(message, why, parameters, metrics, sign=sign)
        return snapshot(self._ws, options, progress=self._progress)

    def run(
        self,
        command: Sequence[str],
        *,
        message: str = "",
        why: str = "",
        parameters: Mapping[str, Value] | None = None,
        outputs: Sequence[str] = (),
        engine: str = "host",
        limits: ResourceLimits = NO_LIMITS,
        output: Output = silent,
        sign: bool = False,
    ) -> Ran:
        """Run a command, and make a snapshot of what it read, wrote and came to.

        A command that fails has a snapshot too: look at the result's `exit_code`.
        """
        options = SnapshotOptions(message, why, parameters, sign=sign)
        kept = [self._ws.relative(path) for path in outputs]
        with closing(self._engine(engine)) as opened:
            return run(
                self._ws,
                command,
                options,
                outputs=kept,
                engine=opened,
                limits=limits,
                output=output,
                progress=self._progress,
            )

    def checkout(
        self, name: str = "", *, paths: Sequence[str] = (), force: bool = False
    ) -> Switched:
        """Place the payloads of a snapshot, all or those at `paths`; fetch what is missing.

        An empty `name` stands for HEAD. Without `force`, modified files are left alone.
        """
        only = [self._ws.relative(path) for path in paths]
        return healed(
            self._ws,
            lambda: switch(self._ws, name, only=only, force=force, progress=self._progress),
            self._progress,
        )

    def place_data(self, path: str, name: str, folder: Path) -> Path:
        """Write a payload of an experiment, or a part of one, below `folder`; return its path.

        `name` is a commit or the beginning of a snapshot's id. Only what `path` names is asked of a
        remote.
        """
        return place_data(self._ws, path, name, folder, progress=self._progress)

    def fetch(self, remote: str = "") -> None:
        """Fetch the records that others shared; not their data, which a checkout fetches."""
        fetch(self._ws, remote, progress=self._progress)

    def pull(self, remote: str = "") -> Concluded:
        """Fetch records, then let unmodified payloads follow HEAD."""
        return pull(self._ws, remote, progress=self._progress)

    def share(self, remote: str = "") -> Shared:
        """Share every experiment with a remote, and all objects that it names."""
        return share(self._ws, remote, progress=self._progress)

    def reproduce(
        self,
        name: str = "HEAD",
        *,
        engine: str = "docker",
        tolerances: Mapping[str, float] | None = None,
        repeat: int = 1,
        output: Output = silent,
        trust: bool = False,
    ) -> Reproduced:
        """Rerun an experiment in a fresh folder, compare, and leave a receipt.

        Raises `DatmoError` for a command that was not recorded by this user, unless `trust` says
        that it may run.
        """
        ws = self._ws
        found = find_experiment(ws, History(ws), name, progress=self._progress)
        # A command with a masked secret is refused before an engine is opened.
        require_whole(parts_of(found))
        with closing(self._engine(engine)) as opened:
            if not (trust or is_trusted(ws, found, isolated=opened.capabilities.isolated)):
                raise DatmoError(
                    f"not run: snapshot '{str(found.id)[:10]}' was not made here",
                    "look at it with 'git datmo show', then reproduce it with trust",
                )
            limits = recorded_limits(require_run(found).resources)
            options = RerunOptions(opened, output, limits, self._progress)
            with scratch_folder(ws, None) as folder:
                return reproduce(
                    ws,
                    found,
                    options,
                    folder=folder,
                    tolerances=find_tolerances(ws, found.snapshot, dict(tolerances or {})),
                    repeat=repeat,
                )

    def _engine(self, name: str) -> Engine:
        cache = self._ws.shared_state / "environments"
        return make_engine(name, EngineOptions(cache, self._ws.environ))


def _experiment(history: History, found: Found) -> Experiment:
    receipts = history.receipts(str(found.id))
    return Experiment(str(found.id), str(found.commit), found.snapshot, receipts)


def open_repository(
    path: str | os.PathLike[str] = ".",
    *,
    environ: Mapping[str, str] | None = None,
    progress: Progress = QUIET,
) -> Repository:
    """Open the repository around a folder; raises `DatmoError` where there is none."""
    return Repository(open_workspace(environ or os.environ, Path(path).absolute()), progress)
