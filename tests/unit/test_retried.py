"""Test that a push gives up after losing every race, and never while it makes progress."""

from __future__ import annotations

from typing import cast

import pytest

from git_datmo.git.remote_commands import Rejected, Remote
from git_datmo.remotes.remote_probe import ATTEMPTS, retried
from git_datmo.repository.workspace import Workspace

REMOTE = Remote("origin", "https://example.com/a.git")


class Race:
    """Lose `losses` races; each attempt brings something if it `progresses`."""

    def __init__(self, losses: int, *, progresses: bool) -> None:
        self.losses, self.progresses, self.made = losses, progresses, 0

    def step(self) -> str:
        if not self.losses:
            return "done"
        self.losses -= 1
        self.made += self.progresses
        raise Rejected("refs/datmo/records", "stale info", moved=True)


def run(race: Race, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("time.sleep", lambda _: None)
    return retried(cast("Workspace", None), REMOTE, race.step, made=lambda: race.made)


def test_push_that_makes_progress_never_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(Race(5 * ATTEMPTS, progresses=True), monkeypatch) == "done"


def test_push_that_loses_every_race_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Rejected, match="stale info"):
        run(Race(ATTEMPTS, progresses=False), monkeypatch)
