"""Test many commands at the same time, in one clone and against one remote."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.support.commands import picture
from tests.support.crash_scenes import begin, ben, one, write
from tests.support.crash_world import World, fsck, says_what_to_do
from tests.support.remote_check import missing_on
from tests.support.shell import Done, Shell

ROUNDS = 2
# How long they go on, once each has had its rounds.
SECONDS = float(os.environ.get("DATMO_AT_ONCE_SECONDS", "0"))
PEOPLE = 8 if SECONDS else 5


def at_once(commands: Sequence[tuple[Shell, Sequence[str]]]) -> list[Done]:
    """Run all commands at the same time, each in a process of its own."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(lambda one: one[0].run(*one[1], ok=False, timeout=240), commands))


def well_or_told(done: Done) -> bool:
    return done.returncode == 0 or says_what_to_do(done)


def test_commands_at_once_in_one_clone_lose_nothing(world: World) -> None:
    """Check that each addition is tracked and stored, and that each snapshot has payloads as they
    were added."""
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
    # The data that they left are whole: another clone restores a snapshot of them.
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


def share_again(shell: Shell, number: int) -> list[Done]:
    """Add data, make a snapshot and share it: half of the team on one commit, half on branches."""
    name = shell.cwd.name
    write(shell.cwd / "own" / f"{name}-{number}", f"{name} {number}" * 1000)
    commands = [("git", "datmo", "add-data", "own")]
    if on_one_commit(name):
        commands += [
            ("git", "datmo", "snapshot", "-m", f"{name} {number}"),
            ("git", "push", "-q", "origin", "main"),
        ]
    else:
        write(shell.cwd / "code.txt", f"{name} {number}")
        commands += [("git", "add", "code.txt"), ("git", "commit", "-q", "-m", f"{name} {number}")]
        commands += [("git", "push", "-q", "origin", name)]
    return [shell.run(*words, ok=False, timeout=240) for words in commands]


def on_one_commit(name: str) -> bool:
    return int(name[-1]) % 2 == 0


def work(shell: Shell, until: float) -> list[list[Done]]:
    """Do at least `ROUNDS` rounds, and more until the time `until`."""
    if not on_one_commit(shell.cwd.name):
        shell.git("checkout", "-q", "-b", shell.cwd.name)
    rounds: list[list[Done]] = []
    while len(rounds) < ROUNDS or time.monotonic() < until:
        rounds.append(share_again(shell, len(rounds)))
    return rounds


class Watch(threading.Thread):
    """Watch the remote, fetch and check out until stopped; collect the problems."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.stop = threading.Event()
        self.problems: list[str] = []
        self.looks = 0

    def run(self) -> None:
        shell = self._world.shell("ben")
        while not self.stop.is_set():
            self.problems += missing_on(self._world.hub)
            for words in (("git", "fetch", "-q"), ("git", "datmo", "checkout")):
                done = shell.run(*words, ok=False, timeout=240)
                if done.returncode:
                    self.problems.append(str(done))
            self.looks += 1


def test_clones_that_push_at_once_to_one_remote_lose_nothing(world: World) -> None:
    """Check that notes name only objects of the remote, and that every clone gets everything."""
    world.template("team", team)
    people = [world.shell(f"clone{number}") for number in range(PEOPLE)]
    until = time.monotonic() + SECONDS
    watch = Watch(world)
    watch.start()
    try:
        with ThreadPoolExecutor(PEOPLE) as pool:
            rounds = list(pool.map(lambda shell: work(shell, until), people))
    finally:
        watch.stop.set()
        watch.join()
    assert not watch.problems, "\n".join(watch.problems)
    assert watch.looks > 1
    for done in (done for each in rounds for said in each for done in said):
        assert done.returncode == 0, str(done)
    fsck(world.hub)
    assert not missing_on(world.hub)
    expected = {
        f"{shell.cwd.name} {turn}"
        for shell, each in zip(people, rounds, strict=True)
        for turn in range(len(each))
    }
    branches = [f"origin/{each.cwd.name}" for each in people if not on_one_commit(each.cwd.name)]
    for shell in people:
        shell.git("fetch", "-q")
        told = [
            json.loads(line)
            for line in shell.git(
                "datmo", "log", "--data", "--json", "main", *branches
            ).splitlines()
        ]
        lines = shell.git("log", "--format=%H %s", "main", *branches).splitlines()
        subjects = dict(line.split(" ", 1) for line in lines)
        assert {each["message"] or subjects[each["commit"]] for each in told} >= expected, (
            shell.cwd.name
        )
        fsck(shell)
    print(f"{len(expected)} shares, {watch.looks} looks")
