"""Test that `show`, `log` and `report` show the recorded checks of an experiment's data."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest

from git_datmo.contract_checks.contract_files import CommittedContracts
from git_datmo.history.experiments import History
from git_datmo.report.experiment_checks import ExperimentChecks
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo
from tests.support.contract_data import PENGUINS, add_birds
from tests.support.pair import Pair
from tests.support.schemas import require_valid
from tests.support.shell import Shell

LINE = "contracts/birds.odcs.yaml holds, 2 files, 16 rows"


@pytest.fixture
def birds(pair: Pair) -> Shell:
    """Return a clone whose only commit has two tables and their contract, not yet checked."""
    alex = pair.alex
    add_birds(alex)
    datmo(alex, "commit", "-m", "Add birds")
    return alex


def printed(shell: Shell, verb: str, *words: str) -> str:
    return datmo(shell, verb, *words).stdout


def document(shell: Shell, verb: str, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed(shell, verb, *words, "--json").splitlines()[0])
    require_valid(verb, found)
    return found


def test_check_of_an_experiment_is_shown_by_show_log_and_report(birds: Shell) -> None:
    assert document(birds, "show")["checks"] == []
    assert "birds.odcs" not in printed(birds, "show") + printed(birds, "log", "--data")
    datmo(birds, "contract", "check")
    assert f"contract:    {LINE}\n" in printed(birds, "show")
    assert f"    {LINE}\n" in printed(birds, "log", "--data")
    (check,) = document(birds, "show")["checks"]
    assert check["contract"] == "contracts/birds.odcs.yaml"
    assert (check["verdict"], check["files"], check["rows"]) == ("holds", 2, 16)
    assert document(birds, "log", "--data")["checks"] == [check]


def test_report_and_show_name_the_first_finding_of_broken_data(birds: Shell) -> None:
    birds.write("data/birds/two.csv", PENGUINS.replace("3750", "3750.5"))
    birds.write("train.py", "print(1)\n")
    birds.git("add", "train.py")
    datmo(birds, "run", "--no-contract", "--engine", "host", "--", "python", "train.py")
    datmo(birds, "commit", "-m", "Break birds")
    datmo(birds, "contract", "check", code=1)
    words, finding = "broken, 2 files, 16 rows, 1 error", "body_mass_g: 1 row is not an integer"
    assert f"contracts/birds.odcs.yaml {words}: {finding}\n" in printed(birds, "show")
    line = f": <code>{words}</code>; <code>{finding}</code>.\n"
    report = unescape(printed(birds, "report"))
    assert f"Contract <code>contracts/birds.odcs.yaml</code>{line}" in report
    (check,) = document(birds, "report")["checks"]
    assert (check["verdict"], check["errors"], check["first"]) == ("broken", 1, finding)


def test_contracts_are_not_read_where_no_check_is_recorded(
    birds: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a contract was looked for")

    monkeypatch.setattr(CommittedContracts, "listing", refuse)
    with open_workspace(birds.env, birds.cwd) as ws:
        history = History(ws)
        found = history.resolve("HEAD")
        assert ExperimentChecks(ws, history).of(str(found.id), found.commit) == ()


def test_check_of_parts_of_a_folder_is_shown_once_its_trees_are_here(
    birds: Shell, pair: Pair
) -> None:
    datmo(birds, "contract", "check")
    birds.git("push", "-q", "origin", "main")
    other = pair.clone()
    datmo(other, "fetch")
    assert document(other, "show")["checks"] == []
    datmo(other, "checkout")
    assert f"contract:    {LINE}\n" in printed(other, "show")
