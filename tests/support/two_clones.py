"""Define two people, their clones and one remote, as a state machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from tests.support.commands import Picture, picture
from tests.support.people import Person, make_template
from tests.support.remote_check import missing_on
from tests.support.shell import Shell, seal

NAMES = ("a", "b", "sub/c", "sub/deep/d", "e")
# The last is above the size at which files are cut into chunks.
CONTENTS = (b"one", b"two", b"", b"x" * 5000, Random(3).randbytes(1_200_000))
people = st.sampled_from(("alex", "ben"))
names = st.sampled_from(NAMES)
contents = st.sampled_from(CONTENTS)


class TwoClones(RuleBasedStateMachine):
    """Keep in `stored` the data of each snapshot by its id; None without data."""

    top: ClassVar[Path]
    env: ClassVar[dict[str, str]]

    @initialize()
    def begin(self) -> None:
        live = self.top / "live"
        shutil.rmtree(live, ignore_errors=True)
        shutil.copytree(self.top / "template", live, symlinks=True)
        self.hub = Shell(live / "hub.git", self.env)
        self.people = {name: Person(Shell(live / name, self.env), name) for name in ("alex", "ben")}
        self.stored: dict[str, Picture | None] = {}
        self.times = 0

    def note_snapshots(self, person: Person) -> None:
        """Remember the data right after the newest snapshot, which must restore them."""
        for experiment in person.experiments()[:1]:
            if experiment["id"] not in self.stored:
                has = any(payload["path"] == "data" for payload in experiment["payloads"])
                self.stored[experiment["id"]] = picture(person.data) if has else None
                if has:
                    person.unsaved.clear()

    @rule(who=people, name=names, content=contents)
    def edit(self, who: str, name: str, content: bytes) -> None:
        person = self.people[who]
        target = person.data / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        person.unsaved[name] = content

    @rule(who=people, name=names)
    def remove(self, who: str, name: str) -> None:
        person = self.people[who]
        (person.data / name).unlink(missing_ok=True)
        person.unsaved.pop(name, None)

    @rule(who=people)
    def add(self, who: str) -> None:
        person = self.people[who]
        if person.data.exists():
            person.must("add-data", "data")

    @rule(who=people)
    def stop_tracking(self, who: str) -> None:
        person = self.people[who]
        before = picture(person.data) if person.data.exists() else {}
        code, _ = person.datmo("rm", "data")
        assert code in (0, 128)
        assert (picture(person.data) if person.data.exists() else {}) == before

    @rule(who=people)
    def commit(self, who: str) -> None:
        person = self.people[who]
        self.times += 1
        person.commits += 1
        person.shell.commit(f"code-{who}", f"{self.times}\n")
        self.note_snapshots(person)

    @rule(who=people)
    def amend(self, who: str) -> None:
        person = self.people[who]
        self.times += 1
        if person.commits:
            person.shell.git(
                "commit", "-q", "--amend", "--allow-empty", "-m", f"amended {self.times}"
            )
            self.note_snapshots(person)

    @rule(who=people)
    def snapshot(self, who: str) -> None:
        person = self.people[who]
        self.times += 1
        code, said = person.datmo("snapshot", "-m", f"snapshot {self.times}")
        if code:
            assert not person.data.exists() or "undecided" in said, said
            return
        self.note_snapshots(person)

    @rule(who=people)
    def push(self, who: str) -> None:
        done = self.people[who].shell.run("git", "push", "-q", "origin", "HEAD:main", ok=False)
        assert (
            done.returncode == 0
            or "fetch first" in done.stderr
            or "non-fast-forward" in done.stderr
        ), str(done)
        self.check_remote()

    @rule(who=people)
    def share(self, who: str) -> None:
        self.people[who].must("push")
        self.check_remote()

    @rule(who=people)
    def pull(self, who: str) -> None:
        person = self.people[who]
        self.get_all(person)

    def get_all(self, person: Person) -> None:
        """Pull. A merge's snapshot may differ from the working tree, which may be edited."""
        person.shell.git("pull", "-q", "--no-rebase", "--no-edit")
        person.commits = 0
        for experiment in person.experiments():
            self.stored.setdefault(experiment["id"], None)

    @rule(who=people, ours=st.booleans())
    def decide(self, who: str, ours: bool) -> None:
        """Take a side of all that a merge left undecided, giving up edits there."""
        person = self.people[who]
        paths = person.status()["undecided"]
        if not paths:
            return
        sides = json.loads((person.shell.cwd / ".git/datmo/merge").read_text())
        for path in paths:
            person.unsaved.pop(path.removeprefix("data/"), None)
            code, said = person.datmo(
                "checkout", "--force", sides["ours" if ours else "theirs"], "--", path
            )
            assert code == 0 or "has no payload" in said, said
        if not person.data.exists():
            person.unsaved.clear()

    @rule(who=people, back=st.integers(1, 3))
    def visit_an_earlier_commit(self, who: str, back: int) -> None:
        person = self.people[who]
        if person.shell.run(
            "git", "rev-parse", "-q", "--verify", f"HEAD~{back}", ok=False
        ).returncode:
            return
        person.shell.git("checkout", "-q", f"HEAD~{back}")
        self.check_edits()
        person.shell.git("checkout", "-q", "main")

    @rule(who=people, choice=st.integers(0, 100))
    def check_out_an_experiment(self, who: str, choice: int) -> None:
        person = self.people[who]
        known = [
            experiment["id"]
            for experiment in person.experiments()
            if experiment["id"] in self.stored
        ]
        if not known:
            return
        chosen = known[choice % len(known)]
        own = set(picture(person.data)) if person.data.exists() else set()
        code, said = person.datmo("checkout", chosen)
        if code:
            assert code == 128, said
            return
        wanted = self.stored[chosen]
        if wanted is not None:
            now = picture(person.data)
            assert {path: what for path, what in now.items() if path in wanted} == wanted
            assert set(now) - set(wanted) <= own, "only what the user put there is there besides"

    @rule()
    def meet(self) -> None:
        """Share everything in both directions, and check that both see the same."""
        for name in ("alex", "ben", "alex", "ben"):
            person = self.people[name]
            self.get_all(person)
            person.shell.git("push", "-q", "origin", "HEAD:main")
        self.check_remote()
        alex, ben = self.people["alex"], self.people["ben"]
        assert alex.shell.git("rev-parse", "HEAD") == ben.shell.git("rev-parse", "HEAD")
        assert alex.experiments() == ben.experiments()
        for person in (alex, ben):
            assert person.status()["unshared"] == 0

    def check_remote(self) -> None:
        assert not missing_on(self.hub)

    @invariant()
    def check_edits(self) -> None:
        """Check that edits which no snapshot has are unchanged."""
        for person in getattr(self, "people", {}).values():
            for name, content in person.unsaved.items():
                assert (person.data / name).read_bytes() == content, (
                    f"{person.name}'s edit of {name} is lost"
                )

    def teardown(self) -> None:
        """Check that a new clone gets every experiment of the remote byte for byte."""
        if not hasattr(self, "people"):
            return
        stranger = Person(Shell(self.top / "live" / "stranger", self.env), "stranger")
        self.hub.at("..").git("clone", "-q", f"datmo::{self.hub.cwd}", "stranger")
        for experiment in stranger.experiments():
            wanted = self.stored.get(experiment["id"])
            if wanted is not None:
                stranger.must("checkout", experiment["id"])
                assert picture(stranger.data) == wanted


@pytest.fixture(scope="module")
def two_clones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("two")
    env = seal(top / "home")
    make_template(top, env)
    return top
