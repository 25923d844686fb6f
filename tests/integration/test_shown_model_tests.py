"""Test that recorded tests of a model are shown by `show`, `log` and `report`, and shared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest

from git_datmo.history.experiments import History
from git_datmo.model_tests.model_results import ModelResult
from git_datmo.model_tests.recorded_tests import record_results
from git_datmo.repository.workspace import open_workspace
from git_datmo.web.page_documents import make_document
from git_datmo.web.page_state import PageState
from tests.support.commands import datmo
from tests.support.pair import Pair
from tests.support.schemas import require_valid
from tests.support.shell import Shell
from tests.support.ssh_keys import trust_ssh, use_ssh

PASSED = ModelResult("gate", "accuracy >= 0.9", "passed", "accuracy 0.95, 40 rows")
FAILED = ModelResult("gate", "flips <= 2%", "failed", "flips \x1b[31m0.1, 40 rows")
COST = ModelResult("cost", "time and memory of a request", "advisory", "1.5 ms")
CHAMPION = "4" * 40


@pytest.fixture
def trained(pair: Pair) -> Shell:
    """Return a clone with an experiment whose model was not tested."""
    datmo(pair.alex, "run", "--", "python", "code.py")
    return pair.alex


def record(
    shell: Shell, *results: ModelResult, champion: str | None = None, env: Mapping[str, str] = {}
) -> None:
    """Record results about the model of HEAD."""
    with open_workspace({**shell.env, **env}, shell.cwd) as ws:
        found = History(ws).resolve("HEAD")
        model: Any = SimpleNamespace(snapshot=str(found.id), commit=str(found.commit))
        record_results(ws, model, champion, {"name": "host"}, results)


def document(shell: Shell, verb: str, *words: str) -> dict[str, Any]:
    done = datmo(shell, verb, *words, "--json")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    require_valid(verb, found)
    return found


def test_newest_test_beside_each_champion_is_shown(trained: Shell) -> None:
    assert document(trained, "show")["tests"] == []
    record(trained, FAILED)
    record(trained, PASSED, COST)
    record(trained, FAILED, PASSED, champion=CHAMPION)
    beside = "failed: 2 tests, 1 failed, 0 undecided, champion 4444444444, by "
    alone = "passed: 1 test, 0 failed, 0 undecided, by "
    problem = "failed gate flips <= 2%: flips \N{REPLACEMENT CHARACTER}[31m0.1, 40 rows"
    shown = datmo(trained, "show").stdout
    assert f"\ntest:        {beside}" in shown
    assert f"\n             {problem}\n" in shown
    assert f"\ntest:        {alone}" in shown
    logged = datmo(trained, "log").stdout
    assert f"    test {beside}" in logged
    assert f": {problem}\n    test {alone}" in logged
    report = unescape(datmo(trained, "report").stdout)
    assert "Test of the model <code>failed: 2 tests, 1 failed, 0 undecided" in report
    assert "| outcome | kind | test | message |" in report
    first, second = document(trained, "show")["tests"]
    assert (first["champion"], first["failed"], first["passed"]) == (CHAMPION, 1, 1)
    assert [each["name"] for each in first["problems"]] == ["flips <= 2%"]
    assert (second["champion"], second["verdict"], second["problems"]) == (None, "passed", [])
    for verb in ("log", "report"):
        assert document(trained, verb)["tests"] == [first, second]


def test_page_of_an_experiment_has_its_tests(trained: Shell) -> None:
    record(trained, FAILED, COST, champion=CHAMPION)
    with open_workspace(trained.env, trained.cwd) as ws:
        found = History(ws).resolve("HEAD")
        shown = json.loads(make_document(PageState(ws), f"experiment/{str(found.id)[:16]}"))
    (test,) = shown["tests"]
    assert (test["verdict"], test["count"], test["champion"]) == ("failed", 1, CHAMPION)
    assert test["problems"][0].startswith("failed gate flips <= 2%: flips ")


def test_verdict_of_a_model_is_shared_by_a_push(trained: Shell, pair: Pair) -> None:
    record(trained, PASSED)
    trained.git("push", "-q", "origin", "main")
    other = pair.clone()
    datmo(other, "fetch")
    assert document(other, "show")["tests"] == document(trained, "show")["tests"] != []


def test_signed_verdict_is_verified(trained: Shell) -> None:
    record(trained, PASSED)
    use_ssh(trained)
    trust_ssh(trained)
    trained.git("config", "datmo.sign", "true")
    record(trained, FAILED)
    lines = datmo(trained, "verify", code=1).stdout.splitlines()
    verdicts = [line.partition(">: ")[2] for line in lines if line.startswith("test ")]
    assert [verdict.split(" of ")[0] for verdict in verdicts] == ["not signed", "signature good"]


def test_secret_in_the_error_of_a_model_is_masked(trained: Shell) -> None:
    secret = "Vq8zLw2Yt7Rk4Bn9"
    failed = ModelResult("contract", "a", "failed", f"login with {secret} failed")
    record(trained, failed, env={"HUB_TOKEN": secret})
    (test,) = document(trained, "show")["tests"]
    assert "login with " in test["problems"][0]["message"]
    assert secret not in json.dumps(test)


def test_results_that_decide_nothing_are_not_recorded(trained: Shell) -> None:
    record(trained, COST)
    assert document(trained, "show")["tests"] == []
