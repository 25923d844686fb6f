"""Test what `explain` counts as data: no output that an earlier run left, unless the run read
it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.shell import Shell

HERE = ("--engine", "host", "--trust")
PROGRAM = """\
import json, os
FACTOR, GO_ON = {factor}, {go_on}
before = int(open("model.txt").read()) if GO_ON and os.path.exists("model.txt") else 0
total = before + FACTOR * len(open("data").read())
open("model.txt", "w").write(str(total))
open("metrics.json", "w").write(json.dumps(dict(total=total)))
"""


@pytest.fixture
def project(repo: Shell) -> Shell:
    repo.write("data", "12345")
    datmo(repo, "add-data", "data")
    return repo


def run(repo: Shell, factor: int, *, go_on: bool) -> tuple[str, int]:
    """Run a program that writes a model where one may exist already; return the id and the
    metric."""
    repo.write("fit.py", PROGRAM.format(factor=factor, go_on=go_on))
    repo.git("add", "fit.py")
    repo.git("commit", "-q", "--allow-empty", "-m", f"factor {factor}")
    datmo(repo, "run", "--", "python", "fit.py")
    found = experiments(repo)[0]
    return str(found["id"]), int(found["metrics"]["total"])


def explain(repo: Shell, one: str, other: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(datmo(repo, "explain", one, other, *HERE, "--json").stdout)
    return found


def test_outputs_of_an_earlier_run_are_no_data(project: Shell) -> None:
    one, _ = run(project, 1, go_on=False)
    other, total = run(project, 3, go_on=False)
    inputs = [payload["path"] for payload in experiments(project)[0]["run"]["inputs"]]
    assert inputs == ["data", "metrics.json", "model.txt"]
    found = explain(project, one, other)
    assert found["parts"] == ["code"]
    assert found["metrics"]["total"]["due_to"] == {"code": total - 5}


def test_earlier_output_that_run_reads_counts_as_data(project: Shell) -> None:
    one, first = run(project, 1, go_on=True)
    other, second = run(project, 1, go_on=True)
    assert (first, second) == (5, 10)
    found = explain(project, one, other)
    assert found["parts"] == ["data"]
    assert found["metrics"]["total"]["due_to"] == {"data": 5}


def test_runs_that_differ_in_nothing_but_what_was_left_are_not_explained(project: Shell) -> None:
    one, _ = run(project, 1, go_on=False)
    datmo(project, "run", "--", "python", "fit.py")
    refused(
        project,
        "explain",
        one,
        str(experiments(project)[0]["id"]),
        *HERE,
        says=("nothing to explain",),
    )
