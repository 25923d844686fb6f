"""Folders in which the trackers log, and what is stored in them afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bounds import OURS
from benchmarks.contest import Box, CommandFailed
from benchmarks.tools.ours import Ours
from benchmarks.trackers.tracker import SETTINGS, Tracker
from git_datmo.curves.curve_reader import read_header, read_points
from git_datmo.errors import Damaged
from git_datmo.history.experiments import History
from git_datmo.readers.reader_registry import find_sources
from git_datmo.repository.stored_curves import find_curve
from git_datmo.repository.workspace import open_workspace

SCRIPT = "train.py"
# Seconds that a script may take, with a tool that uploads or converts at the end.
SCRIPT_LIMIT = 900


class Place:
    """Folder of one tracker, whose scripts run with the interpreter `python`."""

    def __init__(self, tracker: Tracker, python: str, folder: Path) -> None:
        self.tracker, self.python = tracker, python
        self.box = Box(folder)
        self.env = {
            **self.box.env,
            **SETTINGS,
            "TRACKIO_DIR": str(self.box.work / "trackio"),
        }

    def begin(self, script: str) -> None:
        """Make the working folder empty, but for the script."""
        shutil.rmtree(self.box.work)
        self.box.work.mkdir()
        (self.box.work / SCRIPT).write_text(script)

    def argv(self, *words: str) -> list[str]:
        """Return the command that runs the script with these arguments."""
        return [self.python, SCRIPT, *words]

    def run(self, *words: str) -> None:
        """Run the script to its end. Raises `CommandFailed` if it fails."""
        argv = self.argv(*words)
        try:
            done = subprocess.run(
                argv,
                cwd=self.box.work,
                env=self.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SCRIPT_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"it took more than {SCRIPT_LIMIT} s") from error
        if done.returncode:
            raise CommandFailed(done.stderr.decode("utf-8", "replace").strip()[-500:])

    def after_kill(self) -> None:
        """Do what a user has to do after a kill to get the values: nothing."""

    def stored(self) -> list[float]:
        """Return the stored values of the metric, in the order of the steps.

        A file that cannot be read has no values.
        """
        folder = self.box.work
        paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
        sources = {
            (kind.name, source): kind
            for path in paths
            for kind, source in find_sources(path.relative_to(folder).as_posix())
        }
        points = list[tuple[float, float]]()
        for (_, source), kind in sources.items():
            try:
                for run in kind.read(folder / source):
                    if series := run.series.get("loss"):
                        points += zip(series.steps, series.values, strict=True)
            except Damaged:
                continue
        return [value for _, value in sorted(points)]


class OurPlace(Place):
    """Repository with git-datmo. Its scripts run in `git datmo run`."""

    def __init__(self, tracker: Tracker, folder: Path) -> None:
        super().__init__(tracker, sys.executable, folder)
        Ours().start(self.box)

    def begin(self, script: str) -> None:
        """Commit the script, unless it is committed already."""
        path = self.box.work / SCRIPT
        if path.exists() and path.read_text() == script:
            return
        path.write_text(script)
        self.box.run("git", "add", SCRIPT)
        self.box.run("git", "commit", "-q", "-m", "script")

    def argv(self, *words: str) -> list[str]:
        return ["git-datmo", "run", "--", *super().argv(*words)]

    def after_kill(self) -> None:
        """Run the next command that may write, which records the killed run."""
        self.box.run("git", "datmo", "commit", "-q", "--allow-empty", "-m", "after a kill")

    def stored(self) -> list[float]:
        """Return the values of the newest experiment, in the order of the steps."""
        with open_workspace(self.box.env, self.box.work) as ws:
            newest = next(iter(History(ws).walk()), None)
            read = newest and find_curve(ws.store, newest.snapshot, "loss")
            if not read:
                return []
            points = read_points(read, read_header(read))
        return [value for _, value in sorted(zip(points.steps, points.values, strict=True))]


def make_places(trackers: Sequence[Tracker], peers: str, folder: Path) -> list[Place]:
    """Return a place for each tracker; `peers` is the interpreter of all but git-datmo."""
    return [
        OurPlace(tracker, folder / "ours")
        if tracker.name == OURS
        else Place(tracker, peers, folder / tracker.module)
        for tracker in trackers
    ]
