"""Test other commands after a killed checkout, and every way to finish or abandon it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import Picture, picture
from tests.support.crash_scenes import SCENES, Scene
from tests.support.crash_world import KILLED, World, says_what_to_do
from tests.support.kills import set_up
from tests.support.shell import Done

Way = tuple[str, ...]


def scene_of(name: str) -> Scene:
    return next(scene for scene in SCENES if scene.name == name)


def cut_off(world: World, name: str, step: str = "replace file_placer.") -> Path:
    """Kill a scene's command in the middle of its steps named `step`; return the clone's folder."""
    scene = scene_of(name)
    set_up(world, scene)
    world.run(scene.who, scene.command, journal=True)
    numbers = [number for number, taken in enumerate(world.steps(), 1) if taken.startswith(step)]
    set_up(world, scene)
    world.run(scene.who, scene.command, die_at=numbers[len(numbers) // 2], ok=False)
    return world.live / scene.who


def told_way(done: Done) -> Way:
    """Return the command that the hint of a refusal names."""
    assert says_what_to_do(done), str(done)
    words = done.stderr.partition("finish it with 'git ")[2].partition("'")[0].split()
    assert words[:2] == ["datmo", "checkout"], str(done)
    return tuple(words)


def version(world: World, tag: str) -> Picture:
    """Return the data of a tag, checked out in a clone of its own."""
    world.live.joinpath("other").mkdir()
    world.shell("other").git("clone", "-q", f"datmo::{world.hub.cwd}", ".")
    world.run("other", ["datmo", "checkout", tag])
    return picture(world.live / "other" / "data")


REFUSED = [
    ("datmo", "add-data", "data"),
    ("datmo", "snapshot"),
    ("datmo", "run", "--", "true"),
    ("datmo", "checkout", "--", "data/a"),
    # To another version than the one that was on its way.
    ("datmo", "checkout"),
    ("datmo", "pull"),
]


def test_commands_after_killed_checkout_say_how_to_finish_it(world: World) -> None:
    alex = cut_off(world, "older version")
    before = picture(alex)
    ways = {told_way(world.run("alex", command, ok=False)) for command in REFUSED}
    assert picture(alex) == before
    (way,) = ways
    world.run("alex", way)
    assert picture(alex / "data") == version(world, "one")
    world.run("alex", ["datmo", "checkout"])
    world.run("alex", ["datmo", "snapshot"])


def test_killed_checkout_is_abandoned_by_force(world: World) -> None:
    """Check that new files of the checkout go, old ones return, and untracked ones stay."""
    alex = cut_off(world, "older version")
    hint = world.run("alex", ["datmo", "snapshot"], ok=False).stderr
    way = hint.partition("or give it up with 'git ")[2].partition("'")[0].split()
    (alex / "data" / "mine").write_text("made after the kill")
    world.run("alex", way)
    (alex / "data" / "mine").unlink()
    assert picture(alex / "data") == version(world, "two")
    world.run("alex", ["datmo", "snapshot"])


def test_file_edited_after_killed_checkout_blocks_its_finish(world: World) -> None:
    alex = cut_off(world, "older version")
    (alex / "data" / "large").write_text("edited after the kill")
    way = told_way(world.run("alex", ["datmo", "snapshot"], ok=False))
    done = world.run("alex", way, ok=False)
    assert says_what_to_do(done), str(done)
    assert "data/large" in done.stderr
    assert "move them away" in done.stderr
    (alex / "data" / "large").rename(alex / "mine")
    world.run("alex", way)
    assert picture(alex / "data") == version(world, "one")
    assert (alex / "mine").read_text() == "edited after the kill"


@pytest.mark.parametrize("way", [("datmo", "checkout"), ("datmo", "pull")], ids="-".join)
def test_payload_with_own_edits_is_left_alone_by_finished_checkout(world: World, way: Way) -> None:
    """Check that edits of a payload, or a version without a snapshot, do not block the other
    payloads."""
    set_up(world, scene_of("pull"))
    ben = world.live / "ben"
    (ben / "base.pt").write_text("ben's own")
    world.run("ben", ["datmo", "add-model", "base.pt"])
    world.run("ben", ["datmo", "pull"], journal=True)
    numbers = [
        number
        for number, taken in enumerate(world.steps(), 1)
        if taken.startswith("replace file_placer.")
    ]
    set_up(world, scene_of("pull"))
    (ben / "base.pt").write_text("ben's own")
    world.run("ben", ["datmo", "add-model", "base.pt"])
    assert world.run("ben", ["datmo", "pull"], die_at=numbers[1], ok=False).returncode == KILLED
    world.run("ben", way)
    assert picture(ben / "data") == version(world, "two")
    assert (ben / "base.pt").read_text() == "ben's own"
    # Both have versions of it, so that is for a person to decide.
    world.run("ben", ["datmo", "add-data", "base.pt"])
    world.run("ben", ["datmo", "snapshot"])


def test_payload_at_path_of_removed_payload_ignores_its_stat_cache(
    world: World,
) -> None:
    alex = cut_off(world, "older version", "fsync stat_cache.")
    way = told_way(world.run("alex", ["datmo", "snapshot"], ok=False))
    world.run("alex", way)
    assert not (alex / "extra").exists()
    (alex / "extra").mkdir()
    (alex / "extra" / "another").write_text("another")
    world.run("alex", ["datmo", "add-data", "extra"])
    states = json.loads(world.run("alex", ["datmo", "status", "--json"]).stdout)["payloads"]
    assert {payload["path"]: payload["state"] for payload in states}["extra"] == "unchanged"
