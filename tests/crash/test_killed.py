"""Test every command, killed at every kind of durable step: a second run finishes, and nothing is
lost.

Set DATMO_EVERY_STEP to try five times as many steps, which takes five times as long.
"""

from __future__ import annotations

import pytest

from tests.support.crash_scenes import SCENES, Scene
from tests.support.crash_world import World
from tests.support.kills import choose, kill_and_finish, set_up


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name.replace(" ", "-"))
def test_killed_command_loses_nothing_and_can_run_again(world: World, scene: Scene) -> None:
    set_up(world, scene)
    world.run(scene.who, scene.command, journal=True)
    steps = world.steps()
    if scene.then:
        world.run(scene.who, scene.then)
    whole = world.portrait(scene.who, exact=scene.exact)
    problems = []
    for place, step in enumerate(choose(steps, scene.every)):
        try:
            kill_and_finish(world, scene, step, whole, goes_on=bool(scene.reads) and place % 4 == 2)
        except AssertionError as error:
            problems.append(f"killed at step {step} of {len(steps)} ({steps[step - 1]}): {error}")
    assert not problems, "\n\n".join(problems)
