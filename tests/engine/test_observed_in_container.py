"""Test that a run in a container is observed: its record has all reads and outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell
from tests.support.virtual_environments import with_packages

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

PROGRAM = """\
import os, subprocess, sys
import helper
total = len(open("data/used").read()) + helper.one
os.makedirs("out", exist_ok=True)
open("out/model.txt", "w").write(str(total))
if "child" not in sys.argv:
    subprocess.run([sys.executable, "fit.py", "child"], check=True)
open("metrics.json", "w").write('{"total": %d}' % total)
"""


@pytest.fixture
def project(make_repo: Callable[..., Shell], engine_host: str, tmp_path: Path) -> Shell:
    repo = with_packages(make_repo().having(DOCKER_HOST=engine_host), tmp_path / "env")
    datmo(repo, "init")
    repo.write("data/used", "12345")
    repo.write("data/unused", "x" * 1000)
    datmo(repo, "add-data", "data")
    repo.commit("helper.py", "one = 1\n")
    repo.commit("fit.py", PROGRAM)
    return repo


def test_run_of_python_alone_in_container_has_complete_reads(project: Shell) -> None:
    datmo(project, "run", "--engine", "docker", "--", "python", "fit.py")
    run = experiments(project)[0]["run"]
    assert run["read"] == {
        "complete": True,
        "outside": [],
        "paths": ["data/used", "fit.py", "helper.py"],
    }
    assert run["outputs"] == ["metrics.json", "out"]
    assert not run.get("unseen"), "its processes were seen to write all of it"


def test_rerun_in_container_gets_only_files_that_were_read(project: Shell) -> None:
    datmo(project, "run", "--engine", "docker", "--", "python", "fit.py")
    done = datmo(project, "reproduce", "HEAD", "--engine", "docker", "--dir", "../rerun")
    assert "verdict: identical (1 metric, 2 outputs)" in done.stdout
    assert (project.cwd / "../rerun/data/used").exists()
    assert not (project.cwd / "../rerun/data/unused").exists()


def test_unobserved_program_makes_reads_and_outputs_incomplete(project: Shell) -> None:
    datmo(
        project,
        "run",
        "--engine",
        "docker",
        "--",
        "sh",
        "-c",
        "python fit.py && cat data/unused > copy.txt",
    )
    run = experiments(project)[0]["run"]
    assert run["read"]["complete"] is False
    assert run["outputs"] == ["copy.txt", "metrics.json", "out"]
    assert run["unseen"] == ["copy.txt"]
