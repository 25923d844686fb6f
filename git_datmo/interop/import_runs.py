"""Make experiments of the runs of other trackers, on the commits that they were made on."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from operator import itemgetter

from git_datmo.git.object_encoding import commit_tree
from git_datmo.history.experiments import History
from git_datmo.interop.found_runs import FoundRuns
from git_datmo.model import Oid
from git_datmo.payloads.attach_snapshot import require_commit
from git_datmo.progress import QUIET, Progress
from git_datmo.readers.tool_runs import FAILED, SUCCEEDED, ToolRun
from git_datmo.records.record_limits import fit_values
from git_datmo.records.record_values import Person, Value
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.repository.stored_curves import StoreCurves, storing_curves
from git_datmo.repository.workspace import Workspace
from git_datmo.secrets.masking import conceal
from git_datmo.secrets.secret_rules import known_secrets

_EXIT_CODES = {SUCCEEDED: 0, FAILED: 1}


@dataclass(frozen=True, slots=True)
class Imported:
    """The ids of new experiments, the number of those that were there, and what is lost."""

    made: tuple[Oid, ...]
    known: int
    lost: tuple[str, ...]


def import_runs(
    ws: Workspace, tool: str, found: FoundRuns, *, progress: Progress = QUIET
) -> Imported:
    """Store an experiment for each run that was not imported before.

    A run belongs to the commit that it names. Without one, it belongs to the newest commit of
    HEAD's history that is not younger than the run, or else to HEAD. The run
    does not change its commit's data. All experiments are stored in one step.
    """
    commits = _Commits(ws)
    there = known_tags(ws)
    lost, snapshots = list(found.problems), []
    progress.begin("Importing", len(found.runs))
    with ws.locked():
        # The curves are stored before a record names them.
        with storing_curves(ws) as store:
            for identity, run in found.runs.items():
                tag = _clean(f"{tool}:{identity}")
                progress.advance(1)
                if tag not in there:
                    snapshots.append(_snapshot(ws, run, tag, commits, store, lost))
        progress.finish()
        made = ws.ledger.attach(*snapshots) if snapshots else ()
    return Imported(made, len(found.runs) - len(made), tuple(dict.fromkeys(lost)))


def known_tags(ws: Workspace) -> set[str]:
    """Return the tags of all experiments."""
    rows = [row for row in History(ws).catalog.rows if row.kind == "snapshot"]
    records = ws.ledger.checked_records([Oid.parse(row.record) for row in rows])
    return {tag for record in records if isinstance(record, Snapshot) for tag in record.tags}


def _snapshot(
    ws: Workspace, run: ToolRun, tag: str, commits: _Commits, store: StoreCurves, lost: list[str]
) -> Snapshot:
    """Return the record of a run; `store` stores its curves."""
    commit = commits.of(run, lost)
    tree, patch = commits.describe(commit)
    series, curves = store({_clean(name): points for name, points in run.series.items()}, {})
    title = run.name or run.id or tag
    single = [name for name, points in run.series.items() if len(points) == 1]
    if single:
        lost.append(f"step and time of {', '.join(map(repr, single))} of run '{title}'")
    lost += (f"{each} of run '{title}'" for each in run.lost)
    ended = max(run.ended, run.started)
    record = Run(
        command=tuple(map(_clean, run.command)) or (run.tool,),
        exit_code=_EXIT_CODES.get(run.status),
        started=_time(run.started) if run.started else "",
        seconds=(ended - run.started) / 1e6 if run.started else 0.0,
        status=run.status,
        series=series,
    )
    last = {name: points.values[-1] for name, points in run.series.items()}
    words = [_clean(f"{name}={value}" if value else name) for name, value in run.tags.items()]
    parameters, metrics = _cleaned(run.parameters), _cleaned({**run.metrics, **last})
    sources = dict.fromkeys(parameters, "script")
    fit = fit_values(parameters, sources, metrics, curves, (tag, *words))
    lost += (f"run '{title}': {remark}" for remark in fit.remarks)
    snapshot = Snapshot(
        commit=commit,
        tree=tree,
        patch=patch,
        created=_time(ended) if ended else ws.now(),
        author=Person(_clean(run.author), "") if run.author else ws.person,
        message=_clean(title),
        why="",
        payloads=(),
        parameters=fit.parameters,
        metrics=fit.metrics,
        code=None,
        clean=True,
        environment=None,
        run=record,
        side=True,
        sources=fit.sources,
        curves=fit.curves,
        tags=fit.tags,
    )
    concealed, masked = conceal(snapshot, known_secrets(ws.environ))
    lost += masked
    return concealed


class _Commits:
    """The commits of HEAD's history by their times, and what records say of a commit."""

    def __init__(self, ws: Workspace) -> None:
        self._ws, self._head = ws, require_commit(ws)
        listed = ws.repo.git.text("log", "--format=%ct %H", str(self._head), "--")
        lines = (line.split() for line in listed.splitlines())
        # Of commits with the same time, git lists the newest first.
        dated = [(int(time), oid) for time, oid in lines][::-1]
        self._dated = sorted(dated, key=itemgetter(0))
        self._described: dict[Oid, tuple[Oid, str]] = {}

    def of(self, run: ToolRun, lost: list[str]) -> Oid:
        """Return the commit of a run."""
        if run.commit:
            found = self._ws.odb.resolve(f"{run.commit}^{{commit}}") if _is_id(run.commit) else None
            if found is not None:
                return found
            title = run.name or run.id
            lost.append(f"commit {run.commit} of run '{title}', which is not in this repository")
        if run.started:
            # A commit of the run's own second is not younger than the run.
            index = bisect_right(self._dated, run.started // 1_000_000, key=itemgetter(0))
            if index:
                return Oid.parse(self._dated[index - 1][1])
        return self._head

    def describe(self, commit: Oid) -> tuple[Oid, str]:
        """Return the tree and the patch id of a commit."""
        if commit not in self._described:
            tree = commit_tree(self._ws.odb.read(commit, "commit"))
            self._described[commit] = tree, self._ws.repo.patch_id(commit)
        return self._described[commit]


def _is_id(text: str) -> bool:
    """Return True for the id of a commit."""
    return re.fullmatch("[0-9a-f]{7,64}", text) is not None


def _time(microseconds: int) -> str:
    """Return a time as records have it."""
    seconds, rest = divmod(microseconds, 1_000_000)
    moment = datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=rest)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _clean(text: str) -> str:
    """Return a text without characters that UTF-8 cannot express."""
    return text.encode("utf-8", "replace").decode()


def _cleaned(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return values with names and texts that UTF-8 can express."""
    return {
        _clean(name): _clean(value) if isinstance(value, str) else value
        for name, value in values.items()
    }
