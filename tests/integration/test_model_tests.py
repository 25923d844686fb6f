"""Test `git datmo test`: the contract, gates beside a champion, pytest files, and reports."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

from tests.support.commands import datmo
from tests.support.schemas import require_valid
from tests.support.serving import CONTRACT, write_model
from tests.support.shell import Shell

# Answers a + b, and the bias of the model's file. It cannot answer the largest `a`.
PREDICT = """\
def load(paths):
    return float(open(paths["model.txt"]).read())

def predict(model, inputs):
    if "LIMIT" and 10 in list(inputs["a"]):
        raise ValueError("too large")
    return {"y": [float(a) + float(b) + model for a, b in zip(inputs["a"], inputs["b"])]}
"""
TOTAL = PREDICT.replace('"LIMIT" and ', "False and ")
GATES = (
    "  - property: datmo.gates\n"
    "    value: ['accuracy >= champion - 0.1', 'flips <= 30%', 'accuracy by city >= 50%',"
    " 'mae where city = Rome <= 0.5']\n"
)
LABEL = """\
  - name: truth
    physicalName: data/held-out.csv
    customProperties:
      - {property: datmo.port, value: label}
    properties:
      - {name: y, logicalType: number, required: true}
"""
WITH_GATES = CONTRACT.replace("schema:\n", f"{GATES}schema:\n") + LABEL
HELD_OUT = "city,a,b,y\nOslo,1,2,3\nOslo,2,2,4\nRome,3,1,4\nRome,4,1,5\n"


def train(repo: Shell, bias: float, *, predict: str = TOTAL, contract: str = WITH_GATES) -> None:
    """Commit a model that adds a bias to its answers."""
    repo.write("data/held-out.csv", HELD_OUT)
    datmo(repo, "add-data", "data")
    repo.write("train.py", f"open('model.txt', 'w').write('{bias}')\n")
    repo.write("predict.py", predict)
    repo.write("contracts/adder.odcs.yaml", contract)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", f"bias {bias}")
    datmo(repo, "run", "--", "python", "train.py")


def results_of(repo: Shell, *words: str, code: int) -> dict[str, Any]:
    """Return the JSON object of `git datmo test`."""
    done = datmo(repo, "test", "--engine", "host", "--json", *words, code=code)
    document: dict[str, Any] = json.loads(done.stdout)
    require_valid("test", document)
    return document


def outcomes(document: dict[str, Any]) -> dict[str, str]:
    return {test["name"]: test["outcome"] for test in document["tests"]}


def test_model_that_fails_at_a_limit_of_its_contract_is_named(repo: Shell) -> None:
    train(repo, 0, predict=PREDICT, contract=CONTRACT)
    done = datmo(repo, "test", "--engine", "host", code=1)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["passed", "contract", "load", "and", "examples"]
    assert lines[1].startswith("failed     contract  a: ")
    assert "at its limits: value 10.0: the model fails: ValueError: too large" in lines[1]
    assert lines[2].startswith("passed     contract  b: ")
    assert lines[-1] == "failed: 3 tests, 1 failed, 0 undecided"


def test_gates_compare_a_model_with_its_champion_by_slices(repo: Shell) -> None:
    train(repo, 0)
    alone = results_of(repo, code=2)
    assert (alone["verdict"], alone["champion"]) == ("undecided", None)
    assert outcomes(alone)["flips <= 30%"] == "undecided"
    assert outcomes(alone)["accuracy by city >= 50% (city = Oslo)"] == "passed"

    train(repo, 1)
    worse = results_of(repo, "--against", "HEAD~1", code=1)
    found = {test["name"]: (test["outcome"], test["message"]) for test in worse["tests"]}
    assert found["accuracy >= champion - 0.1"] == ("failed", "accuracy 0, champion 1, 4 rows")
    assert found["flips <= 30%"] == ("failed", "flips 1, 4 rows")
    assert found["accuracy by city >= 50% (city = Rome)"][0] == "failed"
    assert found["mae where city = Rome <= 0.5"] == ("failed", "mae 1, champion 0, 2 rows")
    assert found["time and memory of a request"][0] == "advisory"

    better = results_of(repo, "HEAD~1", "--against", "HEAD", code=0)
    assert better["verdict"] == "passed"
    assert better["champion"] == worse["snapshot"]
    (recorded,) = json.loads(datmo(repo, "show", "HEAD", "--json").stdout)["tests"]
    assert (recorded["verdict"], recorded["champion"]) == ("failed", better["snapshot"])


def test_user_tests_run_in_the_folder_of_the_snapshot(repo: Shell) -> None:
    repo.write(
        "tests/model/test_bias.py",
        "def test_bias():\n    assert open('model.txt').read() == 'trained'\n",
    )
    write_model(repo, contract="")
    words = ("--engine", "host", "--entry", "predict.py:predict")
    done = datmo(repo, "test", *words, "--report", "markdown", code=0)
    assert "| passed | pytest | tests/model |  |" in done.stdout
    assert "1 passed" in done.stderr

    repo.write("tests/model/test_bias.py", "def test_bias():\n    assert False\n")
    repo.git("commit", "-qam", "a test that fails")
    datmo(repo, "run", "--", "python", "train.py")
    done = datmo(repo, "test", *words, "--report", "junit", code=1)
    suite = ET.fromstring(done.stdout)
    assert suite.attrib["failures"] == "1"
    assert suite.find("testcase/failure") is not None


def test_gates_are_undecided_until_the_held_out_data_are_added(repo: Shell) -> None:
    train(repo, 0, contract=WITH_GATES.replace("held-out.csv", "later.csv"))
    missing = {test["name"]: test["message"] for test in results_of(repo, code=2)["tests"]}
    hint = "add them: git datmo add-data data"
    assert missing["accuracy by city >= 50%"].endswith(hint)
    repo.write("data/later.csv", HELD_OUT)
    datmo(repo, "add-data", "data")
    datmo(repo, "run", "--", "python", "train.py")
    assert outcomes(results_of(repo, code=2))["accuracy by city >= 50% (city = Oslo)"] == "passed"
