"""Export experiments for other programs, and read the same values back."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.shell import Shell

TRACKERS = os.environ.get("DATMO_TEST_TRACKERS") or sys.executable
LINES = [
    {"step": 0, "loss": 1.5, "timestamp": 1_700_000_000.25},
    {"step": 5, "loss": 0.1, "timestamp": 1_700_000_001},
    {"step": 3, "loss": float("nan"), "timestamp": 1_700_000_002},
]


@pytest.fixture
def run(repo: Shell) -> Shell:
    """Return a repository with two experiments, of which the second has a curve."""
    datmo(
        repo, "run", "-m", "first, plain", "-p", "lr=0.1", "-p", "n=9007199254740993", "--", "true"
    )
    text = "".join(json.dumps(line) + "\n" for line in LINES)
    repo.commit("t.py", f"open('metrics.jsonl', 'w').write({text!r})\n")
    datmo(repo, "run", "-p", "lr=high", "-p", "on=true", "--", "python", "t.py")
    return repo


def test_csv_has_experiments_and_all_points(run: Shell) -> None:
    said = datmo(run, "export", "csv", "tables").stderr
    assert "2 experiments written to 'tables'" in said
    with (run.cwd / "tables/experiments.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    newest = experiments(run)[0]
    assert (first["message"], first["parameters.lr"], first["metrics.loss"]) == (
        "first, plain",
        "0.1",
        "",
    )
    assert (second["id"], second["commit"]) == (newest["id"], newest["commit"])
    assert (second["parameters.lr"], second["parameters.on"]) == ("high", "true")
    assert second["status"] == "success"
    with (run.cwd / "tables/curves.csv").open(newline="") as file:
        rows = [tuple(row.values())[1:] for row in csv.DictReader(file)]
    assert rows == [
        ("loss", "0.0", "1700000000250000", "1.5"),
        ("loss", "5.0", "1700000001000000", "0.1"),
        ("loss", "3.0", "1700000002000000", "nan"),
    ]


def test_export_has_the_tags_of_now_and_the_exact_command(repo: Shell) -> None:
    repo.write("data/x", "1\n")
    datmo(repo, "add-data", "data")
    repo.git("commit", "-q", "--allow-empty", "-m", "data")
    repo.commit("t.py", "import git_datmo as d\nd.set_tag('two words')\nd.set_tag('gone')\n")
    datmo(repo, "run", "-m", "tagged", "--", "python", "t.py", "a b")
    datmo(repo, "run", "-m", "bare", "--", "true")
    tagged = experiments(repo, "--where", "message = tagged")[0]["id"]
    datmo(repo, "tag", tagged, "team=blue")
    datmo(repo, "untag", tagged, "gone")
    # The snapshots of the data alone are no experiments, as for `log`.
    assert "2 experiments written" in datmo(repo, "export", "csv", "tables").stderr
    with (repo.cwd / "tables/experiments.csv").open(newline="") as file:
        rows = {row["message"]: row for row in csv.DictReader(file)}
    assert json.loads(rows["tagged"]["tags"]) == ["team=blue", "two words"]
    assert rows["tagged"]["command"] == "python t.py 'a b'"
    assert rows["bare"]["tags"] == ""
    datmo(repo, "export", "json", "tables")
    documents = json.loads((repo.cwd / "tables/experiments.json").read_text())
    assert documents[0]["tags"] == ["team=blue", "two words"]


def test_json_is_strict_and_has_curves_as_columns(run: Shell) -> None:
    datmo(run, "export", "json", "tables", "HEAD")

    def refuse(text: str) -> object:
        raise AssertionError(text)

    text = (run.cwd / "tables/experiments.json").read_text()
    newest = json.loads(text, parse_constant=refuse)[0]
    assert newest["parameters"] == {"lr": "high", "on": True}
    assert newest["sources"] == {"lr": "user", "on": "user"}
    assert newest["metrics"] == {"loss": "NaN"}
    assert newest["curves"]["loss"]["values"] == [1.5, 0.1, "NaN"]
    assert newest["curves"]["loss"]["steps"] == [0, 5, 3]


def test_parquet_has_typed_columns(run: Shell) -> None:
    datmo(run, "export", "parquet", "tables")
    table = pyarrow.parquet.read_table(run.cwd / "tables/experiments.parquet")
    assert table["parameters.lr"].to_pylist() == ["0.1", "high"]
    assert table["parameters.on"].to_pylist() == [None, True]
    assert table["parameters.n"].to_pylist() == [9007199254740993, None]
    curves = pyarrow.parquet.read_table(run.cwd / "tables/curves.parquet")
    assert curves["value"].to_pylist()[:2] == [1.5, 0.1]
    assert curves["time"].cast("int64").to_pylist()[0] == 1_700_000_000_250_000


def test_export_onto_a_file_is_refused(repo: Shell) -> None:
    repo.write("table.csv", "mine")
    for form in ("csv", "json", "parquet"):
        refused(repo, "export", form, "table.csv", says=("table.csv' is a file",))
    assert (repo.cwd / "table.csv").read_text() == "mine"


def test_repository_without_experiments_gives_empty_tables(repo: Shell) -> None:
    for form in ("csv", "json", "parquet"):
        assert "0 experiments" in datmo(repo, "export", form, "tables").stderr
    assert json.loads((repo.cwd / "tables/experiments.json").read_text()) == []


def test_mlflow_finds_equal_values_and_a_second_export_adds_nothing(
    run: Shell, tmp_path: Path
) -> None:
    code = (
        "import mlflow, sqlalchemy, sys; print([p for p in sys.path if p.endswith('-packages')][0])"
    )
    asked = subprocess.run(
        [TRACKERS, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    if asked.returncode:
        pytest.skip("mlflow is not installed")
    uri = f"sqlite:///{tmp_path / 'm.db'}"
    work = run.having(PYTHONPATH=asked.stdout.strip())
    assert "2 experiments written" in datmo(work, "export", "mlflow", uri).stderr
    assert "0 experiments written" in datmo(work, "export", "mlflow", uri).stderr
    read = (
        "import json, mlflow, sys\n"
        f"client = mlflow.tracking.MlflowClient({uri!r})\n"
        "group = client.get_experiment_by_name('repo').experiment_id\n"
        "runs = [run for run in client.search_runs([group]) if 'on' in run.data.params]\n"
        "run = runs[0]\n"
        "points = client.get_metric_history(run.info.run_id, 'loss')\n"
        "print(json.dumps([len(runs), run.data.params, run.data.tags['git-datmo.id'],\n"
        "  [[p.step, p.timestamp, p.value] for p in points], run.info.status]))\n"
    )
    count, parameters, identity, points, status = json.loads(
        run.run(TRACKERS, "-c", read).stdout.splitlines()[-1]
    )
    assert (count, status) == (1, "FINISHED")
    assert parameters == {"lr": "high", "on": "true"}
    assert identity == experiments(run)[0]["id"]
    assert [0, 1_700_000_000_250, 1.5] in points
    assert [5, 1_700_000_001_000, 0.1] in points
    assert len(points) == 3
    # The way back has the same author, and the words of the command.
    assert "2 experiments imported" in datmo(run, "import", "mlflow", str(tmp_path / "m.db")).stderr
    here, back = experiments(run, "--all", "--where", "command ~ t.py")
    assert here["author"]["name"] == back["author"]["name"]
    assert here["run"]["command"] == back["run"]["command"] == ["python", "t.py"]


def test_absent_mlflow_is_one_clear_line(repo: Shell) -> None:
    refused = datmo(repo, "export", "mlflow", "m", code=128).stderr
    assert refused == (
        "fatal: MLflow is not installed\nhint: install it with pip install 'git-datmo[mlflow]'\n"
    )
