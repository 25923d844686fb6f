"""Define the set-ups in which commands are killed, and the commands."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.support.crash_world import World

Command = Sequence[str]

TRAIN = """\
cat data/a > model.pkl
printf '{"words": %d}' "$(wc -w < data/a)" > metrics.json
mkdir -p plots && cp data/a plots/a.svg
echo trained
"""


def lay_first(data: Path) -> None:
    """Write files of every kind, and a large one."""
    for name, text in {
        "a": "one",
        "b": "one b",
        "sub/x": "x",
        "sub/deep/y": "y",
        "kind": "file",
        "kindred/f": "f",
    }.items():
        write(data / name, text)
    (data / "empty").mkdir()
    os.symlink("a", data / "link")
    write(data / "tool", "#!/bin/sh\n").chmod(0o755)
    write(data / "large", Random(1).randbytes(1_600_000))


def lay_second(data: Path) -> None:
    """Change, add and remove files of `lay_first`, with every change of kind."""
    write(data / "a", "one and two")
    (data / "b").unlink()
    shutil.rmtree(data / "sub")
    write(data / "sub", "a file now")
    (data / "kind").unlink()
    write(data / "kind" / "z", "in a folder now")
    shutil.rmtree(data / "kindred")
    os.symlink("tool", data / "kindred")
    (data / "empty").rmdir()
    (data / "bare").mkdir()
    (data / "link").unlink()
    write(data / "link", "a file now")
    (data / "tool").chmod(0o644)
    for number in range(3):
        write(data / "new" / str(number), f"new {number}")
    large = (data / "large").read_bytes()
    write(data / "large", large[:1000] + b"inserted" + large[1000:])


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def begin(world: World, *, way: str = "hook") -> None:
    """Make Alex's repository, set up, with a shared commit and data that are not added."""
    world.live.joinpath("hub.git").mkdir()
    world.hub.git("init", "-q", "--bare", ".")
    alex = world.live / "alex"
    alex.mkdir()
    shell = world.shell("alex")
    shell.git("init", "-q", ".")
    shell.commit("train.sh", TRAIN)
    shell.git("remote", "add", "origin", str(world.hub.cwd))
    shell.git("push", "-q", "-u", "origin", "main")
    if way != "none":
        world.run("alex", ["datmo", "init", *(["--helper"] if way == "helper" else [])])
    lay_first(alex / "data")
    write(alex / "base.pt", "first")


def one(world: World, *, way: str = "hook") -> None:
    """Share a snapshot of version 1."""
    begin(world, way=way)
    world.now += 1
    world.run("alex", ["datmo", "add-data", "data", "base.pt"])
    commit(world, "one")
    world.shell("alex").git("push", "-q", "origin", "main")


def two(world: World, *, way: str = "hook") -> None:
    """Make an unshared snapshot of version 2, without `base.pt` and with `extra`."""
    one(world, way=way)
    ben(world, way=way)
    lay_second(world.live / "alex" / "data")
    write(world.live / "alex" / "extra" / "e", "extra")
    world.run("alex", ["datmo", "rm", "base.pt"])
    (world.live / "alex" / "base.pt").unlink()
    world.run("alex", ["datmo", "add-data", "data", "extra"])
    commit(world, "two")


def ben(world: World, *, way: str = "hook") -> None:
    """Make Ben's clone, without data."""
    world.live.joinpath("ben").mkdir()
    url = str(world.hub.cwd)
    world.shell("ben").git("clone", "-q", f"datmo::{url}" if way == "helper" else url, ".")
    if way == "hook":
        world.run("ben", ["datmo", "init"])


def commit(world: World, message: str) -> None:
    world.now += 1
    shell = world.shell("alex")
    shell.commit("train.sh", TRAIN + f"# {message}\n", message)
    shell.git("tag", message)


def shared(world: World, *, way: str = "hook") -> None:
    """Share version 2; Ben still has no data."""
    two(world, way=way)
    world.shell("alex").git("push", "-q", "origin", "main", "one", "two")


def behind(world: World) -> None:
    """Share version 2; Ben has the data of version 1."""
    two(world)
    world.run("ben", ["datmo", "checkout"])
    world.shell("alex").git("push", "-q", "origin", "main", "one", "two")


def diverged(world: World) -> None:
    """Let Ben change and share data; Alex changed others, and has merged only the code."""
    one(world)
    ben(world)
    world.run("ben", ["datmo", "checkout"])
    data = world.live / "ben" / "data"
    write(data / "sub" / "x", "x by Ben")
    write(data / "ben" / "new", "Ben's")
    (data / "b").unlink()
    world.now += 1
    world.shell("ben").commit("ben.sh", "")
    world.shell("ben").git("push", "-q", "origin", "main")
    data = world.live / "alex" / "data"
    write(data / "a", "a by Alex")
    (data / "kindred" / "f").unlink()
    write(data / "alex", "Alex's")
    commit(world, "two")
    git = world.shell("alex").git
    git("fetch", "-q", "origin")
    git("-c", "core.hooksPath=/dev/null", "merge", "-q", "-m", "merge", "origin/main")


