"""Test two people who share through a host, a fork with only the branches, and a backup, with
killed commands.

Shallow and partial clones get the data of a full clone, or name missing data. No remote has a
record without its objects. Pushed data are in every later clone, and written files stay in the
writer's working tree.
"""

from __future__ import annotations

import re
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

from tests.support.crash_world import install_wrappers
from tests.support.people import Person, make_template
from tests.support.remote_check import missing_on
from tests.support.shell import Shell, seal

NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
REMOTES = {"origin": "hub.git", "fork": "fork.git", "backup": "backup.git"}
LESS = {"shallow": ("--depth=1",), "partial": ("--filter=blob:none",)}
KILLED = {
    "commit": ("commit", "-q", "--allow-empty", "-m", "killed"),
    "push": ("push", "-q", "origin", "HEAD:main"),
    "pull": ("pull", "-q", "--no-rebase", "--no-edit", "origin", "main"),
    "checkout": ("datmo", "checkout"),
    "snapshot": ("datmo", "snapshot"),
}
WAY = re.compile(r"A checkout was interrupted: 'git datmo (.*)' finishes it")

people = st.sampled_from(("alex", "ben"))
remotes = st.sampled_from(tuple(REMOTES))


class FarFollowers(RuleBasedStateMachine):
    """Keep in `written` the last content of each person's files, and in `shared` what the team's
    host got.

    The content of a file is a number that grows with each change.
    """

    top: ClassVar[Path]
    env: ClassVar[dict[str, str]]

    @initialize()
    def begin(self) -> None:
        self.live = self.top / "live"
        shutil.rmtree(self.live, ignore_errors=True)
        shutil.copytree(self.top / "template", self.live, symlinks=True)
        self.hub = Shell(self.live / "hub.git", self.env)
        self.hub.git("config", "uploadpack.allowFilter", "true")
        self.hub.git("clone", "-q", "--bare", ".", "../fork.git")
        self.hub.git("init", "-q", "--bare", "../backup.git")
        self.people = {
            name: Person(Shell(self.live / name, self.env), name) for name in ("alex", "ben")
        }
        for person in self.people.values():
            for remote in ("fork", "backup"):
                person.shell.git("remote", "add", remote, str(self.live / REMOTES[remote]))
        self.written: dict[str, dict[str, int]] = {"alex": {}, "ben": {}}
        self.shared: dict[str, int] = {}
        self.times = 0
        self.edit("alex", 0)
        self.people["alex"].must("add-data", "data")
        self.commit("alex", hooks=True)
        self.push("alex", "origin")
        self.pull("ben", "origin")
        self.people["ben"].must("checkout")
        self.edit("ben", 0)

    @rule(who=people, number=st.integers(0, 1))
    def edit(self, who: str, number: int) -> None:
        self.times += 1
        path = self.people[who].data / f"{who}{number}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{self.times}")
        self.written[who][path.name] = self.times

    @rule(who=people, hooks=st.booleans())
    def commit(self, who: str, hooks: bool) -> None:
        self.times += 1
        shell = self.people[who].shell
        (shell.cwd / f"code-{who}").write_text(f"{self.times}\n")
        shell.git("add", f"code-{who}")
        shell.git(*(() if hooks else NO_HOOKS), "commit", "-q", "-m", f"commit {self.times}")

    @rule(who=people, remote=remotes)
    def pull(self, who: str, remote: str) -> None:
        """Pull. Fail where the remote has no branch yet."""
        self.people[who].shell.git(
            "pull", "-q", "--no-rebase", "--no-edit", remote, "main", ok=False
        )

    @rule(who=people, remote=remotes)
    def push(self, who: str, remote: str) -> None:
        """Push. Fail where the remote has commits that are not in the clone."""
        person = self.people[who]
        done = person.shell.run("git", "push", "-q", remote, "HEAD:main", ok=False)
        self.assert_nothing_is_missing()
        if remote == "origin" and done.returncode == 0 and self.is_recorded(person):
            self.shared |= self.written[who]

    def is_recorded(self, person: Person) -> bool:
        status = person.status()
        states = {(payload["state"], payload["in_snapshot"]) for payload in status["payloads"]}
        return states == {("unchanged", True)} and not (status["differs"] or status["unshared"])

    @rule()
    def take_branch_of_fork(self) -> None:
        """Let the team's host take the fork's commits, if it has no others. No command brings their
        data."""
        self.hub.git("fetch", "-q", "../fork.git", "main:main", ok=False)

    @rule(who=people, command=st.sampled_from(tuple(KILLED)), at=st.integers(1, 12))
    def kill(self, who: str, command: str, at: int) -> None:
        """Kill the first command of ours that gets so far, and its like."""
        journal = self.live / "journal"
        journal.write_bytes(b"")
        shell = self.people[who].shell.having(DATMO_JOURNAL=str(journal), DATMO_DIE_AT=str(at))
        shell.run("git", *KILLED[command], ok=False)
        self.assert_nothing_is_missing()

    @rule(less=st.sampled_from(tuple(LESS)))
    def clone(self, less: str) -> None:
        code, said, whole = self.checked_out()
        less_code, less_said, part = self.checked_out(*LESS[less])
        if less_code == 0:
            assert code == 0, said
            assert part == whole
        else:
            assert code or (less == "shallow" and "--unshallow" in less_said), less_said
        if code == 0:
            assert all(int(whole[name]) >= times for name, times in self.shared.items()), (
                whole,
                self.shared,
            )

    def checked_out(self, *flags: str) -> tuple[int, str, dict[str, str]]:
        """Check out in a clone; return the exit code, output and files. A failure must have a
        hint."""
        shutil.rmtree(self.live / "fresh", ignore_errors=True)
        self.hub.at("..").git("clone", "-q", *flags, f"file://{self.hub.cwd}", "fresh")
        stranger = Person(Shell(self.live / "fresh", self.env), "stranger")
        stranger.must("init")
        code, said = stranger.datmo("checkout")
        assert code in (0, 2, 128)
        assert code == 0 or said
        files = sorted(stranger.data.iterdir()) if stranger.data.is_dir() else []
        return code, said, {path.name: path.read_text() for path in files}

    @rule()
    def meet(self) -> None:
        """Finish killed commands and push everything to the team's host; check that all clones have
        the last contents."""
        for name in ("alex", "ben", "alex"):
            person = self.people[name]
            self.finish(person)
            person.shell.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
            person.must("pull")
            person.shell.git("commit", "-q", "--allow-empty", "-m", "all of it")
            person.shell.git("push", "-q", "origin", "HEAD:main")
        self.people["ben"].shell.git("pull", "-q", "origin", "main")
        self.assert_nothing_is_missing()
        everything = {
            name: str(times) for files in self.written.values() for name, times in files.items()
        }
        for person in self.people.values():
            assert {path.name: path.read_text() for path in person.data.iterdir()} == everything, (
                person.name
            )
            assert not person.status()["differs"]
        assert self.checked_out()[2] == everything

    def finish(self, person: Person) -> None:
        """Do what `status` says of a checkout or merge that was cut off."""
        way = WAY.search(person.must("status"))
        if way is not None:
            person.must(*way[1].split())

    def assert_nothing_is_missing(self) -> None:
        for folder in REMOTES.values():
            assert not missing_on(Shell(self.live / folder, self.env)), folder

    @invariant()
    def keep_what_was_written(self) -> None:
        for name, files in getattr(self, "written", {}).items():
            for path, times in files.items():
                assert (self.people[name].data / path).read_text() == str(times), (
                    f"{name}'s {path} is lost"
                )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("far-followers")
    make_template(top, seal(top / "home"))
    install_wrappers(top / "bin")
    return top


def test_pushed_data_reach_every_clone(place: Path) -> None:
    sealed = seal(place / "home")
    FarFollowers.top, FarFollowers.env = (
        place,
        {**sealed, "PATH": f"{place / 'bin'}:{sealed['PATH']}"},
    )
    deep = settings().max_examples > 500
    run_state_machine_as_test(
        FarFollowers,
        settings=settings(
            max_examples=settings().max_examples // 40 if deep else 2,
            stateful_step_count=40 if deep else 10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
