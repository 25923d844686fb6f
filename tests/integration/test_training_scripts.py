"""Log from training scripts by `import git_datmo`, under `git datmo run` and without it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from git_datmo.curves.curve_points import Points
from git_datmo.curves.curve_reader import read_header, read_points
from git_datmo.model import Oid
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.stored_curves import find_curve
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo, experiments, refused
from tests.support.shell import Shell

LOGS = """\
import git_datmo as datmo
datmo.log_params({"lr": 0.5, "net": {"depth": 3}, "seed": 7})
for step in range(100):
    datmo.log_metric("loss", 1 / (1 + step))
datmo.log_metrics({"accuracy": 0.5, "odd \\x1b[31m": float("nan")}, step=9)
datmo.log_metric("accuracy", 0.25, step=3)
datmo.set_tag("first")
"""


def newest(repo: Shell) -> dict[str, Any]:
    return experiments(repo, "-n", "1")[0]


def run(repo: Shell, script: str, *words: str, **options: Any) -> dict[str, Any]:
    """Run a script by `git datmo run`; return its record."""
    repo.commit("train.py", script)
    datmo(repo, "run", *words, "--", sys.executable, "train.py", **options)
    return newest(repo)


def curve_of(repo: Shell, name: str) -> Points:
    with open_workspace(repo.env, repo.cwd) as ws:
        snapshot = ws.ledger.record(Oid.parse(newest(repo)["id"]), checked=True)
        assert isinstance(snapshot, Snapshot)
        read = find_curve(ws.store, snapshot, name)
        assert read is not None
        return read_points(read, read_header(read))


def artifacts_of(repo: Shell) -> dict[str, bytes]:
    """Return the artifacts of the newest experiment by path."""
    tree = newest(repo)["run"]["artifacts"]["object"]
    store = ("--git-dir=.git/datmo/store.git",)
    paths = repo.git(*store, "ls-tree", "-r", "--name-only", tree).splitlines()
    return {
        path: repo.run("git", *store, "cat-file", "blob", f"{tree}:{path}").stdout.encode(
            "utf-8", "surrogateescape"
        )
        for path in paths
    }


def test_surrounding_run_records_what_the_script_logs(repo: Shell) -> None:
    found = run(repo, LOGS, "-p", "lr=0.1")
    assert found["parameters"] == {"lr": 0.1, "net.depth": 3, "seed": 7}
    assert found["sources"] == {"lr": "user", "net.depth": "script", "seed": "script"}
    assert found["metrics"] == {"loss": 0.01, "accuracy": 0.25, "odd \x1b[31m": "NaN"}
    assert found["curves"] == {
        "accuracy": {"file": "0", "points": 2, "min": 0.25, "max": 0.5, "goal": "max"},
        "loss": {"file": "1", "points": 100, "min": 0.01, "max": 1.0, "goal": "min"},
    }
    assert found["tags"] == ["first"]
    loss = curve_of(repo, "loss")
    assert list(loss.values) == [1 / (1 + step) for step in range(100)]
    assert list(loss.steps) == list(range(100))
    assert list(curve_of(repo, "accuracy").steps) == [9, 3]
    assert "\x1b" not in datmo(repo, "show").stdout
    assert not list((repo.cwd / ".git" / "datmo" / "runs").glob("*/begun.json"))


def test_artifacts_are_kept_as_files(repo: Shell) -> None:
    script = """\
import git_datmo as datmo
datmo.log_text("../up", "text")
datmo.log_table("rows", [{"a": 1, "b": None}, {"a": 2.5, "b": "x"}])
datmo.log_table("plain", [[1, 2]], columns=["a", "b"])
datmo.log_image("dots", [[0, 128], [255, 3]])
datmo.log_artifact("train.py")
datmo.log_model({"weights": [1, 2]})
class Figure:
    def savefig(self, path, format):
        open(path, "w").write(format)
datmo.log_figure("plot", Figure())
datmo.log_artifact("missing")
"""
    repo.commit("train.py", script)
    done = datmo(repo, "run", "--", sys.executable, "train.py")
    assert done.stderr.count("RuntimeWarning: git-datmo: the artifact 'missing' is not logged") == 1
    found = artifacts_of(repo)
    assert found.pop("models/model.pkl")
    assert found.pop("images/dots.png")
    assert {path for path in found if path.startswith("texts/")} == {
        path for path in found if path.endswith(".txt")
    }
    assert json.loads(found["tables/rows.json"]) == {
        "columns": ["a", "b"],
        "rows": [[1, None], [2.5, "x"]],
    }
    assert json.loads(found["tables/plain.json"])["columns"] == ["a", "b"]
    assert found["files/train.py"].decode() == script
    assert found["figures/plot.png"] == b"png"


def test_rerun_compares_what_is_logged(repo: Shell) -> None:
    found = run(repo, LOGS)
    done = datmo(repo, "reproduce", "--engine", "host", "--json", found["id"])
    receipt = json.loads(done.stdout)
    assert receipt["verdict"] == "identical"
    assert {each["name"] for each in receipt["metrics"]} == set(found["metrics"])


def test_failed_run_is_recorded_with_what_it_logged(repo: Shell) -> None:
    found = run(repo, LOGS + "raise SystemExit(3)\n", code=3)
    assert found["run"]["exit_code"] == 3
    assert found["metrics"]["loss"] == 0.01


def test_environment_without_git_datmo_can_log(repo: Shell, tmp_path: Path) -> None:
    """Load the package in a run without making it part of the environment."""
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / "bin" / "python"
    plain = repo.having(PYTHONPATH="")
    assert plain.run(str(python), "-c", "import git_datmo", ok=False).returncode == 1
    repo.commit("train.py", LOGS + "import sys\nassert not [p for p in sys.path if 'datmo' in p]\n")
    datmo(plain, "run", "--", str(python), "train.py")
    assert newest(repo)["metrics"]["loss"] == 0.01


def test_plain_start_records_itself(repo: Shell) -> None:
    script = """\
