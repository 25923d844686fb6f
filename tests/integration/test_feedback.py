"""Test events of a served model: what is stored, what is left out, and what became of it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.schemas import require_valid
from tests.support.serving import CONTRACT, serving, write_model
from tests.support.shell import Shell

PUBLIC = CONTRACT.replace(
    "      - name: a\n", "      - name: a\n        classification: public\n"
).replace("      - name: y\n", "      - name: y\n        classification: public\n")


@pytest.fixture
def adder(repo: Shell) -> Shell:
    """Return a repository with a model that adds, of which `a` and `y` are public."""
    write_model(repo, contract=PUBLIC)
    return repo


def events(repo: Shell) -> list[dict[str, Any]]:
    """Return all events in the folder `events`, in the order of their files."""
    lines = [
        line
        for path in sorted((repo.cwd / "events").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    return [json.loads(line) for line in lines]


def status(repo: Shell) -> dict[str, Any]:
    """Return the figures of the single snapshot in the log."""
    (line,) = datmo(repo, "feedback", "status", "--log", "events", "--json").stdout.splitlines()
    document: dict[str, Any] = json.loads(line)
    require_valid("feedback", document)
    return document


def test_outcomes_are_joined_with_predictions_of_a_killed_server(adder: Shell) -> None:
    snapshot = experiments(adder)[0]["id"]
    with serving(adder, "--log", "events") as served:
        first = served.rows(a=[1, 3], b=[2, 4]).headers["datmo-prediction"]
        second = served.rows(a=[5], b=[5]).headers["datmo-prediction"]
        assert served.rows(a=[11], b=[1]).status == 400
        told = served.ask("/feedback", {"prediction": first, "outcome": {"y": 3.0, "who": "me"}})
        assert (told.status, told.document) == (202, {"stored": 1})
        wrong = served.ask("/feedback", {"prediction": first, "outcome": {"y": 1000}})
        assert wrong.document["violations"][0]["rule"] == "maximum"
        for body in ({}, {"prediction": "x", "outcome": {}}, {"outcomes": []}):
            assert served.ask("/feedback", body).status == 400
        served.end(signal.SIGKILL)

    assert "events" not in adder.git("status", "--porcelain", "--untracked-files=all")
    prediction, _, refusal, outcome = events(adder)
    assert prediction["source"] == f"/datmo/snapshots/{snapshot}"
    assert prediction["id"] == first
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", prediction["time"])
    assert prediction["data"]["inputs"] == {"a": [1.0, 3.0]}
    assert prediction["data"]["outputs"] == {"y": [3.0, 7.0]}
    assert prediction["data"]["left_out"] == ["b"]
    assert refusal["data"]["violations"] == [{"field": "a", "row": 0, "rule": "maximum"}]
    assert outcome["data"]["outcome"] == {"y": 3.0}
    assert outcome["data"]["left_out"] == ["who"]

    # The second line of the file corrects the outcome of the client.
    text = f"prediction,row,y\n{first},1,8\n{second},,10\n"
    (adder.cwd / "labels.csv").write_text(text)
    for said in ("stored 2 outcomes\n", "stored 0 outcomes; 2 were there before\n"):
        assert datmo(adder, "feedback", "add", "labels.csv", "--log", "events").stdout == said
    # A server that was killed may have left half a line.
    path = next((adder.cwd / "events").glob("*.jsonl"))
    path.write_bytes(path.read_bytes() + b'{"type": "git-datmo.pred')
    found = status(adder)
    assert found["snapshot"] == snapshot[:10]
    assert (found["predictions"], found["rows"], found["refusals"]) == (2, 3, 1)
    assert (found["outcomes"], found["unmatched"]) == (3, 0)
    assert found["refused"] == [{"field": "a", "rule": "maximum", "count": 1}]
    values = {each["metric"]: (each["production"], each["count"]) for each in found["metrics"]}
    assert values["accuracy"] == (pytest.approx(2 / 3), 3)
    assert values["mean_absolute_error"] == (pytest.approx(1 / 3), 3)
    adder.git("config", "datmo.feedbackLog", "events")
    assert "  outcomes     3\n" in datmo(adder, "feedback").stdout


def test_collected_events_are_shared_once_by_push(
    adder: Shell, shell: Callable[..., Shell]
) -> None:
    snapshot = experiments(adder)[0]["id"]
    with serving(adder, "--log", "events") as served:
        served.rows(a=[1], b=[2])
        words = ("feedback", "collect", "--log", "events")
        first = datmo(adder, *words).stdout
        served.rows(a=[11], b=[2])
    assert f"of snapshot {snapshot[:10]}: 1 prediction, 0 refusals, 0 outcomes (" in first
    assert "0 predictions, 1 refusal, 0 outcomes" in datmo(adder, *words).stdout
    assert "no new events" in datmo(adder, *words).stderr

    adder.git("clone", "-q", "--bare", ".", "../hub.git")
    adder.git("remote", "add", "origin", "../hub.git")
    datmo(adder, "push")
    other = shell(".")
    other.git("clone", "-q", "hub.git", "other")
    clone = other.at("other")
    datmo(clone, "init")
    datmo(clone, "fetch")
    notes = clone.git("notes", "--ref", "datmo", "show", "HEAD").splitlines()
    assert sum(" feedback " in line for line in notes) == 2
    # A clone without the snapshot loses nothing.
    stranger = shell("stranger")
    stranger.git("init", "-q", ".")
    stranger.commit("x", "y\n")
    datmo(stranger, "init")
    log = str(adder.cwd / "events")
    (adder.cwd / "events" / "collected.json").unlink()
    words = ("feedback", "collect", "--log", log)
    refused(stranger, *words, code=2, says=("snapshots that are not in this clone",))
    assert not (adder.cwd / "events" / "collecting.json").exists()
    # The clone has fetched the snapshot.
    assert "1 refusal" in datmo(clone, "feedback", "collect", "--log", log).stdout


def test_sample_leaves_out_predictions_and_no_refusal(adder: Shell) -> None:
    with serving(adder, "--log", "events", "--sample", "0") as served:
        assert served.rows(a=[1], b=[2]).status == 200
        assert served.rows(a=[-1], b=[2]).status == 400
    assert [event["type"] for event in events(adder)] == ["git-datmo.refusal"]
    refused(adder, "serve", "--sample", "2", code=129)


def test_server_without_log_refuses_outcomes(adder: Shell, tmp_path: Path) -> None:
    with serving(adder) as served:
        assert served.ask("/feedback", {}).status == 404
    refused(adder, "feedback", "collect", code=129, says=("datmo.feedbackLog",))
    refused(adder, "feedback", "--log", "events", says=("no event log",))
    (tmp_path / "log").write_text("")
    refused(adder, "serve", "--engine", "host", "--log", str(tmp_path / "log"), says=("folder",))
    (adder.cwd / "events").mkdir()
    (adder.cwd / "labels.csv").write_text("who,y\nme,1\n")
    words = ("feedback", "add", "labels.csv", "--log", "events")
    refused(adder, *words, says=("column 'prediction'",))
    (adder.cwd / "labels.csv").write_text("prediction,y\nme,1\n")
    refused(adder, *words, says=("line 2", "not the id of a prediction"))
