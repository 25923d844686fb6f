"""Make snapshots of the data and experiments that DVC keeps, on the commits that have them."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from git_datmo import fsio
from git_datmo.curves.curve_points import Points
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import History
from git_datmo.interop.code_history import CodeCommit, list_commits, make_data_record
from git_datmo.interop.dvc_cache import DvcCache, open_cache
from git_datmo.interop.dvc_commit import DvcCommit, DvcOutput, is_of_dvc, read_dvc_commit
from git_datmo.interop.dvc_content import MissingData
from git_datmo.interop.import_runs import Imported
from git_datmo.model import Oid, Payload, Role
from git_datmo.objects.store_location import check_store, store_path
from git_datmo.permissions import make_folder
from git_datmo.progress import QUIET, Progress
from git_datmo.readers.dvclive_reader import read as read_dvclive
from git_datmo.records import codec
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.repository.stored_curves import store_curves
from git_datmo.repository.workspace import Workspace
from git_datmo.secrets.masking import conceal
from git_datmo.secrets.secret_rules import known_secrets

EXPERIMENTS = "refs/exps/"
# Refs of DVC's queue, workers and running experiments are no experiments.
_INTERNAL = ("refs/exps/stash", "refs/exps/celery", "refs/exps/exec", "refs/exps/apply")


@dataclass(slots=True)
class _Importing:
    """An import that is in progress.

    `there` has the snapshots of earlier imports by their tags, and `later` the tags of those that
    are on commits not yet visited. A snapshot before these is `side`, and so are all in a
    repository that has data of its own. `read` has DVC's files in each commit that is new. `data`
    has, for each commit that was visited, the snapshots that define its data.
    """

    ws: Workspace
    cache: DvcCache
    there: dict[str, str]
    later: set[str]
    is_side: bool
    read: dict[str, DvcCommit] = field(default_factory=dict)
    data: dict[str, tuple[Oid, ...]] = field(default_factory=dict)
    made: list[Snapshot] = field(default_factory=list)
    known: int = 0
    lost: list[str] = field(default_factory=list)


def import_dvc(ws: Workspace, *, progress: Progress = QUIET) -> Imported:
    """Make a snapshot for each commit of HEAD's history that changes data of DVC.

    Each experiment of DVC (`refs/exps`) becomes an experiment on the commit that it began with.
    All are stored in one step. A commit that was imported before is not imported again.
    """
    # A missing store is an error before data are fetched.
    check_store(store_path(ws.repo.common_dir))
    there, is_side = _known(ws)
    # Parents come before their children, whose snapshots name those of the parents.
    commits = list(list_commits(ws, "--topo-order", "--reverse", "HEAD"))
    later = {f"dvc:{commit.oid}" for commit in commits} & there.keys()
    changing, experiments = _changing(ws), list(_experiments(ws))
    with open_cache(ws) as cache:
        work = _Importing(ws, cache, there, later, is_side)
        tried = [commit for commit in commits if commit.oid in changing]
        tried += (commit for _, commit in experiments)
        # A slow remote does not keep other commands from the working tree.
        _fetch(work, tried, progress)
        progress.begin("Importing", len(commits))
        with ws.locked():
            for commit in commits:
                progress.advance(1)
                _visit(work, commit, is_changing=commit.oid in changing)
            for name, commit in experiments:
                _import_experiment(work, name, commit)
            progress.finish()
            made = ws.ledger.attach(*work.made) if work.made else ()
    return Imported(made, work.known, tuple(dict.fromkeys(work.lost)))


def _fetch(work: _Importing, commits: Iterable[CodeCommit], progress: Progress) -> None:
    """Read DVC's files in new commits, and fetch the data that are missing from its cache."""
    new = [commit.oid for commit in commits if f"dvc:{commit.oid}" not in work.there]
    work.read = {oid: read_dvc_commit(work.ws, oid) for oid in new}
    outputs = (output for found in work.read.values() for output in _outermost(found.outputs))
    work.cache.fetch(dict.fromkeys(outputs), progress)


def _visit(work: _Importing, commit: CodeCommit, *, is_changing: bool) -> None:
    """Import a commit after its parents, and note which snapshots define its data."""
    inherited = (oid for each in commit.parents for oid in work.data.get(each, ()))
    before = tuple(dict.fromkeys(inherited))
    work.data[commit.oid] = before
    work.later.discard(f"dvc:{commit.oid}")
    if is_changing:
        oid = _import_commit(work, commit, before)
        work.data[commit.oid] = (oid,) if oid is not None else before


def _known(ws: Workspace) -> tuple[dict[str, str], bool]:
    """Return the snapshots that were imported from DVC by their tags.

    The second value is True if others define the data of commits.
    """
    rows = [row for row in History(ws).catalog.rows if row.kind == "snapshot"]
    records = ws.ledger.checked_records([Oid.parse(row.record) for row in rows])
    there, has_own = dict[str, str](), False
    for row, record in zip(rows, records, strict=True):
        if isinstance(record, Snapshot):
            tags = [tag for tag in record.tags if tag.startswith("dvc:")]
            there |= dict.fromkeys(tags, row.record)
            has_own = has_own or not (tags or record.side)
    return there, has_own


