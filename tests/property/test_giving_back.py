"""Test two people who also free space, on both sides and in any order: only dropped data are
gone."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from tests.support.commands import STORE
from tests.support.shell import seal
from tests.support.two_clones import TwoClones, people


class GivingBack(TwoClones):
    """Remove dropped snapshots from `stored`."""

    @rule(who=people, choice=st.integers(0, 100))
    def drop(self, who: str, choice: int) -> None:
        person = self.people[who]
        known = [experiment["id"] for experiment in person.experiments()]
        if known:
            chosen = known[choice % len(known)]
            person.must("drop", chosen)
            self.stored.pop(chosen, None)

    @rule(who=people)
    def collect(self, who: str) -> None:
        person = self.people[who]
        person.must("gc")
        person.shell.git(*STORE, "fsck", "--strict", "--no-dangling", "--no-progress")

    @rule(who=people)
    def evict(self, who: str) -> None:
        person = self.people[who]
        before = person.status()
        person.must("evict", "--all")
        assert person.status() == before
        person.shell.git(*STORE, "fsck", "--strict", "--no-dangling", "--no-progress")

    @rule(who=people)
    def let_go(self, who: str) -> None:
        self.people[who].must("drop", "--remote")
        self.hub.git("gc", "-q", "--prune=now")
        self.hub.git("fsck", "--strict", "--no-dangling", "--no-progress")
        self.check_remote()


def test_clones_that_free_space_lose_only_dropped_data(two_clones: Path) -> None:
    GivingBack.top, GivingBack.env = two_clones, seal(two_clones / "home")
    deep = settings().max_examples > 500
    run_state_machine_as_test(
        GivingBack,
        settings=settings(
            max_examples=settings().max_examples // 20 if deep else 4,
            stateful_step_count=40 if deep else 16,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
