"""Test commands that free space, killed at every kind of durable step: needed data stay
available."""

from __future__ import annotations

import pytest

from tests.support.commands import STORE, objects, picture
from tests.support.crash_scenes import Scene
from tests.support.crash_scenes_space import REPAIR, SCENES, first, shared
from tests.support.crash_world import World
from tests.support.kills import choose, kill_and_finish, set_up


def check_can_be_had(world: World) -> None:
    """Check that each side gets the remaining snapshot of 'two' after the remote collected its
    garbage."""
    world.hub.git("gc", "-q", "--prune=now")
    for who in ("alex", "ben"):
        world.shell(who).git("fetch", "-q", "--tags", "origin")
        world.run(who, ["datmo", "checkout", "--force", "two"])
    assert picture(world.live / "alex" / "data") == picture(world.live / "ben" / "data")


def held(world: World, who: str) -> tuple[set[str], str]:
    """Return the objects of a store other than commits, and the epochs of the remote."""
    stored = {
        oid for oid, (kind, _) in objects(world.shell(who), *STORE).items() if kind != "commit"
    }
    return stored, world.hub.git("for-each-ref", "--format=%(refname)", "refs/datmo/keep")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name.replace(" ", "-"))
def test_killed_command_that_frees_space_loses_nothing_needed(world: World, scene: Scene) -> None:
    set_up(world, scene)
    world.run(scene.who, scene.command, journal=True)
    steps = world.steps()
    whole = world.portrait(scene.who)
    left = held(world, scene.who)
    check_can_be_had(world)
    problems = []
    for step in choose(steps, scene.every):
        try:
            kill_and_finish(world, scene, step, whole, goes_on=False)
            assert held(world, scene.who) == left, "something is left over, or gone"
            check_can_be_had(world)
        except AssertionError as error:
            problems.append(f"killed at step {step} of {len(steps)} ({steps[step - 1]}): {error}")
    assert not problems, "\n\n".join(problems)


def test_killed_repair_is_finished_by_the_next(world: World) -> None:
    """Check the store after the repair only. It is damaged before the kill and right after it."""
    set_up(world, REPAIR)
    world.run(REPAIR.who, REPAIR.command, journal=True)
    steps = world.steps()
    left = held(world, REPAIR.who)
    problems = []
    for step in choose(steps, REPAIR.every):
        try:
            set_up(world, REPAIR)
            world.run(REPAIR.who, REPAIR.command, die_at=step, ok=False)
            assert len(world.steps()) >= step, "the process was to die"
            world.run(REPAIR.who, REPAIR.command)
            world.check_sound(REPAIR.who)
            assert held(world, REPAIR.who) == left, "something is left over, or gone"
            check_can_be_had(world)
        except AssertionError as error:
            problems.append(f"killed at step {step} of {len(steps)} ({steps[step - 1]}): {error}")
    assert not problems, "\n\n".join(problems)


def test_redaction_that_is_killed_is_finished_by_the_next(world: World) -> None:
    """Kill it between the local histories and those of the remote, too."""
    world.template(shared.__name__, shared)
    redacted = first(world)
    scene = Scene("redact", shared, ("datmo", "drop", "--redact", redacted))
    world.run("alex", scene.command, journal=True)
    steps = world.steps()
    whole = world.portrait("alex")
    problems = []
    for step in choose(steps, scene.every):
        try:
            kill_and_finish(world, scene, step, whole, goes_on=False)
            listed = world.hub.git("rev-list", "--objects", "--all").splitlines()
            reached = {line.split()[0] for line in listed}
            assert redacted not in reached, "the remote has the text"
            check_can_be_had(world)
        except AssertionError as error:
            problems.append(f"killed at step {step} of {len(steps)} ({steps[step - 1]}): {error}")
    assert not problems, "\n\n".join(problems)
