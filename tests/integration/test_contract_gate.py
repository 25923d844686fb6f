"""Stop runs whose contracts do not fit before anything is computed, and never stop a merge."""

from __future__ import annotations

import sys

import pytest

from tests.support.commands import datmo, experiments, refusal
from tests.support.contract_texts import FACES, MODEL
from tests.support.pair import Pair
from tests.support.shell import Shell

RENAMED = FACES.replace("name: age, id: age", "name: years, id: age").replace("1.2.0", "2.0.0")
MISFIT = "'faces' (data/faces/*.csv) does not fit 'emotion': 'age' is missing"
TOUCH = ("sh", "-c", "echo ran > ran")


def commit(shell: Shell, message: str) -> None:
    """Commit all files of a working tree."""
    shell.git("add", "contracts")
    shell.git("commit", "-qm", message)


@pytest.fixture
def misfit(repo: Shell) -> Shell:
    """Return a repository whose model needs a column that the data call otherwise."""
    repo.write("contracts/faces.odcs.yaml", RENAMED)
    repo.write("contracts/emotion.odcs.yaml", MODEL)
    commit(repo, "Describe data and model")
    return repo


def test_run_is_refused_before_the_command_and_the_engine(misfit: Shell) -> None:
    done = datmo(misfit, "run", "--", *TOUCH, code=125)
    assert done.stderr.startswith(f"fatal: {MISFIT}; changed by ")
    assert "'git datmo contract check' shows all" in done.stderr
    assert not (misfit.cwd / "ran").exists()
    away = misfit.having(DOCKER_HOST="tcp://127.0.0.1:1")
    assert MISFIT in datmo(away, "run", "--engine", "docker", "--", *TOUCH, code=125).stderr


def test_run_without_contract_is_recorded_as_such(misfit: Shell) -> None:
    datmo(misfit, "run", "--no-contract", "--", *TOUCH)
    (experiment,) = experiments(misfit)
    assert experiment["tags"] == ["no-contract"]


def test_sweep_is_refused_once_and_runs_without_contract(misfit: Shell) -> None:
    words = ("sweep", "-p", "x=1,2")
    refusal(datmo(misfit, *words, "--", "true", "{x}", code=128), MISFIT)
    assert experiments(misfit) == []
    datmo(misfit, *words, "--no-contract", "--", "true", "{x}")
    assert [one["tags"] for one in experiments(misfit)] == [["no-contract"]] * 2


def test_merge_that_breaks_contracts_stays_until_it_is_mended(pair: Pair) -> None:
    alex = pair.alex
    alex.write("contracts/faces.odcs.yaml", FACES)
    alex.write("data/faces/a.csv", "image,age,emotion\na,1,happy\n")
    datmo(alex, "add-data", "data")
    commit(alex, "Describe the data")
    alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    ignacio.write("contracts/faces.odcs.yaml", RENAMED)
    ignacio.write("data/faces/a.csv", "image,years,emotion\na,1,happy\n")
    commit(ignacio, "Call ages years")
    ignacio.git("push", "-q", "origin", "main")
    alex.write("contracts/emotion.odcs.yaml", MODEL)
    commit(alex, "Add the model")
    merged = alex.run("git", "pull", "-q", "--no-rebase", "--no-edit")
    assert f"warning: {MISFIT}" in merged.stderr
    assert (alex.cwd / "data/faces/a.csv").read_text() == "image,years,emotion\na,1,happy\n"
    status = datmo(alex, "status").stderr
    assert f"warning: {MISFIT}; changed by " in status
    assert "Call ages years" in status
    assert MISFIT in datmo(alex, "run", "--", "true", code=125).stderr
    alex.write("contracts/emotion.odcs.yaml", MODEL.replace("name: age,", "name: years,"))
    assert MISFIT not in datmo(alex, "status").stderr
    datmo(alex, "run", "--", "true")


def test_push_of_misfit_warns_until_contracts_are_enforced(pair: Pair) -> None:
    alex = pair.alex
    alex.write("contracts/faces.odcs.yaml", RENAMED)
    alex.write("contracts/emotion.odcs.yaml", MODEL)
    commit(alex, "Describe both")
    assert f"warning: {MISFIT}" in alex.run("git", "push", "-q", "origin", "main").stderr
    alex.git("commit", "-q", "--allow-empty", "-m", "More")
    alex.git("config", "datmo.contract", "enforce")
    refused = alex.run("git", "push", "-q", "origin", "main", ok=False)
    assert refused.returncode != 0
    assert MISFIT in refused.stderr
    alex.git("config", "datmo.contract", "warn")
    alex.git("push", "-q", "origin", "main")
    alex.git("config", "datmo.contract", "never")
    done = datmo(alex, "status", code=128)
    assert "datmo.contract is 'never', not warn or enforce" in done.stderr


def test_modules_of_contracts_stay_unloaded_without_their_folder(repo: Shell) -> None:
    script = (
        "import os, sys; from pathlib import Path; from git_datmo.cli.main import run;"
        "from git_datmo.cli.console import Console;"
        "run(['status'], Console(dict(os.environ), Path.cwd(), sys.stdout, sys.stderr));"
        "names = [n for n in sys.modules if n.startswith('git_datmo.contracts')];"
        "print('loaded', names)"
    )
    done = repo.run(sys.executable, "-c", script)
    assert "loaded []" in done.stdout