def helped(world: World) -> None:
    two(world, way="helper")


def linked(world: World) -> None:
    """Share version 1; Ben's repository knows only the remote, by the helper's URL."""
    one(world)
    world.live.joinpath("ben").mkdir()
    git = world.shell("ben").git
    git("init", "-q", ".")
    git("remote", "add", "origin", f"datmo::{world.hub.cwd}")


def bare(world: World) -> None:
    """Make a repository without set-up, with a hook of the user's own."""
    begin(world, way="none")
    write(world.live / "alex/.git/hooks/pre-push", "#!/bin/sh\nexit 0\n").chmod(0o755)


def hooked(world: World) -> None:
    """Set up with the helper after another tool set a folder of hooks, with a hook from before."""
    bare(world)
    world.shell("alex").git("config", "core.hooksPath", "hooks")
    world.run("alex", ["datmo", "init", "--helper"])


def nothing(_: World) -> None:
    """Start the command from the set-up as it is."""


def edit(world: World) -> None:
    lay_second(world.live / "alex" / "data")


def add_own_files(world: World) -> None:
    write(world.live / "alex" / "data" / "mine", "nobody else's")
    write(world.live / "alex" / "train.sh", "edited, not committed")


def move_the_code(world: World) -> None:
    git = world.shell("ben").git
    git("fetch", "-q", "origin", "main")
    git("-c", "core.hooksPath=/dev/null", "merge", "-q", "--ff-only", "origin/main")


@dataclass(frozen=True)
class Scene:
    """Hold a command, its set-up and its user. `warm` are payloads whose stat cache the copy made
    stale.

    `then` is what a user runs after a killed and repeated command, since git does not run its hooks
    twice. `done` is the message of a command that had finished all work before it was killed.
    `reads` are payloads that the command stores or checks out; a snapshot after the kill must have
    their content. `exact` is true if the whole record is equal in every run. `every` thins out
    steps that other scenes have too.
    """

    name: str
    make: Callable[[World], None]
    command: Command
    who: str = "alex"
    warm: tuple[str, ...] = ()
    before: Callable[[World], None] = nothing
    then: Command = ()
    done: str = "never said"
    reads: tuple[str, ...] = ()
    exact: bool = True
    every: int = 1


ONE, TWO = ("data", "base.pt"), ("data", "extra")
PART = ("data/large", "data/sub")

# A remote's URL and its helper are two lines of git's configuration; between them the hooks share.
ROUTE = ("git", "config", "remote.origin.vcs", "datmo")
BY_GIT = ("datmo", "checkout")

SCENES = (
    Scene("init", bare, ("datmo", "init")),
    Scene("init with the helper", bare, ("datmo", "init", "--helper"), every=3),
    Scene("init removed", hooked, ("datmo", "init", "--remove"), every=2),
    Scene("first add", begin, ("datmo", "add-data", *ONE), reads=ONE),
    Scene("second add", one, ("datmo", "add-data", "data"), warm=ONE, before=edit, reads=("data",)),
    Scene(
        "snapshot",
        one,
        ("datmo", "snapshot", "-m", "asked"),
        warm=ONE,
        before=edit,
        reads=ONE,
        every=2,
    ),
    Scene(
        "run",
        one,
        ("datmo", "run", "--", "sh", "train.sh"),
        warm=ONE,
        before=edit,
        reads=ONE,
        exact=False,
        every=3,
    ),
    Scene("first checkout", shared, ("datmo", "checkout"), who="ben", every=2),
    Scene("rm", one, ("datmo", "rm", "data"), warm=ONE, done="'data' is not a payload"),
    Scene("older version", shared, ("datmo", "checkout", "one"), warm=TWO, reads=ONE, every=2),
    Scene(
        "older payload",
        shared,
        ("datmo", "checkout", "one", "--", "data"),
        warm=TWO,
        reads=("data",),
        every=9,
    ),
    Scene(
        "older part",
        shared,
        ("datmo", "checkout", "one", "--", *PART),
        warm=TWO,
        reads=("data",),
        every=4,
    ),
    Scene("git checkout", shared, ("git", "checkout", "-q", "one"), warm=TWO, then=BY_GIT, every=9),
    Scene("git pull", behind, ("git", "pull", "-q"), who="ben", warm=ONE, then=BY_GIT, every=9),
    Scene("pull", behind, ("datmo", "pull"), who="ben", warm=ONE, before=move_the_code, every=9),
    Scene("first fetch", linked, ("git", "fetch", "-q"), who="ben"),
    Scene("push", two, ("datmo", "push")),
    Scene("push by the hook", two, ("git", "push", "-q", "origin", "main"), every=2),
    Scene("push by the helper", helped, ("git", "push", "-q", "origin", "main"), every=2),
    Scene(
        "merge of payloads", diverged, ("datmo", "pull"), then=BY_GIT, warm=ONE, reads=ONE, every=3
    ),
    Scene("fetch", behind, ("datmo", "fetch"), who="ben"),
)
