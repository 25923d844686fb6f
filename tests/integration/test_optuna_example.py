"""Test the example that searches parameters with Optuna."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

TOP = Path(__file__).parents[2]
EXAMPLE = TOP / "examples" / "optuna"


def test_search_tells_its_trials_and_goes_on_from_earlier_ones(repo: Shell) -> None:
    pytest.importorskip("optuna")
    for path in EXAMPLE.glob("*.*"):
        shutil.copy(path, repo.cwd)
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "search")
    first = repo.run(sys.executable, "search.py", "2").stdout.splitlines()
    assert first[0] == "earlier trials: 0"
    assert first[1].startswith("best of 2: ")
    again = repo.run(sys.executable, "search.py", "1").stdout.splitlines()
    assert again[0] == "earlier trials: 2"
    made = [each for each in experiments(repo) if each["run"]]
    best = max(each["metrics"]["score"] for each in made)
    assert again[1].startswith(f"best of 3: {best:.3f} with ")
    assert all(1 <= each["parameters"]["model.depth"] <= 8 for each in made)
    assert (repo.cwd / "params.json").read_bytes() == (EXAMPLE / "params.json").read_bytes()
    assert str(len(made)) in datmo(repo, "log", "--group-by", "commit").stdout


def test_page_shows_the_trial_as_the_example_runs_it() -> None:
    page = (TOP / "docs" / "howto" / "long-runs.md").read_text("utf-8")
    shown = page.partition("```python\n")[2].partition("```")[0]
    example = (EXAMPLE / "search.py").read_text("utf-8")
    assert shown.strip()
    assert all(f"    {line}\n" in example for line in shown.splitlines())