import git_datmo as datmo
with datmo.run("by itself", why="a test", params={"lr": 1}, tags=["own"]) as run:
    run.log_metric("loss", 0.5)
    run.log_metric("loss", 0.25)
    open("model.bin", "w").write("weights")
print(run.snapshot)
"""
    repo.commit("train.py", script)
    done = repo.run(sys.executable, "train.py")
    found = newest(repo)
    assert done.stdout.strip() == found["id"]
    assert (found["message"], found["why"]) == ("by itself", "a test")
    assert (found["parameters"], found["metrics"], found["tags"]) == (
        {"lr": 1},
        {"loss": 0.25},
        ["own"],
    )
    assert found["run"]["outputs"] == ["model.bin"]
    assert found["run"]["exit_code"] == 0
    assert found["run"]["command"][-1] == "train.py"
    assert found["environment"] is not None


def test_script_without_a_block_is_recorded_at_its_end(repo: Shell) -> None:
    repo.commit("train.py", LOGS + "raise ValueError('broken')\n")
    repo.run(sys.executable, "train.py", code=1)
    found = newest(repo)
    assert (found["run"]["exit_code"], found["metrics"]["loss"]) == (1, 0.01)


def test_tracked_function_is_a_run_with_its_arguments(repo: Shell) -> None:
    script = """\
import git_datmo as datmo
@datmo.track
def train(lr, depth=3):
    datmo.log_metric("loss", lr * depth)
    return "result"
assert train(2) == "result"
assert train(4, depth=1) == "result"
"""
    repo.commit("train.py", script)
    repo.run(sys.executable, "train.py")
    found = experiments(repo)
    assert [each["parameters"] for each in found[:2]] == [
        {"lr": 4, "depth": 1},
        {"lr": 2, "depth": 3},
    ]
    assert [each["message"] for each in found[:2]] == ["train", "train"]


def test_interrupted_run_has_its_status(repo: Shell) -> None:
    repo.commit(
        "train.py", "import git_datmo as datmo\ndatmo.log_metric('x', 1)\nraise KeyboardInterrupt\n"
    )
    repo.run(sys.executable, "train.py", ok=False)
    assert newest(repo)["run"]["status"] == "interrupted"
    assert "interrupted" in datmo(repo, "log", "-n", "1").stdout


def test_each_call_that_cannot_be_logged_is_named_once(repo: Shell) -> None:
    script = """\
import git_datmo as datmo
for step in range(3):
    datmo.log_metric("loss", "high")
    datmo.log_metric("rate", None)
    datmo.log_params("text")
    datmo.log_artifact("missing")
datmo.log_params({"lr": 0.5})
for number in range(20):
    datmo.log_metric(f"m{number}", "text")
"""
    repo.commit("train.py", script)
    said = datmo(repo, "run", "--", sys.executable, "train.py").stderr
    for what in ("metric 'loss'", "metric 'rate'", "parameters are", "artifact 'missing'"):
        assert said.count(what) == 1, what
    assert said.count("RuntimeWarning: git-datmo:") == 10
    assert newest(repo)["parameters"] == {"lr": 0.5}


def test_outside_of_a_repository_there_is_one_warning(shell: Callable[..., Shell]) -> None:
    folder = shell("elsewhere")
    (folder.cwd / "train.py").write_text(LOGS + "print('trained')\n")
    done = folder.run(sys.executable, "train.py")
    assert done.stdout == "trained\n"
    assert done.stderr.count("RuntimeWarning") == 1
    assert "the run is not recorded: not a git repository" in done.stderr


def test_forked_and_spawned_processes_log_to_the_run(repo: Shell) -> None:
    script = """\
import multiprocessing, os, sys
import git_datmo as datmo
def work(number):
    datmo.log_metric(f"worker{number}", number)
if __name__ == "__main__":
    datmo.log_metric("main", 1)
    for way in ("fork", "spawn"):
        context = multiprocessing.get_context(way)
        child = context.Process(target=work, args=(len(way),))
        child.start(); child.join(); assert child.exitcode == 0
    datmo.log_metric("main", 2)
