"""Many commands at the same time, in one clone and against one remote: each ends well, or says in a line what to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.crash.remote_check import lacking
from tests.crash.scenes import begin, ben, one, write
from tests.crash.worlds import World, fsck, says_what_to_do
from tests.integration.team import picture
from tests.servers.shell import Done, Shell

PEOPLE = 6
ROUNDS = 2


def at_once(commands: Sequence[tuple[Shell, Sequence[str]]]) -> list[Done]:
    """Run all commands at the same time, each in a process of its own."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(lambda one: one[0].run(*one[1], ok=False, timeout=240), commands))


def well_or_told(done: Done) -> bool:
    return done.returncode == 0 or says_what_to_do(done)


def test_in_one_clone(world: World) -> None:
    """What was added is tracked and stored, every snapshot has payloads as somebody added them, nothing is lost."""
    world.template("one", one)
    world.now += 1
    alex = world.shell("alex")
    for number in range(3):
        write(alex.cwd / f"more{number}" / "file", f"more {number}" * 50_000)
    before = picture(alex.cwd)
    commands = [
        *(("git", "datmo", "add-data", f"more{number}") for number in range(3)),
        ("git", "datmo", "snapshot", "-m", "at once"),
        ("git", "datmo", "status"),
        ("git", "datmo", "checkout"),
    ]
    for done in at_once([(alex, command) for command in commands]):
        assert well_or_told(done), str(done)
        assert done.returncode == 0 or done.argv[2] == "checkout", str(done)
    assert picture(alex.cwd) == before
    world.check_sound("alex")
    states = json.loads(alex.git("datmo", "status", "--json"))["payloads"]
    assert {payload["path"]: payload["state"] for payload in states} == dict.fromkeys(
        ("base.pt", "data", "more0", "more1", "more2"), "unchanged"
    )
    # What they left is whole: a snapshot of it comes back elsewhere.
    world.now += 1
    alex = world.shell("alex")
    alex.git("datmo", "snapshot", "-m", "all")
    alex.git("push", "-q", "origin", "main")
    ben(world)
    world.run("ben", ["datmo", "checkout"])
    assert picture(world.live / "ben") == before


def team(world: World) -> None:
    begin(world)
    world.run("alex", ["datmo", "add-data", "data"])
    world.shell("alex").commit("first.txt", "first")
    world.shell("alex").git("push", "-q", "origin", "main")
    for number in range(PEOPLE):
        shell = world.shell(f"clone{number}")
        shell.cwd.mkdir()
        shell.git("clone", "-q", str(world.hub.cwd), ".")
        world.run(f"clone{number}", ["datmo", "init"])
    ben(world)


def work(shell: Shell) -> list[Done]:
    """What one of the team does: new data and a snapshot, shared, again and again; a branch for each."""
    name = shell.cwd.name
    said = [shell.run("git", "checkout", "-q", "-b", name, ok=False)]
    for number in range(ROUNDS):
        write(shell.cwd / "own" / f"{name}-{number}", f"{name} {number}" * 1000)
        write(shell.cwd / "code.txt", f"{name} {number}")
        commands = (
            ("git", "datmo", "add-data", "own"),
            ("git", "add", "code.txt"),
            ("git", "commit", "-q", "-m", f"{name} {number}"),
            ("git", "push", "-q", "origin", name),
        )
        said += [shell.run(*words, ok=False, timeout=240) for words in commands]
    return said


class Watch(threading.Thread):
    """Fetches, and looks at the remote, until it is told to stop; keeps what it finds wrong."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.stop = threading.Event()
        self.problems: list[str] = []
        self.looks = 0

    def run(self) -> None:
        shell = self._world.shell("ben")
        while not self.stop.is_set():
            self.problems += lacking(self._world.hub)
            done = shell.run("git", "fetch", "-q", ok=False)
            if done.returncode:
                self.problems.append(str(done))
            self.looks += 1


def test_many_clones_and_one_remote(world: World) -> None:
    """No note ever names what the remote lacks, and in the end everybody has everything."""
    world.template("team", team)
    people = [world.shell(f"clone{number}") for number in range(PEOPLE)]
    watch = Watch(world)
    watch.start()
    try:
        with ThreadPoolExecutor(PEOPLE) as pool:
            said = [done for each in pool.map(work, people) for done in each]
    finally:
        watch.stop.set()
        watch.join()
    assert not watch.problems, "\n".join(watch.problems)
    assert watch.looks > 1
    for done in said:
        assert done.returncode == 0, str(done)
    fsck(world.hub)
    assert not lacking(world.hub)
    expected = {f"clone{number} {turn}" for number in range(PEOPLE) for turn in range(ROUNDS)}
    for shell in people:
        shell.git("fetch", "-q")
        branches = [f"origin/{each.cwd.name}" for each in people]
        told = [json.loads(line) for line in shell.git("datmo", "log", "--json", *branches).splitlines()]
        assert {Path(payload["path"]).name for each in told for payload in each["payloads"]} >= {"own"}
        subjects = {shell.git("show", "-s", "--format=%s", each["commit"]) for each in told}
        assert subjects >= expected, shell.cwd.name
        fsck(shell)
