"""Kill all processes of a command while what it writes grows."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from shutil import rmtree

from tests.support.commands import picture
from tests.support.crash_scenes import begin, ben, commit, write
from tests.support.crash_world import KILLED, World
from tests.support.kills import check_files, files
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell

MIB = 1 << 20
SIZE = 48 * MIB
KILLS = 2
# Seconds between two looks at the size. A child that ends wakes the test at once.
GLANCE = 0.002


def laid(world: World) -> None:
    """Write many incompressible files of all sizes, without adding them."""
    begin(world)
    noise = Random(1)
    data = world.live / "alex" / "data"
    write(data / "large", noise.randbytes(SIZE // 2))
    for number in range(6):
        write(data / "middling" / str(number), noise.randbytes(SIZE // 16))
    for number in range(SIZE // 8 // (32 << 10)):
        write(data / "small" / str(number), noise.randbytes(32 << 10))


def stored(world: World) -> None:
    """Make an unshared snapshot of the files."""
    laid(world)
    world.now += 1
    world.run("alex", ["datmo", "add-data", "data", "base.pt"])
    commit(world, "one")


def offered(world: World) -> None:
    """Share the snapshot; Ben has a clone without data."""
    stored(world)
    world.shell("alex").git("push", "-q", "origin", "main")
    ben(world)


def fetched(world: World) -> None:
    """Fetch all objects into Ben's clone, without files."""
    offered(world)
    world.run("ben", ["datmo", "checkout"])
    rmtree(world.live / "ben" / "data")


def size_of(folders: Sequence[Path]) -> int:
    """Return the size of all files below, some of which may vanish during the count."""
    total = 0
    for folder in folders:
        for top, _, names in os.walk(folder):
            for name in names:
                try:
                    total += os.lstat(os.path.join(top, name)).st_size
                except FileNotFoundError:
                    continue
    return total


def kill_when_grown(
    shell: Shell, command: Sequence[str], watched: Sequence[Path], growth: int, *, alone: bool
) -> bool:
    """Run a command until `watched` has grown by `growth` bytes, then kill its session, or with
    `alone` its first process.

    Return whether the kill came before the end.
    """
    before = size_of(watched)
    child = subprocess.Popen(
        command,
        cwd=shell.cwd,
        env=shell.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    ended = os.pidfd_open(child.pid)
    try:
        while not select.select([ended], [], [], GLANCE)[0] and size_of(watched) - before < growth:
            pass
        (os.kill if alone else os.killpg)(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(ended)
    return child.wait() == KILLED


def moments(name: str) -> list[float]:
    return [Random(f"{name} {number}").uniform(0.03, 0.95) for number in range(KILLS)]


def kill_and_finish(
    world: World,
    make: Callable[[World], None],
    who: str,
    command: Sequence[str],
    watched: Sequence[str],
    whole: int,
    *,
    alone: bool = False,
) -> None:
    """Kill a command once at each moment of its growth to `whole` bytes, and run it again."""
    paths = [world.live / name for name in watched]
    world.template(make.__name__, make)
    before = files(picture(world.live / who))
    world.shell(who).run(*command)
    after = files(picture(world.live / who))
    portrait = world.portrait(who)
    bitten = 0
    for moment in moments(" ".join(command)):
        world.template(make.__name__, make)
        bitten += kill_when_grown(
            world.shell(who), command, paths, int(moment * whole), alone=alone
        )
        check_files(before, after, files(picture(world.live / who)))
        world.check_sound(who)
        world.check_readers(who)
        world.shell(who).run(*command)
        again = world.portrait(who)
        for name, found in again.items():
            for part, value in found.items():
                assert value == portrait[name][part], (
                    f"{name}'s {part} is another than without a kill at {moment}"
                )
    assert bitten, "no kill came before the end"


def check_killed_push(world: World, http_host: HttpHost, way: str) -> None:
    """Kill a push by a way, run it again, and get the data in another clone."""

    def make(world: World) -> None:
        stored(world)
        if way == "http":
            world.shell("alex").git("remote", "set-url", "origin", http_host.url(world.hub.cwd))

    make.__name__ = f"stored-{way}"
    kill_and_finish(world, make, "alex", ["git", "push", "-q", "origin", "main"], ["hub.git"], SIZE)
    ben(world)
    world.run("ben", ["datmo", "checkout"])
    assert picture(world.live / "ben" / "data") == picture(world.live / "alex" / "data")
    payloads = json.loads(world.run("ben", ["datmo", "status", "--json"]).stdout)["payloads"]
    assert {payload["state"] for payload in payloads} == {"unchanged"}
