"""Test feedback that becomes data, and experiments that learn from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.feedback_events import collect, outcome, prediction, prediction_id
from tests.support.schemas import require_valid
from tests.support.shell import Shell


@pytest.fixture
def served(repo: Shell) -> Shell:
    """Return a repository with an experiment, whose model could have been served."""
    repo.commit("train.py", "import sys; open('model.txt', 'w').write(open(sys.argv[1]).read())\n")
    datmo(repo, "init")
    repo.write("data/first.csv", "a,y\n1,2\n")
    datmo(repo, "add-data", "data/first.csv")
    datmo(repo, "run", "-m", "first", "--", "python3", "train.py", "data/first.csv")
    return repo


def shown(shell: Shell) -> dict[str, Any]:
    """Return the document of HEAD's experiment."""
    document: dict[str, Any] = json.loads(datmo(shell, "show", "--json").stdout)
    require_valid("show", document)
    return document


def test_next_run_is_known_to_have_learned_from_taken_batches(served: Shell) -> None:
    snapshot = experiments(served)[0]["id"]
    first = collect(
        served,
        "1",
        [
            prediction(snapshot, 1, {"a": [1, 2], "row": ["x", "y,\n"]}, {"y": [3, 4]}),
            prediction(snapshot, 2, {"a": [5]}, {"y": [6]}),
            outcome(snapshot, 1, {"y": 9.5}, row=1),
        ],
    )
    second = collect(
        served,
        "2",
        [
            prediction(snapshot, 2, {"a": [5]}, {"y": [6]}),
            outcome(snapshot, 2, {"y": 8}, later=1),
            outcome(snapshot, 2, {"y": 7}),
            outcome(snapshot, 3, {"y": 1}),
        ],
    )
    words = ("feedback", "take", "data/feedback.csv")
    done = datmo(served, *words)
    assert (
        done.stdout == "data/feedback.csv: 3 rows of 2 predictions, 2 with an outcome,"
        " from 2 batches\n"
    )
    assert "1 outcome left out" in done.stderr
    one, two = (prediction_id(snapshot, number) for number in (1, 2))
    assert (served.cwd / "data/feedback.csv").read_text() == (
        "prediction,row,time,a,input_row,predicted_y,y\n"
        f"{one},0,2026-01-02T00:00:01.000Z,1,x,3,\n"
        f'{one},1,2026-01-02T00:00:01.000Z,2,"y,\n",4,9.5\n'
        f"{two},0,2026-01-02T00:00:02.000Z,5,,6,8\n"
    )
    # A command that is repeated records nothing anew.
    tip = served.git("rev-parse", "refs/datmo/records")
    datmo(served, *words)
    assert served.git("rev-parse", "refs/datmo/records") == tip

    datmo(served, "run", "-m", "again", "--", "python3", "train.py", "data/feedback.csv")
    learned = shown(served)["feedback"]
    assert [each["batch"][:10] for each in learned] == sorted([first, second])
    assert {(each["path"], each["dropped"]) for each in learned} == {("data/feedback.csv", False)}
    line = f"learned from feedback {', '.join(sorted([first, second]))} (data/feedback.csv)"
    assert line in datmo(served, "show").stdout
    assert datmo(served, "log").stdout.count(f"    {line}\n") == 1
    newest, oldest = map(json.loads, datmo(served, "log", "--json").stdout.splitlines())
    assert (newest["feedback"], oldest["feedback"]) == (learned, [])
    require_valid("log", newest)
    report = datmo(served, "report").stdout
    assert f"Learned from feedback: {min(first, second)} in <code>data" in report
    # The batch names the data that were made of it.
    assert "\n  taken as     data/feedback.csv\n" in datmo(served, "show", first).stdout
    batch = json.loads(datmo(served, "show", first, "--json").stdout)
    require_valid("show-feedback", batch)
    assert (batch["snapshot"], batch["taken"]) == (snapshot, ["data/feedback.csv"])
    assert [each["outcomes"] for each in batch["feedback"]] == [1]
    refused(served, "show", first, "--log", code=129, says=("neither log nor code",))
    notes = served.git("notes", "--ref", "datmo", "show", "HEAD").splitlines()
    annotations = [line.split()[0] for line in notes if " annotation " in line]
    refused(served, "show", annotations[0], says=("record of the kind 'annotation'",))
    served.git("branch", first)
    assert datmo(served, "show", first).stdout.startswith("snapshot ")
    served.git("branch", "-D", first)
    document = json.loads(datmo(served, "report", "--json").stdout)
    require_valid("report", document)
    assert document["feedback"] == learned


def test_chosen_batches_are_taken_in_another_clone(
    served: Shell, shell: Callable[..., Shell]
) -> None:
    snapshot = experiments(served)[0]["id"]
    first = collect(served, "1", [prediction(snapshot, 1, {"a": [1]}, {"y": [True]})])
    collect(served, "2", [prediction(snapshot, 2, {"a": [2]}, {"y": [None]})])
    served.git("clone", "-q", "--bare", ".", "../hub.git")
    served.git("remote", "add", "origin", "../hub.git")
    datmo(served, "push")
    shell(".").git("clone", "-q", "hub.git", "other")
    clone = shell("other")
    datmo(clone, "init")
    datmo(clone, "fetch")
    datmo(clone, "feedback", "take", first, "new/rows.jsonl")
    (row,) = map(json.loads, (clone.cwd / "new/rows.jsonl").read_text().splitlines())
    assert row == {
        "prediction": prediction_id(snapshot, 1),
        "row": 0,
        "time": "2026-01-02T00:00:01.000Z",
        "a": 1,
        "predicted_y": True,
    }
    datmo(clone, "run", "-m", "here", "--", "python3", "train.py", "new/rows.jsonl")
    assert [each["batch"][:10] for each in shown(clone)["feedback"]] == [first]
    # A clone that pulls the experiment shows its feedback.
    datmo(clone, "push")
    datmo(served, "fetch")
    assert f"learned from feedback {first} (new/rows.jsonl)" in datmo(served, "log").stdout


def test_take_loses_no_file_and_names_wrong_batches(served: Shell) -> None:
    words = ("feedback", "take")
    refused(served, *words, code=129, says=("'take' takes ids of batches, and a PATH",))
    refused(served, *words, "x.csv", says=("no collected feedback",))
    snapshot = experiments(served)[0]["id"]
    hidden = collect(served, "1", [prediction(snapshot, 1, {}, {})])
    refused(served, *words, hidden, "x.csv", says=("no values of predictions",))
    collect(served, "2", [prediction(snapshot, 2, {"a": [1]}, {})])
    refused(served, *words, "x.parquet", code=129, says=(".csv nor .jsonl",))
    refused(served, *words, "abcdef", "x.csv", says=("no batch's id starts with 'abcdef'",))
    refused(served, *words, "train.py/x.csv", says=("cannot be written",))
    refused(served, *words, "data/first.csv/x.csv", says=("outside of 'data/first.csv'",))
    refused(served, *words, "../x.csv", says=("outside the repository",))
    served.write("x.csv", "mine\n")
    refused(served, *words, "x.csv", says=("its content is not stored",))
    datmo(served, "add-data", "x.csv")
    datmo(served, *words, "x.csv")
    assert (served.cwd / "x.csv").read_text().startswith("prediction,row,time,a\n")
    served.write("x.csv", "mine\n")
    refused(served, *words, "x.csv", says=("its content is not stored",))
    assert (served.cwd / "x.csv").read_text() == "mine\n"
