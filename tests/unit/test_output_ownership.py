"""Test which files of git count as written by a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_datmo.runs.output_ownership import By, Owner
from git_datmo.runs.run_watch import Others


@pytest.mark.parametrize(
    ("name", "evidence"),
    [("results.csv", By.CHANGE), ("train.py", None), ("Makefile", None), ("gpu/Dockerfile", None)],
)
def test_source_that_changed_meanwhile_is_not_an_output(
    tmp_path: Path, name: str, evidence: By | None
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    owner = Owner(0, frozenset(), False, Others(frozenset(), False), frozenset())
    assert owner.of_git(os.fsencode(name), path.stat()) is evidence
    seen = Owner(0, frozenset([name.encode()]), False, Others(frozenset(), False), frozenset())
    assert seen.of_git(os.fsencode(name), path.stat()) is By.SEEN
