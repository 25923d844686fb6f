"""Test a group's repository, which each member uses, and one that is only readable.

The other member is root without its privileges (setpriv). The kernel checks its permissions like
those of any user, and it can still read the interpreter of the tests.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import experiments
from tests.support.shell import Done, Shell

OWNER, GROUP, STRANGERS = 60_001, 60_010, 60_020

privileged = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="needs root, to stand for two people",
)


@dataclass(frozen=True)
class Member:
    """Work in a folder with an umask. The `other` member owns nothing there, and has no
    privileges."""

    shell: Shell
    umask: int
    group: int | None = None

    @property
    def folder(self) -> Path:
        return self.shell.cwd

    def run(self, *words: str | Path) -> Done:
        rights = [
            "setpriv",
            "--bounding-set=-all",
            "--inh-caps=-all",
            f"--regid={self.group}",
            "--clear-groups",
        ]
        script = f'umask {self.umask:o}; exec "$@"'
        return self.shell.run(*(rights if self.group else []), "sh", "-c", script, "sh", *words)

    def git(self, *words: str | Path) -> str:
        return self.run("git", *words).stdout.strip()

    def snapshot(self, message: str) -> None:
        """Make a version of the payload, and a snapshot of it."""
        (self.folder / "data" / "x").write_text(message)
        self.git("datmo", "snapshot", "-m", message)


def give_away(folder: Path) -> None:
    """Let everything below a folder belong to another member of the group."""
    for path in (folder, *folder.rglob("*")):
        mode = path.lstat().st_mode
        os.lchown(path, OWNER, GROUP)
        # Changing the owner takes bits away.
        if not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode))


def wrong_modes(folder: Path) -> list[str]:
    """Name the paths that the group cannot use: folders need all rights, files those of the owner."""
    found = []
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        owner, group = mode >> 6 & 0o7, mode >> 3 & 0o7
        usable = (
            group == 0o7 and mode & stat.S_ISGID
            if stat.S_ISDIR(mode)
            else group & 0o6 == owner & 0o6
        )
        # Files of git's template, git's messages, and files that hooks leave for each other follow
        # the umask alone.
        theirs = path.relative_to(folder).parts[0] in (
            "hooks",
            "description",
            "COMMIT_EDITMSG",
            "unchanged",
        )
        if not (usable or theirs or stat.S_ISLNK(mode)):
            found.append(f"{path.relative_to(folder)} {oct(mode)}")
    return found


@pytest.fixture(params=[0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> int:
    mask: int = request.param
    return mask


@pytest.fixture
def work(shell: Callable[..., Shell], umask: int) -> Member:
    """Return a repository with `core.sharedRepository=group`, and a payload in two versions."""
    made = Member(shell("work"), umask)
    made.git("config", "--global", "safe.directory", "*")
    made.git("init", "-q", "--shared=group", ".")
    made.shell.write("code.py", "pass\n")
    made.git("add", "code.py")
    made.git("commit", "-q", "-m", "code")
    made.git("datmo", "init")
    made.shell.write("data/x", "one")
    for path in (made.folder, made.folder / "data"):
        path.chmod(0o2775)
    made.git("datmo", "add-data", "data")
    made.git("datmo", "snapshot", "-m", "one")
    made.snapshot("two")
    made.git("datmo", "log")
    made.git("datmo", "status")
    return made


def hand_on(work: Member) -> Member:
    """Give the repository to another owner; return another member of the group."""
    # Git itself cannot write over the message that another member left.
    (work.folder / ".git" / "COMMIT_EDITMSG").unlink()
    give_away(work.folder)
    (work.folder / "data" / "x").chmod(0o664)
    return Member(work.shell, work.umask, GROUP)


def test_everything_of_a_shared_repository_is_usable_by_the_group(work: Member) -> None:
    assert wrong_modes(work.folder / ".git") == []


def test_setting_that_came_later_is_followed_by_init(
    shell: Callable[..., Shell], umask: int
) -> None:
    made = Member(shell("late"), umask)
    made.git("init", "-q", ".")
    made.git("commit", "-q", "--allow-empty", "-m", "one")
    made.git("datmo", "init")
    made.shell.write("data/x", "one")
    made.git("datmo", "add-data", "data")
    made.git("config", "core.sharedRepository", "0660")
    made.git("datmo", "init")
    assert wrong_modes(made.folder / ".git" / "datmo") == []
    made.snapshot("two")
    assert wrong_modes(made.folder / ".git" / "datmo") == []


@privileged
def test_files_written_by_one_member_are_usable_by_another(work: Member) -> None:
    other = hand_on(work)
    other.git("datmo", "status")
    other.snapshot("three")
    assert [each["message"] for each in experiments(work.shell)] == ["three", "two", "one"]
    other.git("datmo", "drop", experiments(work.shell)[1]["id"])
    other.git("datmo", "gc")
    other.git("commit", "-q", "--allow-empty", "-m", "by the other")
    assert wrong_modes(work.folder / ".git" / "datmo") == []


@privileged
def test_git_itself_goes_on_in_every_folder_of_objects(work: Member) -> None:
    other = hand_on(work)
    script = "for i in $(seq 300); do echo $i | git hash-object -w --stdin || exit 9; done"
    assert len(other.run("sh", "-c", script).stdout.split()) == 300


@privileged
@pytest.mark.parametrize("elsewhere", [False, True], ids=["in the remote", "in a folder place"])
def test_shared_remote_is_pushed_to_by_each_member(
    work: Member, tmp_path: Path, *, elsewhere: bool
) -> None:
    hub, place = tmp_path / "hub.git", tmp_path / "place"
    place.mkdir()
    os.chown(place, OWNER, GROUP)
    place.chmod(0o2770)
    work.git("init", "-q", "--bare", "--shared=group", hub)
    work.git("remote", "add", "origin", hub)
    if elsewhere:
        work.git("config", "datmo.origin.store", place)
    work.git("datmo", "init")
    work.git("push", "-q", "-u", "origin", "main")
    filled = place if elsewhere else hub
    assert len(list(filled.rglob("*.pack"))) + len(list(filled.rglob("objects/??/*")))
    assert wrong_modes(filled) == []
    give_away(hub)
    give_away(place)
    other = hand_on(work)
    (work.folder / "data" / "x").write_text("three")
    other.git("commit", "-q", "--allow-empty", "-m", "three")
    other.git("push", "-q")
    assert wrong_modes(filled) == []


@privileged
@pytest.mark.parametrize("fresh", [True, False], ids=["without caches", "with caches"])
def test_repository_that_may_only_be_read_is_read(
    shell: Callable[..., Shell], *, fresh: bool
) -> None:
    made = Member(shell("theirs"), 0o022)
    made.git("config", "--global", "safe.directory", "*")
    made.git("init", "-q", ".")
    made.git("commit", "-q", "--allow-empty", "-m", "one")
    made.git("datmo", "init")
    made.shell.write("data/x", "one")
    made.git("datmo", "add-data", "data")
    made.git("datmo", "snapshot", "-m", "one")
    oid = experiments(made.shell)[0]["id"]
    for name in ("catalog", "told", "store.lock", "lock", "patches") if fresh else ():
        path = made.folder / ".git" / "datmo" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    give_away(made.folder)
    stranger = Member(made.shell, 0o022, STRANGERS)
    before = sorted(made.folder.rglob("*"))
    for words in (
        ("log",),
        ("show", oid),
        ("status",),
        ("du",),
        ("log", "--data", "--json"),
        ("gc", "--dry-run"),
    ):
        done = stranger.run("git", "datmo", *words)
        assert done.stderr == "", words
    assert sorted(made.folder.rglob("*")) == before
