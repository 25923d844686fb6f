"""Test the basis of a verdict, and the message where it has none."""

from __future__ import annotations

import json

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

REPRODUCE = ("reproduce", "HEAD", "--engine", "host", "--trust")


def test_verdict_names_its_basis(repo: Shell) -> None:
    repo.commit(
        "t.py",
        "import json\njson.dump({'a': 1, 'b': 2}, open('metrics.json', 'w'))\nopen('m.txt', 'w').write('m')\n",
    )
    datmo(repo, "run", "--", "python", "t.py")
    said = datmo(repo, *REPRODUCE).stdout
    assert said.splitlines()[-1] == "verdict: identical (2 metrics, 2 outputs)"


def test_rerun_of_a_run_without_metrics_and_outputs_is_nothing_to_compare(repo: Shell) -> None:
    repo.commit("t.py", "import random\nprint('accuracy:', random.random())\n")
    datmo(repo, "run", "--", "python", "t.py")
    said = datmo(repo, *REPRODUCE, code=1).stdout
    assert "verdict: nothing to compare" in said.splitlines()
    (found,) = experiments(repo)
    assert found["receipts"] == []
    document = json.loads(datmo(repo, *REPRODUCE, "--json", code=1).stdout)
    assert (document["id"], document["verdict"]) == (None, "nothing to compare")


def test_verdict_without_outputs_rests_on_the_log(repo: Shell) -> None:
    repo.commit("t.py", "print('accuracy: 0.5')\n")
    datmo(repo, "run", "--", "python", "t.py")
    assert "verdict: identical (log)" in datmo(repo, *REPRODUCE).stdout


def test_rerun_that_crashes_for_another_reason_is_different(repo: Shell) -> None:
    repo.commit("t.py", "import os\nraise ValueError(f'step 3 in {os.getcwd()}')\n")
    datmo(repo, "run", "--", "python", "t.py", code=1)
    assert "verdict: identical (last line of the log)" in datmo(repo, *REPRODUCE).stdout
    repo.commit(
        "t.py",
        "import os, sys\nassert os.path.exists('.git'), 'no .git'\nraise KeyError('other')\n",
    )
    datmo(repo, "run", "--", "python", "t.py", code=1)
    said = datmo(repo, *REPRODUCE, code=1).stdout
    assert "verdict: different" in said
    assert "AssertionError: no .git" in said


def test_run_on_uncommitted_code_is_marked_everywhere(repo: Shell) -> None:
    repo.commit("t.py", "print(1)\n")
    datmo(repo, "run", "-m", "clean", "--", "python", "t.py")
    assert "uncommitted" not in datmo(repo, "log").stdout
    repo.write("t.py", "print(2)\n")
    datmo(repo, "run", "-m", "edited", "--", "python", "t.py")
    assert "uncommitted changes)" in datmo(repo, "log", "-n", "1").stdout
    assert "uncommitted changes)" in datmo(repo, "show").stdout
    assert "'edited' (uncommitted changes)" in repo.git("log", "-1", "--notes=datmo")


def test_missing_path_gets_a_suggestion(repo: Shell) -> None:
    repo.write("data/labels.csv", "1\n")
    done = datmo(repo, "add-data", "data/lables.csv", code=128)
    assert "hint: did you mean 'data/labels.csv'?" in done.stderr


def test_commit_made_from_the_code_that_ran_has_the_experiment(repo: Shell) -> None:
    repo.commit("t.py", "x = 1\n")
    repo.commit("results.csv", "a\n")
    repo.write(
        "t.py",
        "import helper; open('results.csv', 'w').write('a\\n2\\n'); open('m.txt', 'w').write('m')\n",
    )
    repo.write("helper.py", "pass\n")
    datmo(repo, "run", "-m", "edited", "--", "python", "t.py")
    oid = experiments(repo)[0]["id"]
    repo.git("add", "t.py", "helper.py", "results.csv")
    repo.git("commit", "-qm", "better")
    assert json.loads(datmo(repo, "show", "HEAD", "--json").stdout)["id"] == oid
    (shown,) = [each for each in experiments(repo) if each["run"] is not None]
    assert (shown["id"], shown["found_by"], shown["found_on"]) == (
        oid,
        "code",
        repo.git("rev-parse", "HEAD"),
    )
    assert "found by the code that ran, made at commit" in datmo(repo, "log").stdout
    assert "verdict: identical" in datmo(repo, *REPRODUCE).stdout


def test_commit_of_other_code_does_not_claim_the_experiment(repo: Shell) -> None:
    repo.commit("t.py", "x = 1\n")
    repo.write("t.py", "x = 2\n")
    datmo(repo, "run", "-m", "edited", "--", "python", "t.py")
    repo.write("t.py", "x = 3\n")
    repo.git("commit", "-qam", "other")
    assert {each["found_by"] for each in experiments(repo)} == {"note"}
    repo.git("commit", "-q", "--allow-empty", "-m", "empty")
    datmo(repo, "run", "-m", "clean", "--", "python", "t.py")
    repo.git("commit", "-q", "--allow-empty", "-m", "empty again")
    assert {each["found_by"] for each in experiments(repo)} == {"note"}
