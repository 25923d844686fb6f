"""Test that curves and artifacts of a run are shared, counted, kept and freed with its record."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace

from git_datmo.curves.curve_points import Points
from git_datmo.curves.curve_reader import read_header, read_points, read_view
from git_datmo.model import Oid
from git_datmo.objects.tree_nodes import root_node
from git_datmo.records.contents import list_objects
from git_datmo.records.snapshot_record import INTERRUPTED, Snapshot
from git_datmo.remotes.fetch_objects import fetch_objects
from git_datmo.repository.stored_curves import find_curve, store_curves, store_folder
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo, experiments
from tests.support.disk_space import check_store, store_of, told, weigh
from tests.support.pair import Pair
from tests.support.schemas import require_valid
from tests.support.shell import Shell

COUNT = 100_000
LOSS = Points(
    array("d", (1 / (1 + step) + math.sin(step * step) for step in range(COUNT))),
    array("d", range(COUNT)),
    array("q", range(0, COUNT * 1250, 1250)),
)
SHORT = Points(array("d", [0.5, 0.75]), array("d", [0, 1]), array("q", [5, 6]))


def record_curves(repo: Shell, artifact: bytes = b"a note\n") -> str:
    """Make an experiment whose run has two curves and an artifact; return its id."""
    datmo(repo, "run", "--", "true")
    folder = repo.cwd.parent / "artifacts"
    folder.mkdir(exist_ok=True)
    (folder / "note.txt").write_bytes(artifact)
    oid = Oid.parse(experiments(repo)[0]["id"])
    with open_workspace(repo.env, repo.cwd) as ws:
        series, curves = store_curves(ws, {"loss": LOSS, "acc": SHORT}, {"acc": "max"})
        snapshot = ws.ledger.record(oid, checked=True)
        assert isinstance(snapshot, Snapshot)
        assert snapshot.run is not None
        run = replace(
            snapshot.run,
            series=series,
            artifacts=store_folder(ws, folder),
            status=INTERRUPTED,
            attempt=oid,
        )
        metrics = {"loss": LOSS.values[-1], "acc": 0.75}
        (made,) = ws.ledger.attach(
            replace(
                snapshot,
                created=ws.now(),
                run=run,
                curves=curves,
                metrics=metrics,
                tags=("first try",),
            )
        )
    return str(made)


def read_loss(repo: Shell, oid: str) -> Points:
    with open_workspace(repo.env, repo.cwd) as ws:
        snapshot = ws.ledger.record(Oid.parse(oid), checked=True)
        assert isinstance(snapshot, Snapshot)
        read = find_curve(ws.store, snapshot, "loss")
        assert read is not None
        header = read_header(read)
        view = read_view(read, header)
        assert len(view) <= 4000
        assert (min(view.low), max(view.high)) == (min(LOSS.values), max(LOSS.values))
        assert find_curve(ws.store, snapshot, "other") is None
        return read_points(read, header)


def test_curves_are_shared_and_read_in_another_clone(pair: Pair) -> None:
    made = record_curves(pair.alex)
    pair.alex.git("push", "-q")
    other = pair.clone()
    assert experiments(other)[0]["id"] == made
    with open_workspace(other.env, other.cwd) as ws:
        snapshot = ws.ledger.record(Oid.parse(made), checked=True)
        nodes = [root_node(kept.content) for kept in list_objects(snapshot)]
        assert not fetch_objects(ws, nodes)
    assert read_loss(other, made) == LOSS


def test_show_and_log_tell_last_and_best_values(repo: Shell) -> None:
    made = record_curves(repo)
    shown = datmo(repo, "show", made).stdout
    assert "curve:       acc  2 values: last 0.75  min 0.5  max 0.75  best 0.75" in shown
    assert "curve:       loss  100000 values: last " in shown
    assert (
        f"artifacts:   {told(repo, 'show', made)['run']['artifacts']['object']}  (1 file" in shown
    )
    assert "resumes:     " in shown
    assert "tags:       first try" in shown
    assert "s, interrupted)" in shown
    listed = datmo(repo, "log", "-n", "1").stdout
    # The best value of `acc` is the last one, and the best value of `loss` is not known.
    assert "acc=0.75  loss=0.533128 (-0.99999 to 1.34147)" in listed
    document = told(repo, "show", made)
    require_valid("show", document)
    require_valid("log", experiments(repo)[0])
    assert document["curves"]["acc"] == {
        "file": "0",
        "goal": "max",
        "max": 0.75,
        "min": 0.5,
        "points": 2,
    }


def test_curves_of_a_kept_record_stay_and_those_of_a_dropped_one_are_freed(repo: Shell) -> None:
    made = record_curves(repo)
    size = told(repo, "show", made)["run"]["series"]["size"]
    assert told(repo, "gc")["objects"] == 0
    assert read_loss(repo, made) == LOSS
    full = weigh(store_of(repo))
    datmo(repo, "drop", made)
    datmo(repo, "gc")
    check_store(repo)
    assert full - weigh(store_of(repo)) > size / 4


def test_secret_in_an_artifact_is_not_shared(pair: Pair) -> None:
    token = "ghp_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
    record_curves(pair.alex, f"token = '{token}'\n".encode())
    done = pair.alex.run("git", "push", ok=False)
    assert done.returncode != 0
    assert "'artifacts/note.txt'" in done.stderr
