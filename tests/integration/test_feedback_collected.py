"""Test collections of unknown snapshots, signed collections, and damaged states of a log."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.feedback_events import outcome, prediction, refusal, write_events
from tests.support.shell import Shell
from tests.support.ssh_keys import trust_ssh, use_ssh

COLLECT = ("feedback", "collect", "--log", "events")
UNKNOWN = "12" * 20


@pytest.fixture
def served(repo: Shell) -> Shell:
    """Return a repository with a snapshot, whose model could have been served."""
    repo.commit("train.py", "")
    datmo(repo, "init")
    repo.write("first.csv", "a,y\n1,2\n")
    datmo(repo, "add-data", "first.csv")
    datmo(repo, "snapshot")
    return repo


def batches(shell: Shell) -> int:
    """Return the number of batches of HEAD's snapshot."""
    notes = shell.git("notes", "--ref", "datmo", "show", "HEAD").splitlines()
    return sum(" feedback " in line for line in notes)


def test_events_of_unknown_snapshots_wait_for_them(served: Shell) -> None:
    snapshot = experiments(served)[0]["id"]
    # A client can send an outcome of any prediction.
    stray = outcome(UNKNOWN, 5, {"y": 1})
    write_events(
        served, "1", [stray, stray, prediction(snapshot, 1, {"a": [1]}, {"y": [1]}), stray]
    )
    done = datmo(served, *COLLECT)
    assert "1 prediction, 0 refusals, 0 outcomes" in done.stdout
    assert "3 events of snapshot 1212121212, which is not in this clone" in done.stderr
    state = json.loads((served.cwd / "events" / "collected.json").read_text())
    assert [len(ranges) for ranges in state["waiting"].values()] == [2]
    # They are tried again, and do not stop the others.
    write_events(served, "2", [refusal(snapshot, 2, "a", "maximum")])
    done = datmo(served, *COLLECT)
    assert "0 predictions, 1 refusal, 0 outcomes" in done.stdout
    assert "3 events of snapshot 1212121212" in done.stderr
    # Other events are the server's own, so the clone is behind.
    write_events(served, "3", [refusal(UNKNOWN, 2, "a", "maximum")])
    refused(served, *COLLECT, code=2, says=("git datmo fetch",))
    assert batches(served) == 2


def test_waiting_events_are_collected_with_their_snapshot(served: Shell) -> None:
    snapshot = experiments(served)[0]["id"]
    datmo(served, "drop", snapshot)
    write_events(served, "1", [prediction(snapshot, 1, {"a": [1]}, {"y": [1]})])
    refused(served, *COLLECT, code=2, says=("not in this clone",))
    # The same snapshot is in use again.
    served.git("update-ref", "refs/datmo/records", "refs/datmo/records~1")
    assert "1 prediction," in datmo(served, *COLLECT).stdout
    assert "no new events" in datmo(served, *COLLECT).stderr


def test_signed_collection_is_verified(served: Shell) -> None:
    snapshot = experiments(served)[0]["id"]
    served.git("config", "datmo.sign", "true")
    write_events(served, "1", [prediction(snapshot, 1, {"a": [1]}, {"y": [1]})])
    refused(served, *COLLECT, says=("cannot sign",))
    use_ssh(served)
    trust_ssh(served)
    datmo(served, *COLLECT)
    assert batches(served) == 1
    said = datmo(served, "verify", code=1).stdout
    assert "signature good" in said.partition("feedback ")[2]


def test_damaged_state_of_a_collection_is_named(served: Shell) -> None:
    snapshot = experiments(served)[0]["id"]
    write_events(served, "1", [prediction(snapshot, 1, {"a": [1]}, {"y": [1]})])
    datmo(served, *COLLECT)
    state = served.cwd / "events" / "collected.json"
    for text in ("{", "[]", '{"files": {"1.jsonl": "x"}, "waiting": {}}', "[" * 100_000):
        state.write_text(text)
        refused(served, *COLLECT, says=("collected.json' is damaged", "delete it"))
    state.unlink()
    datmo(served, *COLLECT)
    (line,) = datmo(served, "feedback", "status", "--json").stdout.splitlines()
    assert json.loads(line)["predictions"] == 1


def test_killed_collection_without_its_file_says_how_to_go_on(served: Shell) -> None:
    snapshot = experiments(served)[0]["id"]
    write_events(served, "1", [prediction(snapshot, 1, {"a": [1]}, {"y": [1]})])
    intent = served.cwd / "events" / "collecting.json"
    author = {"name": "A", "email": "a@example.com"}
    files = {"gone.jsonl": [[0, 10]]}
    document = {"created": "2026-01-01T00:00:00Z", "author": author, "files": files}
    intent.write_text(json.dumps(document))
    refused(served, *COLLECT, says=("gone.jsonl", "collecting.json"))
    intent.unlink()
    assert "1 prediction," in datmo(served, *COLLECT).stdout
