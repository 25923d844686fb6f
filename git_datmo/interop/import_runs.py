"""Make experiments of the runs of other trackers, on the commits that they were made on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from git_datmo.git.object_encoding import commit_tree
from git_datmo.history.experiments import History
from git_datmo.interop.found_runs import FoundRuns
from git_datmo.model import Oid
from git_datmo.payloads.attach_snapshot import require_commit
from git_datmo.progress import QUIET, Progress
from git_datmo.readers.tool_runs import FAILED, SUCCEEDED, ToolRun
from git_datmo.records.record_values import Person, Value
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.repository.stored_curves import store_curves
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

    A run belongs to the commit that it names, else to the newest commit of HEAD's history that is
    not younger than the run, else to HEAD. No experiment is its commit's data. All are stored in
    one step.
    """
    head = require_commit(ws)
    there = known_tags(ws)
    lost, snapshots = list(found.problems), []
    progress.begin("Importing", len(found.runs))
    with ws.locked():
        for identity, run in found.runs.items():
            tag = _clean(f"{tool}:{identity}")
            progress.advance(1)
            if tag in there:
                continue
            snapshots.append(_snapshot(ws, run, tag, head, lost))
        progress.finish()
        made = ws.ledger.attach(*snapshots) if snapshots else ()
    return Imported(made, len(found.runs) - len(made), tuple(dict.fromkeys(lost)))


def known_tags(ws: Workspace) -> set[str]:
    """Return the tags of all experiments."""
    rows = [row for row in History(ws).catalog.rows if row.kind == "snapshot"]
    records = ws.ledger.checked_records([Oid.parse(row.record) for row in rows])
    return {tag for record in records if isinstance(record, Snapshot) for tag in record.tags}


def _snapshot(ws: Workspace, run: ToolRun, tag: str, head: Oid, lost: list[str]) -> Snapshot:
    """Return the record of a run, whose curves are stored."""
    commit = _commit_of(ws, run, head, lost)
    series, curves = store_curves(ws, {_clean(k): v for k, v in run.series.items()}, {})
    title = run.name or run.id or tag
    single = [name for name, points in run.series.items() if len(points) == 1]
    if single:
        lost.append(f"run '{title}': step and time of {', '.join(map(repr, single))}")
    lost += (f"run '{title}': {each}" for each in run.lost)
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
    words = (_clean(f"{name}={value}" if value else name) for name, value in run.tags.items())
    snapshot = Snapshot(
        commit=commit,
        tree=commit_tree(ws.odb.read(commit, "commit")),
        patch=ws.repo.patch_id(commit),
        created=_time(ended) if ended else ws.now(),
        author=Person(_clean(run.author), "") if run.author else ws.person,
        message=_clean(title),
        why="",
        payloads=(),
        parameters=_cleaned(run.parameters),
        metrics=_cleaned({**run.metrics, **last}),
        code=None,
        clean=True,
        environment=None,
        run=record,
        side=True,
        sources=dict.fromkeys(_cleaned(run.parameters), "script"),
        curves=curves,
        tags=tuple(dict.fromkeys((tag, *words))),
    )
    concealed, masked = conceal(snapshot, known_secrets(ws.environ))
    lost += masked
    return concealed


def _commit_of(ws: Workspace, run: ToolRun, head: Oid, lost: list[str]) -> Oid:
    """Return the commit of a run."""
    git = ws.repo.git
    if run.commit:
        done = git.finish(
            "rev-parse", "--verify", "-q", "--end-of-options", f"{run.commit}^{{commit}}"
        )
        if not done.returncode:
            return Oid.parse(done.stdout.decode().strip())
        lost.append(f"run '{run.name or run.id}': its commit {run.commit}, which is not here")
    if run.started:
        before = f"--before={run.started // 1_000_000}"
        found = git.text("rev-list", "-1", before, str(head), "--").strip()
        if found:
            return Oid.parse(found)
    return head


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
