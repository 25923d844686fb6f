"""Kill processes that log at random moments, and count the returned calls that are lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.bounds import OURS, Bound
from benchmarks.contest import CommandFailed
from benchmarks.trackers.places import Place
from benchmarks.trackers.rows import FAILURES, Row, Spent, failed
from benchmarks.trackers.scripts import endless_script, first_value
from benchmarks.trackers.tracker import START_LIMIT

OUR_PROCESSES = 8
# The other tools lose the same at each kill, and take many seconds to start.
MOST_PEER_KILLS = 20
# The latest kill, in seconds after the first call returned.
LATEST = 2.0
# Seconds for a helper process that a tool started in a session of its own, and that survives.
SETTLING = 1.0
GLANCE = 0.002


@dataclass(slots=True)
class Toll:
    """Counts over all kills of one tool."""

    kills: int = 0
    returned: int = 0
    lost: int = 0
    failure: str = ""
    spent: Spent = field(default_factory=Spent)


def measure_kills(places: Sequence[Place], kills: int) -> Iterator[Row]:
    """Yield a row for each tool with the number of lost calls."""
    what = "returned calls lost to SIGKILL"
    chance = Random("kill")
    tolls = {place.tracker.name: Toll() for place in places}
    for number in range(kills):
        for place in places:
            toll = tolls[place.tracker.name]
            is_ours = place.tracker.name == OURS
            if toll.failure or (number >= MOST_PEER_KILLS and not is_ours):
                continue
            moment = chance.uniform(0, LATEST)
            try:
                toll.spent.during(_kill_once, place, moment, toll)
            except FAILURES as error:
                toll.failure = str(error)
    for place in places:
        name, toll = place.tracker.name, tolls[place.tracker.name]
        if toll.failure:
            yield failed(name, what, toll.failure, toll.spent)
        elif toll.kills:
            yield _row(name, what, toll)


def _row(name: str, what: str, toll: Toll) -> Row:
    processes = f"{OUR_PROCESSES} processes" if name == OURS else "1 process"
    kills = "1 kill" if toll.kills == 1 else f"{toll.kills} kills"
    text = f"{toll.lost:,} of {toll.returned:,}; {kills} of {processes}"
    bound = Bound(what, "0" if name == OURS else "", text, toll.lost == 0)
    return Row(name, bound, toll.spent)


def _kill_once(place: Place, moment: float, toll: Toll) -> None:
    """Run the script, kill its session at a moment, and compare what returned with what is
    stored."""
    processes = OUR_PROCESSES if place.tracker.name == OURS else 1
    place.begin(endless_script(place.tracker, processes))
    marks = place.box.side / "returned"
    shutil.rmtree(marks, ignore_errors=True)
    marks.mkdir()
    _run_and_kill(place, marks, moment)
    place.after_kill()
    logged = {int(path.name): _returned(path) for path in marks.iterdir()}
    returned = {value for values in logged.values() for value in values}
    found = place.stored()
    # The last call of a process may have stored its value and not returned.
    unfinished = {first_value(number) + len(values) for number, values in logged.items()}
    strange = set(found) - returned - unfinished
    if strange or len(found) != len(set(found)):
        raise CommandFailed(f"{len(strange)} stored values were never logged, or some are doubled")
    toll.kills += 1
    toll.returned += len(returned)
    toll.lost += len(returned - set(found))


def _run_and_kill(place: Place, marks: Path, moment: float) -> None:
    child = subprocess.Popen(
        place.argv(str(marks)),
        cwd=place.box.work,
        env=place.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for_call(child, marks)
        time.sleep(moment)
        if child.poll() is not None:
            raise CommandFailed(f"it ended by itself with exit code {child.returncode}")
    finally:
        # The group exists until its first process is waited for.
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    time.sleep(SETTLING)


def _wait_for_call(child: subprocess.Popen[bytes], marks: Path) -> None:
    """Wait until a first call returned."""
    end = time.monotonic() + START_LIMIT
    while not any(path.stat().st_size for path in marks.iterdir()):
        if child.poll() is not None:
            raise CommandFailed(f"it ended by itself with exit code {child.returncode}")
        if time.monotonic() > end:
            raise CommandFailed(f"no call returned within {START_LIMIT} s")
        time.sleep(GLANCE)


def _returned(path: Path) -> list[float]:
    """Return the values whose calls returned; the last line may be cut."""
    return [float(line) for line in path.read_text().rpartition("\n")[0].splitlines()]
