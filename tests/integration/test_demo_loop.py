"""Test that two people close the loop, by the facts that the demo's commands leave in its folder."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from git_datmo.process_endings import await_end
from tests.support.commands import experiments, refused
from tests.support.shell import Shell

PREDICTION, REFUSAL = "git-datmo.prediction", "git-datmo.refusal"
# Plays a demo of two commands, the first in the background.
PLAY = """\
import os, signal, sys
from pathlib import Path
from git_datmo.cli.console import Console
from git_datmo.cli.demo_stage import open_stage
from git_datmo.cli.main import _end
signal.signal(signal.SIGTERM, _end)
console = Console(dict(os.environ), Path(), sys.stdout, sys.stderr)
with open_stage(console, "", keep=False) as stage:
    alex = stage.person("Alex")
    with alex.running(stage.base, "sleep 1000"):
        alex.run(stage.base, "sleep 2000")
"""


def test_loop_learns_from_feedback_and_deploys_by_a_push(shell: Callable[..., Shell]) -> None:
    top = shell("top")
    top.run("git-datmo", "demo", "--loop", "two people", timeout=280)
    alex, ignacio = top.at("two people/alex"), top.at("two people/ignacio")
    new, old = (each for each in experiments(alex) if each["run"])

    # The new model learned from requests to the old one, and from the prices of the sales.
    assert old["feedback"] == []
    assert [each["path"] for each in new["feedback"]] == ["data/feedback.csv"]
    rows = list(csv.DictReader((alex.cwd / "data/feedback.csv").open()))
    assert {row["prediction"][:10] for row in rows} == {old["id"][:10]}
    assert len([row["price"] for row in rows if row["price"]]) == 6

    # The server refused the flat without an area, and answered with both models.
    events = [event for event in logged(ignacio.cwd / "events") if "outcome" not in event["data"]]
    models = [event["source"].removeprefix("/datmo/snapshots/") for event in events]
    assert models == [old["id"]] * 7 + [new["id"]] * 7
    rules = [event["data"]["violations"][0]["rule"] for event in events if event["type"] == REFUSAL]
    assert rules == ["minimum", "minimum"]
    # The new answers are nearer to the prices of the sales.
    flats = alex.cwd / "flats.csv"
    before, after = errors(events, flats, old), errors(events, flats, new)
    assert len(before) == len(after) == 6
    assert sum(after) < sum(before) / 2
    assert processes_in(top.cwd) == []
    refused(top, "demo", "--loop", "two people", code=129, says=("not empty", "new folder"))


def test_interrupted_demo_leaves_no_process_and_no_folder(
    tmp_path: Path, sealed: dict[str, str]
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", PLAY], env={**sealed, "TMPDIR": str(base)}, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        while b"sleep 2000" not in child.stdout.readline():
            pass
        child.terminate()
        assert child.wait(60) == 128 + signal.SIGTERM
    assert processes_in(base) == []
    assert list(base.iterdir()) == []


def test_killed_demo_leaves_no_process(tmp_path: Path, sealed: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PLAY],
        env={**sealed, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        while b"sleep 2000" not in child.stdout.readline():
            pass
        while len([pid for pid in pids_in(tmp_path) if is_tied(pid)]) < 2:
            pass
        child.kill()
    for pid in pids_in(tmp_path):
        await_end([pid], 60)
    assert processes_in(tmp_path) == []


def logged(folder: Path) -> list[dict[str, Any]]:
    """Return the events of a log in the order of their times."""
    events = [event for path in folder.glob("*.jsonl") for event in json_lines(path.read_text())]
    return sorted(events, key=lambda event: str(event["time"]))


def errors(events: list[dict[str, Any]], flats: Path, snapshot: dict[str, Any]) -> list[float]:
    """Return the distances of a model's predictions from the prices of the sales."""
    rows = list(csv.DictReader(flats.open()))
    sold = {(row["city"], float(row["area"])): float(row["price"]) for row in rows}
    data = [
        event["data"]
        for event in events
        if event["type"] == PREDICTION and event["source"].endswith(snapshot["id"])
    ]
    return [
        abs(
            each["outputs"]["price"][0] - sold[each["inputs"]["city"][0], each["inputs"]["area"][0]]
        )
        for each in data
    ]


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def processes_in(folder: Path) -> list[str]:
    """Return the processes whose working directory is in a folder."""
    found = []
    for pid in pids_in(folder):
        with suppress(OSError):
            found.append(Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace"))
    return found


def is_tied(pid: int) -> bool:
    """Return True if the kernel sends a process a signal when a descriptor changes (O_ASYNC)."""
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
            flags = next(line for line in entry.read_text().splitlines() if "flags:" in line)
            if int(flags.split()[1], 8) & 0o20000:
                return True
    return False


def pids_in(folder: Path) -> list[int]:
    """Return the ids of the processes whose working directory is in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(folder):
                found.append(int(entry.name))
    return found
