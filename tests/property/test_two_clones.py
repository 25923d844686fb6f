"""Test two people, their clones and one remote, in any order of events: no data are lost, and the
remote is complete.

Git, its hooks and the helper are real. `git datmo` runs in this process, which is equal and faster.
"""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from tests.support.shell import seal
from tests.support.two_clones import TwoClones


def test_clones_in_any_order_of_events_lose_nothing(two_clones: Path) -> None:
    TwoClones.top, TwoClones.env = two_clones, seal(two_clones / "home")
    # A step is many processes, so the number of examples is a few hundredths of the profile's.
    deep = settings().max_examples > 500
    run_state_machine_as_test(
        TwoClones,
        settings=settings(
            max_examples=settings().max_examples // 20 if deep else 4,
            stateful_step_count=40 if deep else 14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