def _changing(ws: Workspace) -> set[str]:
    """Return the commits of HEAD's history that change files in which DVC keeps hashes."""
    # `-m` lists what a merge changes against each of its parents (git-log(1)).
    listed = ws.repo.git.text(
        *("log", "--format=%x01%H", "--name-only", "-m", "--no-renames", "-z", "HEAD", "--")
    )
    found = set()
    for part in listed.split("\x01")[1:]:
        oid, *names = part.replace("\n", "\0").split("\0")
        if any(is_of_dvc(name) for name in names if name):
            found.add(oid)
    return found


def _import_commit(work: _Importing, commit: CodeCommit, before: tuple[Oid, ...]) -> Oid | None:
    """Make the snapshot of a commit; return its id, None for a commit without data."""
    tag = f"dvc:{commit.oid}"
    if tag in work.there:
        work.known += 1
        return Oid.parse(work.there[tag])
    found = work.read[commit.oid]
    payloads = _payloads(work, commit.oid, found)
    if payloads is None or (not payloads and not before):
        return None
    side = work.is_side or bool(work.later)
    snapshot = _snapshot(work, commit, commit.oid, found, tag, payloads, before, side=side)
    work.made.append(snapshot)
    # Children name this id, although all records are attached together at the end.
    return None if side else work.ws.odb.write("blob", codec.encode(snapshot))


def _experiments(ws: Workspace) -> Iterator[tuple[str, CodeCommit]]:
    """Yield name and commit of each experiment of DVC."""
    refs = ws.repo.git.text("for-each-ref", "--format=%(refname)", EXPERIMENTS).splitlines()
    for ref in refs:
        if not ref.startswith(_INTERNAL):
            yield ref.rpartition("/")[2], next(list_commits(ws, "-1", ref))


def _import_experiment(work: _Importing, name: str, commit: CodeCommit) -> None:
    """Make the snapshot of an experiment, on the commit that it began with."""
    tag = f"dvc:{commit.oid}"
    base = commit.parents[0] if commit.parents else commit.oid
    if tag in work.there:
        work.known += 1
        return
    found = work.read[commit.oid]
    payloads = _payloads(work, f"experiment {name}", found)
    if payloads is None:
        return
    parents = work.data.get(base, ())
    named = CodeCommit(commit.oid, commit.parents, commit.author, commit.time, name)
    work.made.append(_snapshot(work, named, base, found, tag, payloads, parents, side=True))


def _payloads(work: _Importing, label: str, found: DvcCommit) -> tuple[Payload, ...] | None:
    """Store the data of a commit.

    If any cannot be had, name it and return None: a snapshot without them would say that the
    commit has deleted them.
    """
    # These are the lengths of ids with SHA-1 and with SHA-256.
    label = label[:10] if len(label) in (40, 64) else label
    work.lost += (f"{label}: {problem}" for problem in found.problems)
    payloads: list[Payload] = []
    for output in _outermost(found.outputs):
        try:
            content = work.cache.store(output)
        except (MissingData, DatmoError, OSError) as error:
            hint = error.hint if isinstance(error, MissingData) else ""
            why = f"{error}; {hint}" if hint else str(error)
            work.lost.append(f"{label}, whose data '{output.path}' are missing: {why}")
            return None
        else:
            payloads.append(Payload(output.path, Role.DATA, content))
    return tuple(payloads)


def _outermost(outputs: Iterable[DvcOutput]) -> Iterator[DvcOutput]:
    """Yield the outputs that lie in no other. They are sorted by their paths."""
    seen = set[PurePosixPath]()
    for output in outputs:
        path = PurePosixPath(output.path)
        if seen.isdisjoint(path.parents):
            seen.add(path)
            yield output


def _snapshot(
    work: _Importing,
    commit: CodeCommit,
    base: str,
    found: DvcCommit,
    tag: str,
    payloads: tuple[Payload, ...],
    parents: tuple[Oid, ...],
    *,
    side: bool,
) -> Snapshot:
    """Return the record of a commit or experiment."""
    ws = work.ws
    curves = _curves(ws, found)
    series, summaries = store_curves(ws, curves, {})
    run = None
    if found.stages or series is not None:
        run = Run(command=_words(found.stages), started=commit.time, series=series)
    if len(found.stages) > 1:
        work.lost.append(f"{commit.oid[:10]}: the stages {'; '.join(found.stages)}")
    last = {name: points.values[-1] for name, points in curves.items()}
    snapshot = replace(
        make_data_record(ws, Oid.parse(base), commit, payloads, tag),
        parameters=found.parameters,
        metrics={**found.metrics, **last},
        run=run,
        parents=parents,
        side=side,
        curves=summaries,
    )
    concealed, masked = conceal(snapshot, known_secrets(ws.environ))
    work.lost += masked
    return concealed


def _words(stages: list[str]) -> tuple[str, ...]:
    """Return the command of the only stage; `dvc repro` for several."""
    try:
        words = shlex.split(stages[0]) if len(stages) == 1 else []
    except ValueError:
        words = []
    return tuple(words) or ("dvc", "repro")


def _curves(ws: Workspace, found: DvcCommit) -> dict[str, Points]:
    """Return the curves that DVCLive wrote and git tracks."""
    curves = dict[str, Points]()
    with tempfile.TemporaryDirectory(prefix="git-datmo-dvc-", dir=ws.state) as scratch:
        folders = set[Path]()
        for path, oid in found.plots.items():
            file = Path(scratch) / path
            make_folder(file.parent)
            fsio.write_file(file, ws.odb.read(oid, "blob"))
            folders.add(Path(scratch) / path.partition("/plots/metrics/")[0])
        for folder in sorted(folders):
            for run in read_dvclive(folder):
                curves |= run.series
    return curves
