"""Test `git datmo env`: show, compare, build and use an environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.support.commands import datmo, experiments, refused
from tests.support.shell import Shell
from tests.support.terminal import type_into
from tests.support.virtual_environments import with_packages


def test_environments_are_shown_and_compared(
    make_repo: Callable[..., Shell], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit("train.py", "print(1)\n")
    datmo(repo, "init")
    refused(repo, "env", "show", says=("HEAD",))
    old = with_packages(repo, tmp_path / "old", "numpy==1.26.4", "gone==1.0", "same==2.0")
    datmo(old, "run", "--", "python", "train.py")
    repo.git("commit", "-q", "--allow-empty", "-m", "second")
    repo.commit("apt.txt", "libgomp1\n")
    new = with_packages(repo, tmp_path / "new", "numpy==2.1.0", "same==2.0")
    record = {"name": "mkl", "version": "2023.2", "build": "h1_0"}
    (tmp_path / "new" / "conda-meta").mkdir()
    (tmp_path / "new" / "conda-meta" / "mkl.json").write_text(json.dumps(record))
    datmo(new, "run", "--", "python", "train.py")
    after, before = (experiment["id"] for experiment in experiments(repo))

    shown = json.loads(datmo(repo, "env", "show", "--json").stdout)
    assert shown["snapshot"] == after
    assert [p["name"] for p in shown["packages"]] == ["numpy", "same"]
    assert set(shown["files"]) == {"Dockerfile", "environment.json", "requirements.txt"}
    assert datmo(repo, "env", "show").stdout.endswith("conda:       1\n    mkl  2023.2 (h1_0)\n")
    text = datmo(repo, "env", "show", before).stdout
    for word in (
        "    gone   1.0\n",
        "    numpy  1.26.4\n",
        "image:       python:3.",
        "variables:   SEED=3",
    ):
        assert word in text

    compared = json.loads(datmo(repo, "env", "diff", before, "HEAD", "--json").stdout)
    assert compared["after"] == shown["id"]
    assert compared["changes"] == [
        {"kind": "package", "name": "gone", "before": "1.0", "after": None},
        {"kind": "package", "name": "numpy", "before": "1.26.4", "after": "2.1.0"},
        {"kind": "conda", "name": "mkl", "before": None, "after": "2023.2 (h1_0)"},
        {"kind": "system", "name": "libgomp1", "before": None, "after": ""},
        {"kind": "variable", "name": "SEED", "before": "3", "after": "2"},
    ]
    lines = datmo(repo, "env", "diff", before).stdout.splitlines()
    more = ["+ conda mkl 2023.2 (h1_0)", "+ system libgomp1", "~ variable SEED 3 -> 2"]
    assert lines == ["- gone 1.0", "~ numpy 1.26.4 -> 2.1.0", *more]
    assert "are the same" in datmo(repo, "env", "diff", "HEAD").stderr

    datmo(new, "env", "init")
    dockerfile = (repo.cwd / "Dockerfile").read_text()
    assert "    'numpy==2.1.0' \\\n    'same==2.0'\n" in dockerfile
    assert " libgomp1 " in dockerfile
    refused(new, "env", "init", says=("'Dockerfile' exists",))
    assert (repo.cwd / "Dockerfile").read_text() == dockerfile

    for words in (
        ("show", "a", "b"),
        ("diff",),
        ("init", "HEAD"),
        ("build", "--jupyter"),
        ("nonsense",),
    ):
        refused(repo, "env", *words, code=129)


def test_environment_is_built_and_runs_commands(
    make_repo: Callable[..., Shell], tmp_path: Path
) -> None:
    """Use a virtual environment, the engine that every machine has."""
    repo = make_repo()
    repo.commit("train.py", "print(1)\n")
    datmo(repo, "init")
    datmo(with_packages(repo, tmp_path / "bare"), "run", "--", "python", "train.py")
    (repo.cwd / "sub").mkdir()
    told = json.loads(datmo(repo, "env", "build", "--engine", "venv", "--json").stdout)
    assert told["name"] == "venv"
    assert told["id"] == json.loads(datmo(repo, "env", "show", "--json").stdout)["id"]
    inside = "import os, sys; print(sys.prefix, os.getcwd(), os.environ['SEED']); open('made', 'w')"
    done = datmo(repo.at("sub"), "env", "shell", "--engine", "venv", "--", "python", "-c", inside)
    assert done.stdout.split() == [
        f"{repo.cwd}/.git/datmo/environments/{told['id'][:20]}",
        f"{repo.cwd}/sub",
        "0",
    ]
    assert (repo.cwd / "sub" / "made").exists()
    assert (
        datmo(repo, "env", "shell", "--engine", "venv", "--", "sh", "-c", "exit 3", code=3).stdout
        == ""
    )
    refused(repo, "env", "shell", "--engine", "venv", code=129, says=("no terminal",))
    refused(repo, "env", "shell", "--engine", "venv", "--jupyter", says=("no Jupyter",))

    code, shown = type_into(
        repo,
        b"tty && echo $VIRTUAL_ENV; exit 7\n",
        "git",
        "datmo",
        "env",
        "shell",
        "--engine",
        "venv",
    )
    assert code == 7
    assert b"/dev/" in shown
    assert told["id"][:20].encode() in shown

    stranger = repo.having(
        GIT_COMMITTER_EMAIL="eve@example.com", GIT_AUTHOR_EMAIL="eve@example.com"
    )
    refused(stranger, "env", "build", "--engine", "venv", says=("another person",))
