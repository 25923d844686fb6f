"""Test that two people who track, annotate and import at the same time lose nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.commands import datmo
from tests.support.pair import Pair
from tests.support.shell import Shell
from tests.support.tracker_files import mlflow_database, trackio_database

SCRIPT = """\
import sys
import git_datmo as datmo
for step in range(20):
    datmo.log_metric("loss", step + float(sys.argv[1]), step)
"""
ROUNDS = ("alex first", "ben first")


def work(shell: Shell, who: str, number: int, source: tuple[str, Path]) -> None:
    """Run, annotate, tag and import as one person."""
    datmo(shell, "run", "-m", f"{who} {number}", "--", sys.executable, "train.py", str(number))
    datmo(shell, "annotate", "HEAD~1", "--hypothesis", f"{who} thinks {number}")
    datmo(shell, "tag", "HEAD~1", f"{who}{number}")
    datmo(shell, "import", source[0], str(source[1]))


def at_once(*calls: Callable[[], object]) -> None:
    """Make calls in threads, and raise the error of one that fails."""
    with ThreadPoolExecutor() as pool:
        for made in [pool.submit(call) for call in calls]:
            made.result()


def share(order: str, alex: Shell, ben: Shell) -> None:
    """Push from both clones in an order, then pull into both."""
    people = [ben, alex] if order == "ben first" else [alex, ben]
    for each in people:
        datmo(each, "push")
    for each in people:
        datmo(each, "pull")


def portrait(shell: Shell, out: Path) -> dict[str, Any]:
    """Return all experiments of a clone by id, with annotations, tags and points of curves."""
    lines = datmo(shell, "log", "--all", "--json").stdout.splitlines()
    found = {document["id"]: document for document in map(json.loads, lines)}
    datmo(shell, "export", "json", str(out))
    for experiment in json.loads((out / "experiments.json").read_text()):
        found[experiment["id"]]["points"] = experiment["curves"]
    return found


def test_two_clones_that_track_at_once_lose_nothing(pair: Pair, tmp_path: Path) -> None:
    alex = pair.alex
    datmo(alex, "snapshot", "-m", "base")
    alex.commit("train.py", SCRIPT)
    alex.git("push", "-q")
    ben = pair.clone("ben")
    ben.git("config", "user.name", "Ben")
    sources: Sequence[tuple[str, Path]] = (
        ("mlflow", mlflow_database(tmp_path / "mlflow.db")),
        ("trackio", trackio_database(tmp_path / "trackio.db")),
    )
    for number, order in enumerate(ROUNDS):
        at_once(
            lambda number=number: work(alex, "alex", number, sources[number]),
            lambda number=number: work(ben, "ben", number, sources[number]),
        )
        share(order, alex, ben)
        here, there = (
            portrait(each, tmp_path / f"{each.cwd.name}{number}") for each in (alex, ben)
        )
        assert here == there, order
        messages = [each["message"] for each in here.values()]
        rounds = range(number + 1)
        expected = {f"{who} {each}" for who in ("alex", "ben") for each in rounds}
        assert {each for each in messages if each in expected} == expected, order
        (base,) = (each for each in here.values() if each["message"] == "base")
        assert set(base["tags"]) == {f"{who}{each}" for who in ("alex", "ben") for each in rounds}
        said = {each["message"] for each in base["annotations"]}
        assert said == {f"{who} thinks {each}" for who in ("alex", "ben") for each in rounds}
        runs = [each for each in here.values() if each["message"] in expected]
        assert all(len(each["points"]["loss"]["values"]) == 20 for each in runs)
        for tool in ("mlflow", "trackio")[: number + 1]:
            imported = [
                each
                for each in here.values()
                if any(t.startswith(f"{tool}:") for t in each["tags"])
            ]
            assert len(imported) == 1, tool
