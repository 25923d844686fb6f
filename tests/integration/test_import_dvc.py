"""Import data, parameters and experiments of DVC to the commits that have them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments, states
from tests.support.dvc_files import cached, cached_folder, point
from tests.support.pair import Pair
from tests.support.shell import Shell

TRACKERS = os.environ.get("DATMO_TEST_TRACKERS") or sys.executable


@pytest.fixture
def dvc(repo: Shell) -> Shell:
    """Return a repository with three commits of data: a file, a folder, and the file changed."""
    repo.write(".git/info/exclude", "/.dvc/cache\n")
    point(repo, "data/faces.bin", cached(repo, b"first"))
    point(repo, "data/images", cached_folder(repo, {"a.png": b"a", "sub/b.png": b"b"}))
    repo.commit("train.py", "pass\n")
    point(repo, "data/faces.bin", cached(repo, b"second"))
    return repo


def test_each_commit_that_changes_data_has_them(dvc: Shell) -> None:
    head = dvc.git("rev-parse", "HEAD")
    assert "3 experiments imported, 0 known before" in datmo(dvc, "import", "dvc").stderr
    assert dvc.git("rev-parse", "HEAD") == head
    listed = experiments(dvc)
    assert [record["commit"] for record in listed] == [
        dvc.git("rev-parse", name) for name in ("HEAD", "HEAD~2", "HEAD~3")
    ]
    assert [len(record["payloads"]) for record in listed] == [2, 2, 1]
    assert [record.get("parents", []) for record in listed] == [
        [listed[1]["id"]],
        [listed[2]["id"]],
        [],
    ]
    datmo(dvc, "checkout")
    assert (dvc.cwd / "data/faces.bin").read_bytes() == b"second"
    assert (dvc.cwd / "data/images/sub/b.png").read_bytes() == b"b"
    dvc.git("checkout", "-q", "HEAD~1")
    assert (dvc.cwd / "data/faces.bin").read_bytes() == b"first"
    assert set(states(dvc).values()) == {"unchanged"}


def test_output_inside_another_is_a_part_of_it(repo: Shell) -> None:
    repo.write(".git/info/exclude", "/.dvc/cache\n")
    point(repo, "set", cached_folder(repo, {"a.png": b"a", "x": b"x"}))
    point(repo, "set-b", cached(repo, b"b"))
    point(repo, "set/x", cached(repo, b"x"))
    datmo(repo, "import", "dvc")
    newest = experiments(repo)[0]
    assert [payload["path"] for payload in newest["payloads"]] == ["set", "set-b"]


def test_damaged_files_of_dvc_are_named_and_do_not_cost_the_others(repo: Shell) -> None:
    repo.write(".git/info/exclude", "/.dvc/cache\n")
    repo.write("big.dvc", "outs: " + "x" * (16 << 20))
    repo.write("params.yaml", "rate: !!bool maybe\n")
    repo.write("dvc.lock", "stages: [1, 2]\n")
    repo.write("metrics.json", '{"f1": 1, "deep": ' + "[" * 9000)
    repo.git("add", "-f", ".")
    point(repo, "data/faces.bin", cached(repo, b"first"))
    said = datmo(repo, "import", "dvc").stderr
    assert "1 experiment imported" in said
    for name in ("big.dvc", "params.yaml", "dvc.lock", "metrics.json"):
        assert f"'{name}' cannot be read: " in said
    assert "'dvc.lock' cannot be read: it has not the form of DVC's files" in said
    assert [payload["path"] for payload in experiments(repo)[0]["payloads"]] == ["data/faces.bin"]


def test_second_import_adds_nothing(dvc: Shell) -> None:
    datmo(dvc, "import", "dvc")
    refs = dvc.git("for-each-ref")
    assert "0 experiments imported, 3 known before" in datmo(dvc, "import", "dvc").stderr
    assert dvc.git("for-each-ref") == refs


def test_commit_whose_data_are_missing_is_named_and_can_come_later(dvc: Shell) -> None:
    md5 = cached(dvc, b"first")
    path = dvc.cwd / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}"
    path.unlink()
    said = datmo(dvc, "import", "dvc").stderr
    assert f"whose data 'data/faces.bin' are missing: {md5} is not in DVC's cache" in said
    assert "let DVC fetch the data of all commits, then import again" in said
    assert "1 experiment imported" in said
    assert len(experiments(dvc)) == 1
    cached(dvc, b"first")
    assert "2 experiments imported, 1 known before" in datmo(dvc, "import", "dvc").stderr
    datmo(dvc, "checkout")
    assert (dvc.cwd / "data/faces.bin").read_bytes() == b"second"


def test_stages_parameters_and_metrics_are_taken_over(repo: Shell) -> None:
    repo.write(".git/info/exclude", "/.dvc/cache\n/model.pkl\n")
    md5 = cached(repo, b"model")
    repo.write("params.yaml", "lr: 0.5\nother: 1\n")
    repo.write("metrics.json", '{"acc": 0.75}')
    repo.write("dvclive/plots/metrics/train/loss.tsv", "step\tloss\n0\t1.0\n1\t0.5\n")
    repo.write(
        "dvc.lock",
        "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py --fast\n"
        f"    params:\n      params.yaml:\n        lr: 0.5\n    outs:\n    - path: model.pkl\n"
        f"      md5: {md5}\n      size: 5\n    - path: metrics.json\n      md5: {md5}\n",
    )
    repo.git("add", "-f", "params.yaml", "metrics.json", "dvclive")
    repo.git("add", "dvc.lock")
    repo.git("commit", "-qm", "train")
    datmo(repo, "import", "dvc")
    (record,) = experiments(repo)
    assert [payload["path"] for payload in record["payloads"]] == ["model.pkl"]
    assert record["parameters"] == {"lr": 0.5, "other": 1}
    assert record["metrics"] == {"acc": 0.75, "train/loss": 0.5}
    assert record["curves"]["train/loss"]["points"] == 2
    assert record["run"]["command"] == ["python", "train.py", "--fast"]


def test_experiment_of_dvc_is_on_the_commit_that_it_began_with(dvc: Shell) -> None:
    base = dvc.git("rev-parse", "HEAD")
    dvc.commit("params.yaml", "lr: 9\n")
    dvc.git("update-ref", "refs/exps/ab/cdef/brave-mole", "HEAD")
    dvc.git("reset", "-q", "--hard", base)
    assert "4 experiments imported" in datmo(dvc, "import", "dvc").stderr
    found = [record for record in experiments(dvc) if record["message"] == "brave-mole"]
    assert [record["commit"] for record in found] == [base]
    assert found[0]["parameters"] == {"lr": 9}
    assert found[0]["side"] is True
    datmo(dvc, "checkout")
    assert (dvc.cwd / "data/faces.bin").read_bytes() == b"second"


def test_imported_data_are_shared(pair: Pair) -> None:
    alex = pair.alex
    alex.write(".git/info/exclude", "/.dvc/cache\n")
    point(alex, "data/faces.bin", cached(alex, b"shared"))
    datmo(alex, "import", "dvc")
    alex.git("push", "-q", "origin", "main")
    other = pair.clone()
    datmo(other, "checkout")
    assert (other.cwd / "data/faces.bin").read_bytes() == b"shared"


def test_repository_of_the_real_dvc_is_imported(repo: Shell, tmp_path: Path) -> None:
    asked = subprocess.run(
        [TRACKERS, "-c", "import dvc"], capture_output=True, check=False, timeout=120
    )
    if asked.returncode:
        pytest.skip("dvc is not installed")
    work = repo.having(HOME=str(tmp_path), DVC_NO_ANALYTICS="1")
    work.run(TRACKERS, "-m", "dvc", "init", "-q")
    repo.write("data/a/one", "1")
    repo.write("data/two", "2")
    for path in ("data/a", "data/two"):
        work.run(TRACKERS, "-m", "dvc", "add", "-q", path)
    work.run(TRACKERS, "-m", "dvc", "remote", "add", "-q", "storage", str(tmp_path / "remote"))
    work.run(TRACKERS, "-m", "dvc", "push", "-q", "-r", "storage")
    repo.git("add", ".")
    repo.git("commit", "-qm", "data")
    (content,) = repo.cwd.glob(".dvc/cache/files/md5/*/*.dir")
    content.unlink()
    assert "1 experiment imported" in datmo(repo, "import", "dvc").stderr
    (record,) = experiments(repo)
    paths = {payload["path"]: payload["size"] for payload in record["payloads"]}
    assert paths == {"data/a": 1, "data/two": 1}
    datmo(repo, "checkout")
    assert (repo.cwd / "data/a/one").read_text() == "1"
