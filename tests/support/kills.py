"""Kill commands at durable steps, and check the remaining state."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from tests.support.commands import Picture, picture
from tests.support.crash_scenes import Scene
from tests.support.crash_world import World, says_what_to_do

TEMPORARY = b".git-datmo-tmp-"


def set_up(world: World, scene: Scene) -> None:
    world.template(scene.make.__name__, scene.make)
    if scene.warm:
        world.run(scene.who, ["datmo", "add-data", *scene.warm])
    scene.before(world)


def finish(world: World, scene: Scene) -> None:
    """Run the killed command again, and follow its hint if it gives one."""
    if not scene.exact:
        world.now += 1  # a stopped clock would let two runs start at the same instant
    again = world.run(scene.who, scene.command, ok=False)
    if again.returncode:
        assert says_what_to_do(again), str(again)
        assert scene.then or scene.done in again.stderr, str(again)
    if scene.then:
        world.run(scene.who, scene.then)


THINNED = 1 if os.environ.get("DATMO_EVERY_STEP") else 5
# Steps at which git-datmo's own state, or the state that others see, changes.
WEIGHTY = ("tracking.", "statcache.", "underway.", "exclude.", "git-")


def choose(steps: list[str], every: int) -> list[int]:
    """Return the number of the first step of each kind, and of the last where there are many.

    Where another scene has the same kinds, keep only one of `every`, and three times as many of
    those that change state.
    """
    every *= THINNED
    numbers: dict[str, list[int]] = {}
    for number, step in enumerate(steps, 1):
        numbers.setdefault(step, []).append(number)
    some = sorted(
        {
            *(found[0] for found in numbers.values()),
            *(found[-1] for found in numbers.values() if len(found) > 3),
        }
    )
    weighty = [number for number in some if any(word in steps[number - 1] for word in WEIGHTY)]
    return sorted({*some[::every], *weighty[:: max(1, every // 3)]})


def files(shown: Picture) -> Picture:
    """Return a user's files, without temporary files of a killed checkout."""
    return {
        path: what for path, what in shown.items() if TEMPORARY not in path and what[0] != "folder"
    }


def check_files(before: Picture, after: Picture, now: Picture) -> None:
    """Check that each file is complete, as before the command or as after it, and that none is
    lost."""
    for path, what in now.items():
        assert what in (before.get(path), after.get(path)), f"{path!r} is neither old nor new"
    for path in before.keys() & after.keys():
        assert path in now or any(
            other.startswith(path + b"/") or path.startswith(other + b"/") for other in now
        ), path


def stored_as(world: World, folder: Path) -> dict[str, Any]:
    """Return the object, size, files and form with which a new repository stores the payload at
    `folder`."""
    oracle = world.top / "oracle"
    if not oracle.exists():
        shell = world.shell("../oracle")
        oracle.mkdir()
        shell.git("init", "-q", ".")
        world.forge.run(["git-datmo", "init"], oracle, dict(shell.env))
    target = oracle / "payload"
    shutil.rmtree(target, ignore_errors=True)
    (shutil.copytree if folder.is_dir() else shutil.copy)(
        folder, target, **({"symlinks": True} if folder.is_dir() else {})
    )
    env = dict(world.shell("alex").env)
    done = world.forge.run(["git-datmo", "add-data", "payload", "--json"], oracle, env)
    assert done.returncode == 0, str(done)
    document = json.loads(done.stdout)
    world.forge.run(["git-datmo", "rm", "payload"], oracle, env)
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    return {key: document[key] for key in ("object", "size", "files", "form")}


def check_next_snapshot(world: World, scene: Scene) -> None:
    """Check that a snapshot after the kill has the files that exist, or gives a hint."""
    kept = world.top / "kept"
    shutil.copytree(world.live / scene.who, kept, symlinks=True)
    done = world.run(scene.who, ["datmo", "snapshot", "-m", "went on"], ok=False)
    if done.returncode == 0:
        newest = json.loads(
            world.run(scene.who, ["datmo", "log", "--data", "--json", "-n", "1"]).stdout
        )
        for payload in newest["payloads"]:
            real = stored_as(world, world.live / scene.who / payload["path"])
            assert {key: payload[key] for key in real} == real, (
                f"the snapshot has not what {payload['path']} holds"
            )
    else:
        assert says_what_to_do(done), str(done)
    shutil.rmtree(world.live / scene.who)
    kept.rename(world.live / scene.who)


def kill_and_finish(
    world: World, scene: Scene, step: int, whole: dict[str, Any], *, goes_on: bool
) -> None:
    """Kill at a step, check the state right after it, and finish. `goes_on` also makes a
    snapshot first."""
    set_up(world, scene)
    before = files(picture(world.live / scene.who))
    done = world.run(scene.who, scene.command, die_at=step, ok=False)
    if len(world.steps()) < step and not scene.exact:
        # How long a run took is told in a few bytes more or less, and so may be in an object more
        # or less.
        return
    assert len(world.steps()) >= step, "the process was to die"
    assert done.returncode != 0 or scene.then, str(done)
    check_files(before, files(whole[scene.who]["tree"]), files(picture(world.live / scene.who)))
    world.check_sound(scene.who)
    world.check_readers(scene.who)
    if goes_on:
        check_next_snapshot(world, scene)
    finish(world, scene)
    world.check_runs(scene.who)
    again = world.portrait(scene.who, exact=scene.exact)
    for name, found in again.items():
        for part, value in found.items():
            assert value == whole[name][part], f"{name}'s {part} is another than without a kill"