"""
    wanted = {"main": 2, "worker4": 4, "worker5": 5}
    assert run(repo, script)["metrics"] == wanted
    repo.run(sys.executable, "train.py")
    assert len(experiments(repo)) == 2
    assert newest(repo)["metrics"] == wanted


def test_of_distributed_processes_the_first_one_begins_a_run(repo: Shell) -> None:
    repo.commit("train.py", "import git_datmo as datmo\ndatmo.log_metric('x', 1)\n")
    repo.having(RANK="1").run(sys.executable, "train.py")
    assert experiments(repo) == []
    repo.having(RANK="0").run(sys.executable, "train.py")
    assert newest(repo)["metrics"] == {"x": 1}


@pytest.mark.parametrize(
    "harm",
    [
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))",
        "import os, shutil; shutil.rmtree(os.environ['GIT_DATMO_TRACKING'])",
    ],
    ids=["disk full", "folder gone"],
)
def test_training_goes_on_when_nothing_can_be_logged(repo: Shell, harm: str) -> None:
    script = f"""\
import git_datmo as datmo
{harm}
for step in range(1000):
    datmo.log_metric("loss", step)
    datmo.log_text("note", "text" * 100)
print("trained")
"""
    repo.commit("train.py", script)
    done = datmo(repo, "run", "--", sys.executable, "train.py")
    assert "trained" in done.stdout
    assert done.stderr.count("RuntimeWarning: git-datmo:") == 1
    assert newest(repo)["run"]["exit_code"] == 0


def test_run_names_the_experiment_that_it_resumes(repo: Shell) -> None:
    first = run(repo, LOGS)
    datmo(repo, "run", "--resume", first["id"][:10], "--", "true")
    assert newest(repo)["run"]["attempt"] == first["id"]
    assert f"resumes:     {first['id']}" in datmo(repo, "show").stdout
    refused(repo, "run", "--resume", "0000000000", "--", "true", code=125)
    script = (
        f"import git_datmo as datmo\nwith datmo.run(resume='{first['id']}') as run:\n    pass\n"
    )
    second = run(repo, script)
    assert second["run"]["attempt"] == first["id"]
    repo.run(sys.executable, "train.py")
    assert newest(repo)["run"]["attempt"] == first["id"]
    assert newest(repo)["id"] != second["id"]


SLOW = """\
import git_datmo as datmo, sys, time
open("model.bin", "w").write("partial")
for step in range(1_000_000):
    datmo.log_metric("loss", step)
    sys.stdout.write(f"{step}\\n"); sys.stdout.flush()
    if step == 300:
        open("ready", "w").close()
    time.sleep(0 if step < 300 else 0.001)
"""


def kill_when_ready(repo: Shell, *argv: str) -> int:
    """Start a program, kill it by SIGKILL with its children, and return the last logged value."""
    import subprocess

    process = subprocess.Popen(
        argv, cwd=repo.cwd, env=repo.env, stdout=subprocess.PIPE, start_new_session=True
    )
    ends = time.monotonic() + 60
    while not (repo.cwd / "ready").exists():
        assert time.monotonic() < ends
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    return int(out.split(b"\n")[-2])


@pytest.mark.parametrize("is_surrounded", [True, False], ids=["git datmo run", "by itself"])
def test_killed_run_is_recorded_by_the_next_command(repo: Shell, is_surrounded: bool) -> None:
    repo.commit("train.py", SLOW)
    begin = ["git-datmo", "run", "-p", "lr=1", "--"] if is_surrounded else []
    last = kill_when_ready(repo, *begin, sys.executable, "train.py")
    assert experiments(repo) == [], "a reading command records nothing"
    done = datmo(repo, "snapshot", "-m", "next")
    assert "was killed: snapshot" in done.stderr
    (killed,) = [each for each in experiments(repo) if each["run"]]
    assert killed["run"]["status"] == "killed"
    assert killed["run"]["exit_code"] is None
    assert killed["side"]
    assert killed["metrics"]["loss"] >= last, "no call that returned is lost"
    assert killed["curves"]["loss"]["points"] == killed["metrics"]["loss"] + 1
    if is_surrounded:
        assert killed["parameters"] == {"lr": 1}
        assert "model.bin" in killed["run"]["outputs"]
        assert killed["run"]["log"] is not None
    assert "killed)" in datmo(repo, "show", killed["id"]).stdout
    datmo(repo, "snapshot", "-m", "another")
    assert len([each for each in experiments(repo) if each["run"]]) == 1


def test_killed_run_of_another_commit_keeps_no_outputs(repo: Shell) -> None:
    repo.commit("train.py", SLOW)
    kill_when_ready(repo, "git-datmo", "run", "--", sys.executable, "train.py")
    repo.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "later")
    assert "was killed" in datmo(repo, "run", "--", "true").stderr
    (killed,) = [e for e in experiments(repo) if e["run"].get("status")]
    assert (killed["run"]["outputs"], killed["payloads"]) == ([], [])


def test_import_of_the_package_loads_nothing(shell: Callable[..., Shell]) -> None:
    script = (
        "import sys; before = set(sys.modules); import git_datmo; print(set(sys.modules) - before)"
    )
    assert shell().run(sys.executable, "-c", script).stdout.strip() == "{'git_datmo'}"
