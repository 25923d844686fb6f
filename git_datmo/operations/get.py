"""Bring a payload, or a part of it, from a remote without a clone of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.remote_commands import Offer
from git_datmo.history.experiments import Found, History
from git_datmo.model import Oid, Payload
from git_datmo.objects.tree_nodes import Node
from git_datmo.payloads.checkout_target import Target, find_target, target_of
from git_datmo.payloads.record_claims import ClaimedContent, refuse_false_claims
from git_datmo.permissions import make_folder
from git_datmo.progress import QUIET, Progress
from git_datmo.query.aggregate import to_float
from git_datmo.query.evaluate import as_number, is_nan
from git_datmo.query.goals import MINIMUM, choose_goal, split_goal
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.remotes.fetch_objects import obtain_way
from git_datmo.remotes.required_objects import require
from git_datmo.remotes.throwaway_clone import (
    deepen,
    fetch_revision,
    split_revision,
    throwaway_clone,
)
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_inputs import place

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Got:
    """The path that was written, and the snapshots that it is from."""

    target: Path
    snapshots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A payload that holds a wanted path, or lies in it.

    `steps` lead from the payload to the wanted path. `place` is where it goes below the target.
    """

    payload: Payload
    steps: tuple[bytes, ...]
    place: str


def get(
    environ: Mapping[str, str],
    folder: Path,
    source: str,
    path: str,
    target: str = "",
    *,
    best: str = "",
    progress: Progress = QUIET,
) -> Got:
    """Write the file or folder `path` of a remote's payloads to `target` in `folder`.

    `source` is `URL[@REV]`, where the revision can be the id of an experiment, too. `best` is a
    metric, with `min:` or `max:` if no experiment says which values are better: the experiment
    with its best value counts, of those that have the path.
    """
    url, revision = split_revision(source)
    if best and revision:
        raise DatmoError("a revision and --best exclude each other", "leave one of them out")
    # Git would resolve a relative path from another folder.
    if os.path.exists(folder / url):
        url = str(folder / url)
    path = os.path.normpath(path)
    final = _final_path(folder, path, target)
    # The folder is on the target's file system, so that one rename puts the result in place.
    with tempfile.TemporaryDirectory(prefix=".git-datmo-get-", dir=final.parent) as scratch:
        with throwaway_clone(environ, url, Path(scratch) / "clone", progress) as (ws, offer):
            if best:
                chosen = target_of(_best_snapshot(ws, best, path))
            else:
                chosen = _find_target(ws, offer, revision, progress)
            written = _write(ws, chosen, path, Path(scratch) / "got", progress)
        os.rename(written, final)
    return Got(final, chosen.snapshots)


def _final_path(folder: Path, path: str, target: str) -> Path:
    """Return the path to write, which must not exist. Below an existing folder, it is `path`'s
    name."""
    name = os.path.basename(path)
    if path.startswith(("..", "/")) or name in ("", "."):
        raise DatmoError(f"'{path}' is no path in a repository", "name a file or folder in it")
    final = folder / (target or name)
    if target and final.is_dir():
        final /= name
    if os.path.lexists(final):
        raise DatmoError(f"'{final}' exists already", "give another path with -o")
    if not final.parent.is_dir():
        raise DatmoError(f"there is no folder '{final.parent}'", f"mkdir -p '{final.parent}'")
    return final


def _find_target(ws: Workspace, offer: Offer, revision: str, progress: Progress) -> Target:
    """Return the payloads of an experiment's id, or of a commit."""
    named = History(ws).by_id(revision) if revision else None
    if named is not None:
        return target_of(named)
    commit = str(fetch_revision(ws, offer, revision, progress))
    try:
        return find_target(ws, commit, progress=progress)
    except DatmoError:
        # A remote that cannot leave files out sent one commit alone. Older commits may define its
        # data.
        if not deepen(ws, progress):
            raise
    return find_target(ws, commit, progress=progress)


def _best_snapshot(ws: Workspace, best: str, path: str) -> Found:
    """Return the snapshot with the best value of a metric, of those that have the path."""
    name, goal = split_goal(best)
    found = [
        each
        for each in _all_snapshots(ws)
        if name in each.snapshot.metrics and list(_find(each.snapshot.payloads, path))
    ]
    scores = [_score(each.snapshot, name) for each in found]
    if not any(score is not None for score in scores):
        raise DatmoError(
            f"no experiment with '{path}' has a metric '{name}'",
            "'git datmo log' in a clone lists experiments with their metrics",
        )
    curves = (each.snapshot.curves.get(name) for each in found)
    goal = goal or choose_goal(name, {curve.goal for curve in curves if curve is not None})
    choose = min if goal == MINIMUM else max
    # The oldest of several counts.
    index = scores.index(choose(score for score in scores if score is not None))
    return found[index]


def _score(snapshot: Snapshot, name: str) -> float | None:
    """Return the last value of a metric; None if it is no number."""
    number = as_number(snapshot.metrics[name])
    return None if number is None or is_nan(number) else to_float(number)


def _all_snapshots(ws: Workspace) -> Iterator[Found]:
    """Yield the snapshots of all records, oldest first."""
    rows = [row for row in History(ws).catalog.rows if row.kind == "snapshot"]
    oids = [Oid.parse(row.record) for row in rows]
    for row, oid, record in zip(rows, oids, ws.ledger.checked_records(oids), strict=True):
        if isinstance(record, Snapshot):
            yield Found(oid, record, Oid.parse(row.commit), "note")


def _find(payloads: Iterable[Payload], path: str) -> Iterator[_Wanted]:
    """Yield the payload that holds `path`, or those within it."""
    for payload in payloads:
        if payload.path == path or path.startswith(f"{payload.path}/"):
            inner = path[len(payload.path) + 1 :]
            yield _Wanted(payload, tuple(os.fsencode(inner).split(b"/")) if inner else (), "")
        elif payload.path.startswith(f"{path}/"):
            yield _Wanted(payload, (), payload.path[len(path) + 1 :])


def _write(ws: Workspace, chosen: Target, path: str, folder: Path, progress: Progress) -> Path:
    """Write what is at `path` into `folder`; return the path of the result."""
    wanted = list(_find(chosen.payloads, path))
    if not wanted:
        names = [payload.path for payload in chosen.payloads]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        raise DatmoError(
            f"no payload has '{path}'", f"there are: {', '.join(names[:SHOWN]) or 'none'}{more}"
        )
    nodes = [_node(ws, each, path, progress) for each in wanted]
    # The record has no size for a part of a payload.
    size = sum(each.payload.content.size for each in wanted if not each.steps)
    name = os.path.basename(path)
    places = [os.path.join(name, each.place).rstrip("/") for each in wanted]
    named = list(zip(places, nodes, strict=True))
    require(ws, named, size=size, progress=progress)
    claims = (
        ClaimedContent(place_, node, each.payload.content.files, each.payload.content.size)
        for each, (place_, node) in zip(wanted, named, strict=True)
    )
    refuse_false_claims(ws, claims, chosen.snapshots)
    make_folder(folder)
    progress.begin("Writing", size)
    place(ws, named, folder, progress)
    progress.finish()
    return folder / name


def _node(ws: Workspace, wanted: _Wanted, path: str, progress: Progress) -> Node:
    """Return the node of a wanted path; fetch the trees on the way."""
    node = obtain_way(ws, wanted.payload.content, wanted.steps, progress=progress)
    if node is None:
        raise DatmoError(
            f"the payload '{wanted.payload.path}' has no '{path}'",
            f"'git datmo get URL {wanted.payload.path}' brings the whole payload",
        )
    return node
