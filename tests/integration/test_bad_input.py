"""Test that impossible requests are refused in one clear line with the right exit code, and lose
nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.commands import STORE, datmo, experiments, picture, refusal, refused, states
from tests.support.pair import Pair
from tests.support.shell import Shell

EVERY_VERB = (
    ("init",), ("add-data", "x"), ("add-model", "x"), ("rm", "x"), ("status",), ("snapshot",), ("log",), ("show",),
    ("checkout",), ("fetch",), ("push",), ("pull",), ("reproduce", "HEAD"),
)  # fmt: skip


def start_many(shell: Shell, *commands: tuple[str, ...]) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            ("git", "datmo", *words),
            cwd=shell.cwd,
            env=shell.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in commands
    ]


def finish(started: list[subprocess.Popen[str]]) -> list[str]:
    """Wait for all, which must exit with 0, and return their output."""
    ended = [(child, *child.communicate(timeout=120)) for child in started]
    for child, out, err in ended:
        assert child.returncode == 0, out + err
    return [out.strip() for _, out, _ in ended]


def test_commands_outside_a_repository_are_refused(shell: Callable[..., Shell]) -> None:
    nowhere = shell("nowhere")
    for words in EVERY_VERB:
        refused(nowhere, *words, says=("not a git repository",))
    refused(nowhere, "run", "--", "touch", "ran", code=125, says=("not a git repository",))
    assert not list(nowhere.cwd.iterdir())


def test_commands_in_a_bare_repository_are_refused(make_repo: Callable[..., Shell]) -> None:
    bare = make_repo("bare.git", bare=True)
    for words in (("add-data", "x"), ("status",), ("checkout",), ("snapshot",)):
        refused(bare, *words)


def test_commands_before_first_commit_work_or_name_git_commit(
    make_repo: Callable[..., Shell],
) -> None:
    new = make_repo()
    datmo(new, "init")
    new.write("data/x", "x")
    datmo(new, "add-data", "data")
    assert datmo(new, "log").stdout == ""
    assert states(new) == {"data": "unchanged"}
    refused(new, "snapshot", says=("no commits yet", "git commit"))
    for words in (("checkout",), ("show",), ("diff",), ("tag",), ("reproduce", "HEAD")):
        refused(new, *words, says=("no commits yet", "git commit"))
    refused(new, "run", "--", "touch", "ran", code=125, says=("no commits yet",))
    assert not (new.cwd / "ran").exists()
    new.commit("code.py", "pass\n")
    datmo(new, "show")
    assert [each["payloads"][0]["path"] for each in experiments(new)] == ["data"]


def test_commands_before_init_name_init(make_repo: Callable[..., Shell]) -> None:
    plain = make_repo()
    plain.commit("code.py", "pass\n")
    plain.write("data/x", "x")
    for words in (("add-data", "data"), ("snapshot",)):
        refused(plain, *words, says=("git datmo init",))
    assert "git datmo init" in datmo(plain, "status").stdout
    refused(plain, "run", "--", "touch", "ran", code=125, says=("git datmo init",))
    assert not (plain.cwd / "ran").exists()
    assert datmo(plain, "log").stdout == ""


def test_paths_that_cannot_be_payloads(repo: Shell, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    repo.write("data/x", "x")
    (repo.cwd / "inner" / "deep").mkdir(parents=True)
    (repo.cwd / "link").symlink_to("data")
    (repo.cwd / "away").symlink_to(tmp_path / "elsewhere")
    before = picture(repo.cwd)
    refused(repo, "add-data", "nothing", says=("'nothing' does not exist",))
    refused(repo, "add-data", "data", "nothing", says=("'nothing' does not exist",))
    refused(repo, "add-data", "../elsewhere", says=("outside the repository",))
    refused(repo, "add-data", str(tmp_path / "elsewhere"), says=("outside the repository",))
    refused(repo, "add-data", "away/x", says=("outside the repository",))
    refused(
        repo.at("inner/deep"), "add-data", "../../../elsewhere", says=("outside the repository",)
    )
    refused(repo, "add-data", ".")
    refused(repo, "add-data", ".git/config")
    refused(repo, "add-data", ".git")
    refused(repo, "add-data", "link", says=("symbolic link",))
    refused(repo, "add-data", "link/x", says=("symbolic link",))
    refused(
        repo, "add-data", "code.py", says=("git tracks 'code.py'", "git rm -r --cached -- code.py")
    )
    refused(repo, "add-data", b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert states(repo) == {}
    assert picture(repo.cwd) == before


def test_path_that_git_tracks_is_refused_with_working_hint(repo: Shell) -> None:
    repo.commit("data/one", "1")
    repo.commit("data/two", "2")
    refused(repo, "add-data", "data", says=("1 more", "git rm -r --cached -- data"))
    repo.git("rm", "-q", "-r", "--cached", "--", "data")
    repo.git("commit", "-q", "-m", "data are no code")
    datmo(repo, "add-data", "data")
    assert repo.git("status", "--porcelain") == ""
    assert (repo.cwd / "data" / "one").read_text() == "1"


def test_paths_within_or_around_a_payload_are_refused(repo: Shell) -> None:
    repo.write("data/part/x", "x")
    datmo(repo, "add-data", "data/part")
    refused(
        repo,
        "add-data",
        "data",
        says=("'data' holds the payload 'data/part'", "git datmo rm data/part"),
    )
    inside = "'data/part/x' is part of the payload 'data/part'"
    refused(
        repo, "add-data", "data/part/x", says=(inside, "'git datmo add-data data/part' adds it")
    )
    # A command that is about to write the path can write another one.
    run = ("run", "-o", "data/part/y", "--", "true")
    refused(repo, *run, code=125, says=("part of", "give a path outside of 'data/part'"))
    refused(repo, "rm", "data/part/x", says=("part of 'data/part'",))
    refused(repo, "rm", "other", says=("'other' is not a payload",))
    assert states(repo) == {"data/part": "unchanged"}


def test_unreadable_files_are_named(repo: Shell) -> None:
    repo.write("data/open", "open")
    repo.write("data/shut", "shut").chmod(0)
    able = Shell(repo.cwd, repo.env)
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        # Root reads everything by two capabilities; without them it is a user like others.
        prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
        if (
            shutil.which("setpriv") is None
            or able.run(*prefix, "cat", "data/shut", ok=False).returncode == 0
        ):
            pytest.skip("root cannot give up reading everything here: run as another user")
    done = able.run(*prefix, "git", "datmo", "add-data", "data", code=128)
    refusal(done, "cannot read 'data/shut'", "Permission denied")
    (repo.cwd / "data" / "shut").unlink()
    (repo.cwd / "data" / "folder").mkdir(mode=0)
    refusal(
        able.run(*prefix, "git", "datmo", "add-data", "data", code=128), "cannot read 'data/folder'"
    )
    (repo.cwd / "data" / "folder").rmdir()
    able.run(*prefix, "git", "datmo", "add-data", "data")
    assert states(repo) == {"data": "unchanged"}


def test_sockets_fifos_and_repositories_in_a_payload(
    repo: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.write("data/x", "x")
    os.mkfifo(repo.cwd / "data" / "pipe")
    refused(repo, "add-data", "data", says=("'data/pipe' is a fifo",))
    refused(repo, "add-data", "data/pipe", says=("'data/pipe'",))
    (repo.cwd / "data" / "pipe").rename(repo.cwd / "pipe")
    refused(repo, "add-data", "pipe", says=("'pipe'",))
    monkeypatch.chdir(repo.cwd / "data")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("plug")
        refused(repo, "add-data", "data", says=("'data/plug' is a socket",))
        os.unlink("plug")
    repo.git("init", "-q", "data/nested")
    refused(repo, "add-data", "data", says=("git repository of its own",))
    shutil.rmtree(repo.cwd / "data" / "nested")
    datmo(repo, "add-data", "data")
    assert states(repo) == {"data": "unchanged"}


APPENDING = """\
import sys
with open(sys.argv[1], "ab", buffering=0) as file:
    file.write(b"x")
    print("writing", flush=True)
    while True:
        file.write(b"x")
