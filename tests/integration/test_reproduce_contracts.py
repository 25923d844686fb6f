"""Test that reruns obey the contracts of the snapshot's own code, before any engine is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, experiments
from tests.support.contract_data import without_readers
from tests.support.contract_texts import FACES, MODEL
from tests.support.shell import Shell

MISFIT = "'faces' (data/faces/*.csv) does not fit 'emotion': 'age' is missing"
RENAMED = FACES.replace("name: age, id: age", "name: years, id: age").replace("1.2.0", "2.0.0")
HOST = ("--engine", "host", "--trust")
READ = ("python", "-c", "print(open('data/faces/a.csv').read())")
BAD = "image,age,emotion\na,old,happy\n"
GOOD = "image,age,emotion\na,1,happy\n"


def describe(shell: Shell, faces: str, rows: str) -> None:
    """Commit a contract of data, and store the data."""
    shell.write("contracts/faces.odcs.yaml", faces)
    shell.write("data/faces/a.csv", rows)
    datmo(shell, "add-data", "data")
    shell.git("add", "contracts")
    shell.git("commit", "-qm", "Describe faces")


def receipt(shell: Shell, name: str, *words: str) -> dict[str, Any]:
    """Reproduce an experiment and return its receipt."""
    document: dict[str, Any] = json.loads(
        datmo(shell, "reproduce", name, *HOST, "--json", *words).stdout
    )
    return document


@pytest.fixture
def alex(repo: Shell) -> Shell:
    """Return a repository with git-datmo."""
    datmo(repo, "init")
    return repo


def test_misfit_of_the_snapshots_own_contracts_is_refused_before_the_engine(alex: Shell) -> None:
    alex.write("contracts/emotion.odcs.yaml", MODEL)
    describe(alex, RENAMED, "image,years,emotion\na,1,happy\n")
    datmo(alex, "run", "--no-contract", "--", *READ)
    made = str(experiments(alex)[0]["id"])
    # Contracts that fit now do not change those of the snapshot.
    alex.write("contracts/faces.odcs.yaml", FACES)
    away = alex.having(DOCKER_HOST="tcp://127.0.0.1:1")
    done = datmo(away, "reproduce", made, "--engine", "docker", "--trust", code=128)
    assert done.stderr.startswith(f"fatal: {MISFIT}; changed by ")
    assert "Describe faces" in done.stderr
    assert "rerun it with --no-contract" in done.stderr
    assert "receipts" not in datmo(alex, "show", made).stdout
    done_anyway = receipt(alex, made, "--no-contract")
    assert (done_anyway["verdict"], done_anyway["tags"]) == ("identical", ["no-contract"])
    shown = json.loads(datmo(alex, "show", made, "--json").stdout)
    assert [each["tags"] for each in shown["receipts"]] == [["no-contract"]]
    assert "no-contract" in datmo(alex, "show", made).stdout


def test_data_that_break_the_contract_are_refused_until_asked_without(alex: Shell) -> None:
    describe(alex, FACES, BAD)
    datmo(alex, "run", "--no-contract", "--", *READ)
    done = datmo(alex, "reproduce", "HEAD", *HOST, code=128)
    assert "fatal: 'data/faces/a.csv' breaks contracts/faces.odcs.yaml: age: 1 row" in done.stderr
    done_anyway = datmo(alex, "reproduce", "HEAD", *HOST, "--no-contract")
    assert "verdict: identical (log; no-contract)" in done_anyway.stdout


def test_recorded_result_is_recalled_and_its_absence_is_a_warning(
    alex: Shell, tmp_path: Path
) -> None:
    describe(alex, FACES, GOOD)
    blind = without_readers(alex, tmp_path)
    datmo(blind, "run", "--", *READ)
    done = datmo(blind, "reproduce", "HEAD", *HOST)
    assert "warning: contracts are not checked: " in done.stderr
    assert "tags" not in receipt(alex, "HEAD")
    assert "contracts" not in datmo(blind, "reproduce", "HEAD", *HOST).stderr


def test_snapshot_without_contracts_is_rerun_whatever_is_here_now(alex: Shell) -> None:
    alex.write("data/faces/a.csv", BAD)
    datmo(alex, "add-data", "data")
    datmo(alex, "run", "--", *READ)
    alex.write("contracts/faces.odcs.yaml", FACES)
    assert receipt(alex, "HEAD")["verdict"] == "identical"
