"""Test `git datmo feedback collect`, killed at durable steps: no event is lost or doubled.

Set DATMO_EVERY_STEP to kill it at every step, which takes seven times as long.
"""

from __future__ import annotations

from collections import Counter

from git_datmo.history.experiments import History
from git_datmo.progress import QUIET
from git_datmo.repository.workspace import open_workspace
from git_datmo.serving.feedback_batches import batch_lines, find_batches
from tests.support.crash_scenes import Scene, two
from tests.support.crash_world import KILLED, World
from tests.support.feedback_events import outcome, prediction, refusal, write_events
from tests.support.kills import THINNED, set_up

COLLECT = ("datmo", "feedback", "collect", "--log", "events")


def served(world: World) -> None:
    """Write the log of two servers: each served one of two snapshots of Alex."""
    two(world)
    shell = world.shell("alex")
    for tag in ("one", "two"):
        snapshot = shell.git("notes", "--ref=datmo", "show", tag).split()[0]
        write_events(
            shell,
            f"server-{tag}",
            [
                prediction(snapshot, 1, {"a": [1]}, {"y": [2]}),
                refusal(snapshot, 2, "a", "maximum"),
                outcome(snapshot, 1, {"y": 3}),
            ],
        )


SCENE = Scene("feedback collect", served, COLLECT)


def logged(world: World) -> list[bytes]:
    """Return the lines of Alex's log."""
    paths = sorted((world.live / "alex" / "events").glob("*.jsonl"))
    return [line for path in paths for line in path.read_bytes().splitlines(keepends=True)]


def recorded(world: World) -> list[bytes]:
    """Return the lines of all batches in Alex's clone."""
    shell = world.shell("alex")
    with open_workspace(shell.env, shell.cwd) as ws:
        batches = find_batches(ws, History(ws))
        return [line for batch in batches for line in batch_lines(ws, batch, QUIET)]


def go_on_serving(world: World) -> None:
    """Append an event to the newest file of the log, as a server does at any time."""
    path = max((world.live / "alex" / "events").glob("*.jsonl"))
    line = path.read_bytes().splitlines(keepends=True)[0]
    with path.open("ab") as file:
        file.write(line.replace(b"000000000001", b"000000000009"))


def chosen(steps: list[str]) -> list[int]:
    """Return the numbers of the steps before which a kill changes the next collection.

    Objects are written many times, and no ref names them before the end of that.
    """
    if THINNED == 1:
        return [*range(1, len(steps) + 1)]
    own = [step for step in steps if "collect" in step or "written_records" in step]
    last = max(number for number, step in enumerate(steps, 1) if "write_loose" in step)
    return sorted({*(steps.index(step) + 1 for step in own), last})


def check_kill(world: World, step: int) -> None:
    """Kill a collector at a step, let the server go on, and collect until all is collected."""
    set_up(world, SCENE)
    done = world.run(SCENE.who, COLLECT, die_at=step, ok=False)
    assert done.returncode == KILLED, str(done)
    world.check_sound(SCENE.who)
    before = Counter(recorded(world))
    assert before <= Counter(logged(world))
    go_on_serving(world)
    world.now += 1
    while "no new events" not in world.run(SCENE.who, COLLECT).stderr:
        world.now += 1
    world.check_sound(SCENE.who)
    assert Counter(recorded(world)) == Counter(logged(world))


def test_killed_collector_neither_loses_nor_doubles_an_event(world: World) -> None:
    set_up(world, SCENE)
    world.run(SCENE.who, COLLECT, journal=True)
    steps = world.steps()
    problems = []
    for number in chosen(steps):
        try:
            check_kill(world, number)
        except AssertionError as error:
            problems.append(
                f"killed at step {number} of {len(steps)} ({steps[number - 1]}): {error}"
            )
    assert not problems, "\n\n".join(problems)
