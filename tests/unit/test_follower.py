"""Test the looks of a server at the branch that it follows, without a server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from git_datmo.errors import DatmoError
from git_datmo.serving.deploy_snapshot import MODEL, TRUST, OnStep
from git_datmo.serving.follower import Follower
from git_datmo.serving.front_state import Front
from git_datmo.serving.served_model import ServedModel
from tests.support.idle_pool import IdlePool


def model(snapshot: str) -> ServedModel:
    return ServedModel(snapshot, "c" * 40, "adder", None, IdlePool())


@dataclass
class Remote:
    """Hold the commit of the branch, and the outcome of the next deployment."""

    commit: str = "a" * 40
    step: str = MODEL
    error: str = ""
    unreachable: bool = False
    deployed: list[str] = field(default_factory=list)

    def fetch(self) -> str:
        if self.unreachable:
            raise DatmoError("no route")
        return self.commit

    def deploy(self, commit: str, served: ServedModel, on_step: OnStep) -> ServedModel | None:
        self.deployed.append(commit)
        on_step(self.step)
        if self.error:
            raise DatmoError(self.error)
        return None if served.snapshot == commit else model(commit)


def follower(remote: Remote, lines: list[str]) -> Follower:
    front = Front(model("a" * 40), 1, "", lines.append)
    return Follower(front, "origin/main", 1, remote.fetch, remote.deploy, remote.commit)


def test_refused_commit_is_reported_and_counted_once() -> None:
    remote, lines = Remote(), list[str]()
    subject = follower(remote, lines)

    async def look() -> None:
        await subject.look()
        remote.commit, remote.error = "b" * 40, "it fails"
        for _ in range(3):
            await subject.look()

    asyncio.run(look())
    (line,) = lines
    assert line == (
        "commit bbbbbbbbbb of 'origin/main' is refused (model): it fails;"
        " snapshot aaaaaaaaaa is served on"
    )
    assert subject.front.metrics.refused_snapshots == {("b" * 10, "model"): 1}
    assert remote.deployed == ["b" * 40]


def test_commit_without_trust_is_tried_until_it_is_approved() -> None:
    remote, lines = Remote(), list[str]()
    subject = follower(remote, lines)
    old = subject.front.model

    async def look() -> None:
        remote.commit, remote.step, remote.error = "b" * 40, TRUST, "not made here"
        await subject.look()
        await subject.look()
        remote.error = ""
        with old.held():
            await subject.look()
            assert subject.front.model.snapshot == "b" * 40
            # Nothing ends the drain while a request holds the old model.
            (drain,) = asyncio.all_tasks() - {asyncio.current_task()}
            done, _ = await asyncio.wait({drain}, timeout=0)
            assert not done
        await drain

    asyncio.run(look())
    assert [line.split(" (")[0].split(":")[0] for line in lines] == [
        "commit bbbbbbbbbb of 'origin/main' is refused",
        "now serving snapshot bbbbbbbbbb of 'origin/main'",
        "stopped snapshot aaaaaaaaaa",
    ]


def test_remote_that_is_away_is_reported_once_each_time() -> None:
    remote, lines = Remote(), list[str]()
    subject = follower(remote, lines)

    async def look() -> None:
        for unreachable in (True, True, False, True):
            remote.unreachable = unreachable
            await subject.look()

    asyncio.run(look())
    assert lines == ["'origin/main' cannot be fetched: no route"] * 2
    assert subject.front.metrics.failed_fetches == 3


def test_commit_of_the_served_snapshot_changes_nothing() -> None:
    remote, lines = Remote(), list[str]()
    subject = follower(remote, lines)
    subject.front.model = model("b" * 40)

    async def look() -> None:
        remote.commit = "b" * 40
        await subject.look()
        await subject.look()

    asyncio.run(look())
    assert lines == ["'origin/main' is commit bbbbbbbbbb, whose snapshot is served already"]
    assert subject.front.metrics.swaps == 0
