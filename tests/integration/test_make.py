"""Test that a rerun of a Makefile project makes the targets that the run made, and no others."""

from __future__ import annotations

import os
import time

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

REPRODUCE = ("reproduce", "HEAD", "--engine", "host", "--trust", "--dir", "../rerun")

MAKEFILE = """\
all: out/model.txt
out/clean.txt: data/raw.txt clean.sh
\tmkdir -p out && sh clean.sh
out/model.txt: out/clean.txt fit.sh
\tsh fit.sh
"""


@pytest.fixture
def project(repo: Shell) -> Shell:
    """Return a project in two steps. Each step of the first writes something else whenever it
    runs."""
    repo.write("data/raw.txt", "3\n1\n2\n")
    datmo(repo, "add-data", "data")
    repo.write("Makefile", MAKEFILE)
    repo.write(
        "clean.sh", "echo cleaning; sort data/raw.txt > out/clean.txt; echo $$ >> out/clean.txt\n"
    )
    repo.write("fit.sh", "echo fitting; wc -l < out/clean.txt > out/model.txt\n")
    repo.git("add", ".")
    repo.git("commit", "-qm", "project")
    datmo(repo, "run", "--", "make")
    return repo


def change(repo: Shell, path: str, content: str, *, age: float) -> None:
    """Commit a file that is `age` seconds old."""
    repo.commit(path, content)
    then = time.time() - age
    os.utime(repo.cwd / path, (then, then))


def test_rerun_of_make_repeats_only_targets_that_the_run_made(project: Shell) -> None:
    change(project, "fit.sh", "echo fitting; wc -c < data/raw.txt > out/model.txt\n", age=-5)
    said = datmo(project, "run", "--", "make").stdout
    assert ("cleaning" in said, "fitting" in said) == (False, True)
    done = datmo(project, *REPRODUCE)
    assert ("cleaning" in done.stderr, "fitting" in done.stderr) == (False, True), done.stderr
    assert "verdict: identical (1 output)" in done.stdout
    same = (project.cwd / "out/clean.txt").read_text() == (
        project.cwd / "../rerun/out/clean.txt"
    ).read_text()
    assert same, "the first step would have written another number"


def test_rerun_of_make_without_work_does_no_work(project: Shell) -> None:
    said = datmo(project, "run", "--", "make").stdout
    assert "cleaning" not in said
    assert experiments(project)[0]["run"]["outputs"] == []
    done = datmo(project, "reproduce", "HEAD", "--engine", "host", "--trust", ok=False)
    assert "cleaning" not in done.stderr + done.stdout
    assert "fitting" not in done.stderr + done.stdout


def test_rerun_of_make_repeats_targets_with_equal_bytes(project: Shell) -> None:
    (project.cwd / "clean.sh").write_text("echo cleaning; sort data/raw.txt > out/clean.txt\n")
    project.git("commit", "-qam", "sorted alone")
    datmo(project, "run", "--", "make")
    later = time.time() + 5
    os.utime(project.cwd / "clean.sh", (later, later))
    said = datmo(project, "run", "--", "make").stdout
    assert "cleaning" in said
    assert experiments(project)[0]["run"]["outputs"] == ["out"]
    done = datmo(project, *REPRODUCE)
    assert "cleaning" in done.stderr
    assert "verdict: identical (1 output)" in done.stdout
