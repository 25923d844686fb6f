"""Test two people who change files of their own in one folder of data, with every git command that
moves HEAD.

Hooks are on or off, clocks differ, remotes move and are recreated. Nobody undoes what the other
recorded, and written files stay in the working tree until they are recorded.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.support.people import Person, make_template
from tests.support.remote_check import missing_on
from tests.support.shell import Shell, seal

NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
AHEAD = "import time; now = time.time; time.time = lambda: now() + 86400\n"

people = st.sampled_from(("alex", "ben"))
hooks = st.booleans()


class Followers(RuleBasedStateMachine):
    """Keep in `written` the last content of each person's files."""

    top: ClassVar[Path]
    env: ClassVar[dict[str, str]]

    @initialize(ahead=people)
    def begin(self, ahead: str) -> None:
        live = self.top / "live"
        shutil.rmtree(live, ignore_errors=True)
        shutil.copytree(self.top / "template", live, symlinks=True)
        (live / "ahead").mkdir()
        (live / "ahead" / "sitecustomize.py").write_text(AHEAD)
        self.hub = Shell(live / "hub.git", self.env)
        self.people = {name: Person(Shell(live / name, self.env), name) for name in ("alex", "ben")}
        late = self.people[ahead]
        late.shell = late.shell.having(PYTHONPATH=str(live / "ahead"))
        self.written: dict[str, dict[str, str]] = {"alex": {}, "ben": {}}
        self.hosts = 0
        self.times = 0
        self.edit("alex", 0)
        self.people["alex"].must("add-data", "data")
        self.commit("alex", hooks=True)
        self.push("alex")
        self.pull("ben", hooks=True, how="--no-rebase")
        self.people["ben"].must("checkout")
        self.edit("ben", 0)

    def git(self, who: str, *words: str, hooks: bool = True, ok: bool = True) -> str:
        return self.people[who].shell.run("git", *(() if hooks else NO_HOOKS), *words, ok=ok).stderr

    @rule(who=people, number=st.integers(0, 2))
    def edit(self, who: str, number: int) -> None:
        self.times += 1
        path = self.people[who].data / f"{who}{number}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{self.times}")
        self.written[who][path.name] = f"{self.times}"

    @rule(who=people, hooks=hooks)
    def commit(self, who: str, hooks: bool) -> None:
        self.times += 1
        (self.people[who].shell.cwd / f"code-{who}").write_text(f"{self.times}\n")
        self.git(who, "add", f"code-{who}")
        self.git(who, "commit", "-q", "-m", f"commit {self.times}", hooks=hooks)

    @rule(who=people)
    def snapshot(self, who: str) -> None:
        self.people[who].must("snapshot")

    @rule(who=people, hooks=hooks, how=st.sampled_from(("--no-rebase", "--rebase")))
    def pull(self, who: str, hooks: bool, how: str) -> None:
        self.git(who, "pull", "-q", how, "--no-edit", "origin", "main", hooks=hooks)

    @rule(who=people, hooks=hooks)
    def fetch_and_reset(self, who: str, hooks: bool) -> None:
        """Reset to the remote's commit as deploy scripts do, only where that loses no commit."""
        self.git(who, "fetch", "-q", "origin", hooks=hooks)
        if not self.people[who].shell.git("rev-list", "origin/main..HEAD"):
            self.git(who, "reset", "-q", "--hard", "origin/main", hooks=hooks)

    @rule(who=people, hooks=hooks)
    def amend(self, who: str, hooks: bool) -> None:
        if self.people[who].shell.git("rev-list", "--no-merges", "origin/main..HEAD"):
            self.git(who, "commit", "-q", "--amend", "--allow-empty", "--no-edit", hooks=hooks)

    @rule(who=people)
    def stash(self, who: str) -> None:
        (self.people[who].shell.cwd / f"code-{who}").write_text("stashed\n")
        self.git(who, "stash", "-q")
        self.git(who, "stash", "pop", "-q")
        self.git(who, "checkout", "-q", "--", f"code-{who}")

    @rule(who=people)
    def push(self, who: str) -> None:
        self.git(who, "push", "-q", "origin", "HEAD:main", ok=False)
        assert not missing_on(self.hub)

    @rule()
    def move_host(self) -> None:
        """Move the team to another host, which has only the branches."""
        self.hosts += 1
        moved = self.hub.cwd.with_name(f"moved{self.hosts}.git")
        self.hub.git("clone", "-q", "--bare", ".", str(moved))
        self.hub = Shell(moved, self.env)
        for person in self.people.values():
            person.shell.git("remote", "set-url", "origin", str(moved))

    @rule()
    def meet(self) -> None:
        """Record everything and share it in both directions; check that all clones have the last
        contents."""
        for name in ("alex", "ben", "alex"):
            self.git(name, "pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
            self.people[name].must("pull")
            self.git(name, "commit", "-q", "--allow-empty", "-m", "all of it")
            self.git(name, "push", "-q", "origin", "HEAD:main")
        self.people["ben"].shell.git("pull", "-q", "origin", "main")
        assert not missing_on(self.hub)
        everything = self.written["alex"] | self.written["ben"]
        fresh = self.top / "live" / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        self.hub.at("..").git("clone", "-q", f"datmo::{self.hub.cwd}", "fresh")
        stranger = Person(Shell(fresh, self.env), "stranger")
        stranger.must("checkout")
        for person in (*self.people.values(), stranger):
            assert {path.name: path.read_text() for path in person.data.iterdir()} == everything, (
                person.name
            )
            assert not person.status()["differs"]

    @invariant()
    def keep_what_was_written(self) -> None:
        for name, files in getattr(self, "written", {}).items():
            for path, text in files.items():
                assert (self.people[name].data / path).read_text() == text, (
                    f"{name}'s {path} is lost"
                )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("followers")
    make_template(top, seal(top / "home"))
    return top


def test_commands_keep_what_other_clones_recorded(place: Path) -> None:
    Followers.top, Followers.env = place, seal(place / "home")
    deep = settings().max_examples > 500
    run_state_machine_as_test(
        Followers,
        settings=settings(
            max_examples=settings().max_examples // 40 if deep else 2,
            stateful_step_count=40 if deep else 10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