"""


@pytest.fixture
def writer(repo: Shell) -> Iterator[Path]:
    """Keep writing to a large file until the block ends."""
    path = repo.cwd / "data" / "growing"
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(256 << 20)
    with subprocess.Popen(
        [sys.executable, "-c", APPENDING, str(path)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        yield path
        child.kill()


def test_file_that_changes_during_add_is_stored_consistently(repo: Shell, writer: Path) -> None:
    refused(repo, "add-data", "data", says=("'data/growing' changed while it was read",))
    refused(repo, "add-data", "data/growing", says=("'data/growing' changed while it was read",))
    assert states(repo) == {}
    repo.git(*STORE, "fsck", "--strict")


@pytest.fixture
def small_disk(make_repo: Callable[..., Shell]) -> Iterator[Shell]:
    """Return a repository whose store lies on a disk of 6 MiB."""
    made = make_repo("full")
    made.commit("code.py", "pass\n")
    folder = made.cwd / ".git" / "datmo"
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder))
    if os.geteuid() != 0 or made.run(*mount, ok=False).returncode:
        pytest.skip("a small disk cannot be mounted here: run as root")
    datmo(made, "init")
    yield made
    made.run("umount", "--lazy", str(folder))


def test_add_on_full_disk_is_refused_and_loses_nothing(small_disk: Shell) -> None:
    small_disk.write("good/x", "x" * 1000)
    datmo(small_disk, "add-data", "good")
    small_disk.git("commit", "-q", "--allow-empty", "-m", "good")
    small_disk.write("big/noise", os.urandom(10 << 20))
    refused(small_disk, "add-data", "big", says=("No space left on device", "nothing was lost"))
    assert states(small_disk) == {"good": "unchanged"}
    small_disk.git(*STORE, "fsck", "--strict")
    shutil.rmtree(small_disk.cwd / "good")
    datmo(small_disk, "checkout")
    assert (small_disk.cwd / "good" / "x").read_text() == "x" * 1000
    small_disk.run("mount", "-o", "remount,size=60m", str(small_disk.cwd / ".git" / "datmo"))
    datmo(small_disk, "add-data", "big")
    assert states(small_disk) == {"good": "unchanged", "big": "unchanged"}


def test_adds_at_once_are_all_tracked(repo: Shell) -> None:
    names = [f"data{number}" for number in range(4)]
    for name in names:
        for file in range(50):
            repo.write(f"{name}/{file}", f"{name} {file}" * 100)
    finish(start_many(repo, *(("add-data", name) for name in names)))
    assert states(repo) == dict.fromkeys(names, "unchanged")
    ids = finish(start_many(repo, *(("snapshot", "-m", name) for name in names)))
    told = {each["id"]: each["message"] for each in experiments(repo)}
    assert {told[oid] for oid in ids} == set(names)
    repo.git(*STORE, "fsck", "--strict")


def test_checkout_over_changes_loses_none(repo: Shell) -> None:
    repo.write("data/x", "old")
    repo.write("data/y", "same")
    datmo(repo, "add-data", "data")
    first = datmo(repo, "snapshot").stdout.strip()
    repo.write("data/x", "new")
    datmo(repo, "snapshot")
    repo.write("data/x", "mine")
    repo.write("data/z", "mine too")
    assert states(repo) == {"data": "modified"}
    refused(repo, "checkout", first, says=("'data/x'", "--force"))
    assert (repo.cwd / "data" / "x").read_text() == "mine"
    datmo(repo, "checkout", first, "--force")
    assert (repo.cwd / "data" / "x").read_text() == "old"
    # A file that no snapshot knows is in nobody's way.
    assert (repo.cwd / "data" / "z").read_text() == "mine too"


def test_version_that_was_only_added_survives_checkout(repo: Shell) -> None:
    repo.write("data/x", "old")
    datmo(repo, "add-data", "data")
    first = datmo(repo, "snapshot").stdout.strip()
    repo.write("data/x", "new")
    datmo(repo, "snapshot")
    repo.write("data/x", "added")
    datmo(repo, "add-data", "data")
    refused(repo, "checkout", first, says=("'data'", "git datmo snapshot"))
    assert (repo.cwd / "data" / "x").read_text() == "added"
    datmo(repo, "checkout", first, "--force")
    assert (repo.cwd / "data" / "x").read_text() == "old"


def test_checkout_over_untracked_files_is_refused(pair: Pair) -> None:
    alex = pair.alex
    alex.write("data/x", "theirs")
    alex.write("data/same", "same")
    alex.write("deep/er/x", "theirs")
    datmo(alex, "add-data", "data", "deep")
    datmo(alex, "snapshot")
    alex.git("push", "-q")
    ignacio = pair.clone()
    ignacio.write("data/x", "mine")
    ignacio.write("data/same", "same")
    ignacio.write("deep", "a file where a folder is to be")
    before = picture(ignacio.cwd)
    refused(ignacio, "checkout")
    assert picture(ignacio.cwd) == before
    ignacio.cwd.joinpath("deep").unlink()
    before = picture(ignacio.cwd)
    refused(ignacio, "checkout", says=("1 file would be overwritten: 'data/x'", "--force"))
    assert picture(ignacio.cwd) == before
    datmo(ignacio, "checkout", "--force")
    assert picture(ignacio.cwd / "data") == picture(alex.cwd / "data")
    assert picture(ignacio.cwd / "deep") == picture(alex.cwd / "deep")


def test_unknown_names_are_refused(repo: Shell) -> None:
    for words in (
        ("show", "nothing"),
        ("checkout", "nothing"),
        ("log", "nothing"),
        ("reproduce", "nothing"),
    ):
        refused(repo, *words, says=("nothing",))
    refused(repo, "checkout", says=("no commit up to 'HEAD' has data",))
    refused(repo, "init", "nowhere", says=("'nowhere' is not a remote",))
    for verb in ("fetch", "push", "pull"):
        refused(repo, verb, says=("remote",))
        refused(repo, verb, "nowhere", says=("nowhere",))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_output_that_cannot_show_a_name_has_a_substitute(repo: Shell, encoding: str) -> None:
    repo.write("B\u00fccher \u4e66/1", "1\n")
    poor = repo.having(PYTHONIOENCODING=encoding)
    poor.run("git-datmo", "add-data", "B\u00fccher \u4e66")
    shown = {"ascii": "B\\xfccher \\u4e66", "latin-1": "\\u4e66", "utf-8": "B\u00fccher \u4e66"}
    assert shown[encoding] in poor.run("git-datmo", "status").stdout
