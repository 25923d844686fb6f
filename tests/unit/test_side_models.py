"""Test the comparison of a shadow's answers, and the share and the time of a canary."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine

import pytest

from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest, tensor_of_json
from git_datmo.serving.prediction_attempts import HttpReply, ModelAttempt
from git_datmo.serving.recent_times import RecentTimes
from git_datmo.serving.served_model import ServedModel
from git_datmo.serving.side_models import Canary, SideModel, are_alike
from tests.support.idle_pool import IdlePool

NAN = float("nan")


def array(*values: float) -> NamedTensor:
    return tensor_of_json("y", "FP64", list(values))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ((1.0, NAN), (1.0 + 1e-9, NAN), True),
        ((1.0,), (1.001,), False),
        ((1.0,), (1.0, 1.0), False),
        ((1.0,) * 1001, (1.0 + 1e-9,) * 1001, False),
        ((1.0,) * 1001, (1.0,) * 1001, True),
    ],
)
def test_answers_are_alike_up_to_rounding(
    one: tuple[float, ...], other: tuple[float, ...], alike: bool
) -> None:
    assert are_alike((array(*one),), (array(*other),)) is alike
    assert not are_alike((array(*one),), ())


def make_canary(share: float = 1.0) -> Canary:
    model = ServedModel("a" * 40, "c" * 40, "adder", None, IdlePool())
    return Canary(SideModel("canary", model, print), share)


def test_share_of_canary_is_decided_by_the_id_alone() -> None:
    canary = make_canary(0.25)
    numbers = [uuid.UUID(int=(index << 96) | 7) for index in range(0, 1 << 32, 1 << 24)]
    taken = [number for number in numbers if canary.takes(number)]
    assert taken == numbers[:64]
    assert all(map(make_canary(1.0).takes, numbers))


def without_timers(test: Coroutine[object, object, None]) -> None:
    """Run a test while the clock of the loop stands still, so that no wait ever times out."""
    loop = asyncio.new_event_loop()
    loop.time = lambda: 0.0
    try:
        loop.run_until_complete(test)
    finally:
        loop.close()


class Answers:
    """Give attempts of a canary that end when the test says so."""

    def __init__(self, canary: Canary) -> None:
        self.canary = canary

    def begin(self) -> tuple[asyncio.Event, asyncio.Task[ModelAttempt]]:
        ends = asyncio.Event()

        async def attempt() -> ModelAttempt:
            await ends.wait()
            return ModelAttempt(self.canary.side.model, "id", HttpReply(b"", {}))

        return ends, self.canary.side.begin(attempt())

    async def finish(self, ends: asyncio.Event, task: asyncio.Task[ModelAttempt]) -> None:
        ends.set()
        await asyncio.wait({task})


def test_hanging_canary_is_not_waited_for() -> None:
    async def test() -> None:
        canary = make_canary()
        _, hanging = Answers(canary).begin()
        # In time would be 1 s, which never ends on this clock.
        assert await canary.answer_in_time(hanging, 1.0, 2.0) is None
        hanging.cancel()

    without_timers(test())


def test_main_answer_waits_for_canary_whose_last_one_was_in_time() -> None:
    async def test() -> None:
        canary = make_canary()
        answers = Answers(canary)
        ends, task = answers.begin()
        await answers.finish(ends, task)
        assert await canary.answer_in_time(task, 1.0, 2.0) is task.result()
        ends, task = answers.begin()
        waiting = asyncio.ensure_future(canary.answer_in_time(task, 1.0, 2.0))
        await asyncio.sleep(0)
        assert not waiting.done()
        ends.set()
        assert await waiting is task.result()
        # The main model took unusually long by itself, so there is no time left.
        ends, task = answers.begin()
        assert await canary.answer_in_time(task, 3.0, 2.0) is None
        await answers.finish(ends, task)

    without_timers(test())


def test_late_canary_is_waited_for_again_after_an_answer_in_time() -> None:
    async def test() -> None:
        now = 0.0
        loop = asyncio.get_running_loop()
        loop.time = lambda: now
        canary = make_canary()
        answers = Answers(canary)

        async def is_waited_for() -> bool:
            ends, task = answers.begin()
            waiting = asyncio.ensure_future(canary.answer_in_time(task, 1.0, 2.0))
            await asyncio.sleep(0)
            found = not waiting.done()
            await answers.finish(ends, task)
            await waiting
            return found

        ends, late = answers.begin()
        assert await canary.answer_in_time(late, 1.0, 2.0) is None
        now = 1.5
        await answers.finish(ends, late)
        assert not await is_waited_for()
        # That one ended within its second, though it was not waited for.
        assert await is_waited_for()

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(test())
    finally:
        loop.close()


def test_failure_of_canary_is_no_answer() -> None:
    async def test() -> None:
        canary = make_canary()

        async def fail() -> ModelAttempt:
            return ModelAttempt(canary.side.model, "id", error=RefusedRequest("gone", status=503))

        task = canary.side.begin(fail())
        await asyncio.wait({task})
        assert await canary.answer_in_time(task, 1.0, 2.0) is None

    without_timers(test())


def test_errors_of_a_canary_are_reported_every_ten_seconds() -> None:
    canary = make_canary()
    assert [canary.may_report(float(now)) for now in (1, 2, 10, 11, 20, 21)] == [
        *(True, False, False),
        *(True, False, True),
    ]


def test_longest_usual_time_leaves_out_the_slowest() -> None:
    times = RecentTimes()
    assert times.longest_usual == 0.0
    for seconds in (9.0, 9.0, *map(float, range(100))):
        times.note(seconds)
    assert times.longest_usual == 94.0
