"""Test that forgotten events leave the batches, and that the remaining copies are named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from git_datmo.history.experiments import History
from git_datmo.progress import QUIET
from git_datmo.repository.workspace import open_workspace
from git_datmo.serving.feedback_batches import batch_events, find_batches
from tests.support.commands import datmo, experiments, refused
from tests.support.feedback_events import (
    collect,
    outcome,
    prediction,
    prediction_id,
    refusal,
    write_events,
)
from tests.support.shell import Shell


@pytest.fixture
def served(repo: Shell) -> Shell:
    """Return a repository with an experiment, whose model could have been served."""
    repo.commit("train.py", "import sys; print(open(sys.argv[1]).read())\n")
    datmo(repo, "init")
    repo.write("first.csv", "a,y\n1,2\n")
    datmo(repo, "add-data", "first.csv")
    datmo(repo, "run", "-m", "first", "--", "python3", "train.py", "first.csv")
    return repo


def batches(shell: Shell) -> dict[str, tuple[str, list[str]]]:
    """Return the object of each batch in use, and the ids of its events."""
    with open_workspace(shell.env, shell.cwd) as ws:
        return {
            str(each.id)[:10]: (
                str(each.feedback.content.object),
                [event["id"] for event in batch_events(ws, each, QUIET)],
            )
            for each in find_batches(ws, History(ws))
        }


def has_object(shell: Shell, oid: str) -> bool:
    """Return True if the store of a clone has an object."""
    words = ("git", "--git-dir=.git/datmo/store.git", "cat-file", "-e", oid)
    done = subprocess.run(
        words, check=False, cwd=shell.cwd, env=shell.env, timeout=60, capture_output=True
    )
    return done.returncode == 0


def test_forgotten_events_leave_all_batches(served: Shell) -> None:
    snapshot = experiments(served)[0]["id"]
    one, two, three, four = (prediction_id(snapshot, number) for number in (1, 2, 3, 4))
    first = collect(
        served,
        "1",
        [
            prediction(snapshot, 1, {"who": ["ada"]}, {"y": [1]}),
            prediction(snapshot, 2, {"who": ["bob"]}, {"y": [2]}),
            refusal(snapshot, 3, "who", "pattern"),
        ],
    )
    second = collect(served, "2", [outcome(snapshot, 1, {"y": 5})])
    third = collect(served, "3", [prediction(snapshot, 4, {"who": ["eve"]}, {})])
    datmo(served, "feedback", "take", "feedback.csv")
    datmo(served, "run", "-m", "again", "--", "python3", "train.py", "feedback.csv")
    learned = experiments(served)[0]["id"]
    served.git("clone", "-q", "--bare", ".", "../hub.git")
    served.git("remote", "add", "origin", "../hub.git")
    datmo(served, "push")
    before = batches(served)
    assert list(before) == [first, second, third]

    words = ("feedback", "forget", "--log", "events")
    refused(served, *words, code=129, says=("needs --id or --where",))
    refused(served, *words, "--where", "whom = 1", says=("did you mean 'who'?",))
    refused(served, *words, "--id", "nobody", says=("no batch in use has these events",))
    # Events that are not collected would come back with the next collection.
    late = prediction_id(snapshot, 9)
    write_events(served, "9", [outcome(snapshot, 9, {"y": 5}), outcome(snapshot, 1, {"y": 6})])
    refused(served, *words, "--id", late, says=("the log has 1 event", "feedback collect"))
    (served.cwd / "events" / "9.jsonl").unlink()
    chosen = (*words, "--where", "who = ada", "--id", three)
    dry = datmo(served, *chosen, "--dry-run").stdout.splitlines()
    assert dry == [
        f"would remove 2 events of feedback {first}",
        f"would remove 1 event of feedback {second}",
    ]
    assert batches(served) == before

    new_event = prediction(snapshot, 8, {"who": ["ada"]}, {})
    write_events(served, "9", [outcome(snapshot, 1, {"y": 6}, later=9), new_event])
    done = datmo(served, *chosen)
    assert "2 events of the log will be in the next batch" in done.stderr
    (served.cwd / "events" / "9.jsonl").unlink()
    after = batches(served)
    (new,) = after.keys() - before.keys()
    assert done.stdout.splitlines() == [
        f"removed 2 events of feedback {first}, which is now {new}",
        f"removed 1 event of feedback {second}, which has no others and is dropped",
    ]
    assert {key: ids for key, (_, ids) in after.items()} == {third: [four], new: [two]}
    for said in (
        "the log has 5 events of them",
        f"snapshot {learned[:10]} has data that were made of these batches (feedback.csv)",
        "until 'git datmo gc'",
        "'git datmo drop --remote origin' lets it free them",
        "other clones have the old objects",
    ):
        assert said in done.stderr
    assert f"{first} (dropped)" in datmo(served, "show").stdout
    refused(served, "feedback", "take", first, "x.csv", says=("was dropped",))
    refused(served, *chosen, says=("no batch in use",))

    # The named commands free the copies.
    old = [before[each][0] for each in (first, second)]
    assert all(has_object(served, oid) for oid in old)
    datmo(served, "drop", "--remote", "origin")
    datmo(served, "gc")
    assert not any(has_object(served, oid) for oid in old)
    assert all(has_object(served, oid) for oid, _ in after.values())
    datmo(served, "feedback", "take", "feedback.csv")
    text = Path(served.cwd, "feedback.csv").read_text()
    assert "bob" in text
    assert "ada" not in text
    assert one not in text
