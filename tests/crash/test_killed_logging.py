"""Test that a value is recorded if its `log_metric` returned before all processes are killed.

Set DATMO_EVERY_STEP to kill at 100 moments instead of 2.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

from git_datmo.curves.curve_reader import read_header, read_points
from git_datmo.history.experiments import History
from git_datmo.repository.stored_curves import find_curve
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo
from tests.support.shell import Shell
from tests.support.sigkill import kill_when_grown

KILLS = 100 if os.environ.get("DATMO_EVERY_STEP") else 2
PROCESSES = 8
# Bytes of the lines that say which calls returned, at the latest kill.
MOST = 60_000

SCRIPT = f"""\
import os, sys
import git_datmo as datmo
number = 0
while number < {PROCESSES - 1} and os.fork():
    number += 1
fd = os.open(os.path.join(sys.argv[1], str(number)), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
step = 0
while True:
    value = number * 1_000_000 + step
    datmo.log_metric("loss", value, step)
    os.write(fd, b"%d\\n" % value)
    step += 1
"""


def returned(folder: Path) -> set[float]:
    """Return the values whose calls returned; the last line of a process may be cut."""
    texts = [path.read_text() for path in folder.iterdir()]
    return {float(line) for text in texts for line in text.rpartition("\n")[0].splitlines()}


def run_until_killed(repo: Shell, folder: Path, growth: int) -> None:
    """Run the script until `folder` has grown to a size, then kill the session of the command."""
    folder.mkdir()
    command = ["git-datmo", "run", "--", sys.executable, "train.py", str(folder)]
    assert kill_when_grown(repo, command, [folder], growth, alone=False)


def test_returned_calls_of_killed_processes_are_recorded(
    make_repo: Callable[..., Shell], tmp_path: Path
) -> None:
    repo = make_repo("repo")
    datmo(repo, "init")
    repo.commit("train.py", SCRIPT)
    chance = Random("kill")
    for number in range(KILLS):
        folder = tmp_path / f"returned{number}"
        run_until_killed(repo, folder, chance.randrange(500, MOST))
        # The next command that may write makes the record.
        datmo(repo, "commit", "-q", "--allow-empty", "-m", f"after kill {number}")
        found = recorded(repo, number + 1)
        lost = returned(folder) - set(found)
        assert not lost, f"kill {number} lost {len(lost)} values"
        assert len(found) == len(set(found)), f"kill {number} doubled values"


def recorded(repo: Shell, count: int) -> list[float]:
    """Return the values of the newest of `count` records, all of killed runs."""
    with open_workspace(repo.env, repo.cwd) as ws:
        found = list(History(ws).walk())
        assert [each.snapshot.run.ending for each in found if each.snapshot.run] == [
            "killed"
        ] * count
        read = find_curve(ws.store, found[0].snapshot, "loss")
        assert read is not None
        return list(read_points(read, read_header(read)).values)
