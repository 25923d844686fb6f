"""Test that the commands which hints name work."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments, states
from tests.support.hints import commands_in
from tests.support.pair import Pair
from tests.support.shell import Done, Shell


def hint_of(done: Done) -> str:
    """Return the one hint of a refusal."""
    (hint,) = (line for line in done.stderr.splitlines() if line.startswith("hint: "))
    return hint


def follow(shell: Shell, done: Done, number: int = 0, **values: str) -> Done:
    """Run a command that the hint of a refusal names, with values for the words in capitals."""
    words = shlex.split(commands_in(hint_of(done))[number])
    return shell.run(*(values.get(word, word) for word in words))


@pytest.fixture
def tracked(repo: Shell) -> Shell:
    """Return a repository with two versions of a payload, each with a commit."""
    for number in (1, 2):
        repo.write("data/x", f"{number}")
        datmo(repo, "add-data", "data")
        repo.git("commit", "-q", "--allow-empty", "-m", f"{number}")
    return repo


def test_add_without_a_store_goes_on_after_init(make_repo: Callable[..., Shell]) -> None:
    plain = make_repo()
    plain.write("data/x", "1")
    follow(plain, datmo(plain, "add-data", "data", code=128))
    datmo(plain, "add-data", "data")


def test_command_outside_a_repository_goes_on_after_git_init(shell: Callable[..., Shell]) -> None:
    outside = shell("outside")
    follow(outside, datmo(outside, "init", code=128))
    datmo(outside, "init")


def test_snapshot_before_the_first_commit_goes_on_after_it(make_repo: Callable[..., Shell]) -> None:
    new = make_repo()
    datmo(new, "init")
    done = datmo(new, "snapshot", code=128)
    assert commands_in(hint_of(done)) == ("git commit",)
    new.commit("code.py", "pass\n")
    datmo(new, "snapshot")


def test_folder_around_a_payload_is_added_after_rm(repo: Shell) -> None:
    repo.write("data/part/x", "x")
    datmo(repo, "add-data", "data/part")
    follow(repo, datmo(repo, "add-data", "data", code=128))
    datmo(repo, "add-data", "data")
    assert states(repo) == {"data": "unchanged"}


@pytest.mark.parametrize("verb", ["add-data", "add-model"])
def test_file_in_a_payload_is_added_with_the_rest(repo: Shell, verb: str) -> None:
    repo.write("data/x", "x")
    datmo(repo, verb, "data")
    repo.write("data/y", "y")
    follow(repo, datmo(repo, verb, "data/y", code=128))
    assert states(repo) == {"data": "unchanged"}
    assert json.loads(datmo(repo, "status", "--json").stdout)["payloads"][0]["files"] == 2


@pytest.mark.parametrize(("number", "left"), [(0, {"data": "unchanged"}), (1, {})])
def test_missing_payload_is_restored_or_given_up(
    tracked: Shell, number: int, left: dict[str, str]
) -> None:
    shutil.rmtree(tracked.cwd / "data")
    follow(tracked, datmo(tracked, "snapshot", code=128), number)
    assert states(tracked) == left
    datmo(tracked, "snapshot")


@pytest.mark.parametrize("number", [0, 1])
def test_modified_file_is_stored_or_given_up_before_a_checkout(tracked: Shell, number: int) -> None:
    tracked.write("data/x", "mine")
    follow(tracked, datmo(tracked, "checkout", "HEAD~1", code=128), number)
    datmo(tracked, "checkout", "HEAD~1")
    assert (tracked.cwd / "data" / "x").read_text() == "1"


def test_added_version_without_snapshot_is_brought_back(tracked: Shell) -> None:
    tracked.write("data/x", "added")
    datmo(tracked, "add-data", "data")
    shutil.rmtree(tracked.cwd / "data")
    done = datmo(tracked, "checkout", "HEAD~1", code=128)
    follow(tracked, done, 0)
    assert (tracked.cwd / "data" / "x").read_text() == "added"
    follow(tracked, datmo(tracked, "checkout", "HEAD~1", code=128), 0)
    datmo(tracked, "checkout", "HEAD~1")
    assert (tracked.cwd / "data" / "x").read_text() == "1"


@pytest.mark.parametrize("name", ["tracked.json", "checkout", "merge"])
def test_malformed_state_is_removed_and_checked_out_again(tracked: Shell, name: str) -> None:
    state = tracked.cwd / ".git" / "datmo" / name
    state.write_text("{")
    done = datmo(tracked, "snapshot", code=128)
    assert f"'{state}'" in done.stderr
    state.unlink()
    follow(tracked, done)
    assert states(tracked) == {"data": "unchanged"}


def test_command_without_dashes_runs_as_the_hint_has_it(repo: Shell) -> None:
    done = datmo(repo, "run", "-m", "two words", sys.executable, "code.py", code=129)
    follow(repo, done)
    assert experiments(repo)[0]["message"] == "two words"


def test_push_without_a_remote_goes_on_after_it_is_added(
    tracked: Shell, make_repo: Callable[..., Shell]
) -> None:
    hub = make_repo("hub", bare=True)
    follow(tracked, datmo(tracked, "push", code=128), URL=str(hub.cwd))
    datmo(tracked, "push")
    assert "refs/datmo/records" in hub.git("for-each-ref")


def test_dropped_snapshot_is_freed_by_gc(tracked: Shell) -> None:
    oldest = experiments(tracked)[-1]["id"]
    datmo(tracked, "drop", oldest)
    done = follow(tracked, datmo(tracked, "drop", oldest, code=128))
    assert not done.stdout.startswith("0 ")


def test_checkout_where_git_tracks_the_payload_goes_on_after_rm(tracked: Shell) -> None:
    tracked.git("checkout", "-q", "--orphan", "code")
    tracked.git("add", "-f", "data/x")
    tracked.git("commit", "-q", "-m", "data in git")
    follow(tracked, datmo(tracked, "checkout", "main", code=128))
    datmo(tracked, "checkout", "main")
    assert (tracked.cwd / "data" / "x").read_text() == "2"


def test_untracked_large_file_of_a_run_is_kept_after_add(repo: Shell) -> None:
    repo.git("config", "datmo.untrackedLimit", "10")
    repo.write("table.csv", "1\n" * 10)
    read = ("run", "--", sys.executable, "-c", "open('table.csv').read()", "table.csv")
    warning = datmo(repo, *read).stderr
    (command,) = {words for words in commands_in(warning) if "add-data" in words}
    repo.run(*shlex.split(command))
    assert "table.csv" not in datmo(repo, *read).stderr


@pytest.fixture
def shared(pair: Pair) -> Pair:
    """Return a pair with a recorded and shared payload."""
    pair.alex.write("data/x", "1")
    datmo(pair.alex, "add-data", "data")
    datmo(pair.alex, "commit", "-m", "one")
    pair.alex.git("push", "-q")
    return pair


def test_add_of_a_payload_that_is_not_fetched_goes_on_after_checkout(shared: Pair) -> None:
    ben = shared.clone("ben")
    follow(ben, datmo(ben, "add-data", "data", code=128))
    datmo(ben, "add-data", "data")


@pytest.mark.parametrize("is_corrupt", [False, True])
def test_lost_record_is_fetched_again(shared: Pair, is_corrupt: bool) -> None:
    ben = shared.clone("ben")
    ben.git("config", "fetch.unpackLimit", "1000")
    (record,) = (each["id"] for each in experiments(ben))
    ben.git("fetch", "-q", "--refetch")
    loose = ben.cwd / ".git" / "objects" / record[:2] / record[2:]
    loose.unlink()
    if is_corrupt:
        loose.write_bytes(b"x" * 30)
    done = datmo(ben, "checkout", code=128)
    examined = ben.run("git", "fsck", ok=False)
    assert record in examined.stdout + examined.stderr
    loose.unlink(missing_ok=True)
    follow(ben, done, 1)
    datmo(ben, "checkout")
    assert (ben.cwd / "data" / "x").read_text() == "1"


def test_snapshot_made_after_the_push_of_its_commit_comes_by_fetch(pair: Pair) -> None:
    pair.alex.commit("more.py", "pass\n")
    pair.alex.git("push", "-q")
    ben = pair.clone("ben")
    pair.alex.write("data/x", "1")
    datmo(pair.alex, "add-data", "data")
    datmo(pair.alex, "snapshot")
    datmo(pair.alex, "push")
    follow(ben, datmo(ben, "checkout", code=128))
    datmo(ben, "checkout")
    assert (ben.cwd / "data" / "x").read_text() == "1"


def test_older_data_are_placed_where_newer_were_never_shared(shared: Pair) -> None:
    shared.alex.write("data/x", "2")
    datmo(shared.alex, "commit", "-m", "two")
    shared.alex.git("push", "-q", "--no-verify")
    shared.top.git("clone", "-q", str(shared.hub.cwd), "ben")
    ben = shared.top.at("ben")
    datmo(ben, "init")
    follow(ben, datmo(ben, "checkout", code=2), 1)
    assert (ben.cwd / "data" / "x").read_text() == "1"


def test_shallow_clone_is_bundled_after_the_rest_is_fetched(shared: Pair) -> None:
    shared.alex.commit("more.py", "pass\n")
    shared.alex.git("push", "-q")
    shared.top.git("clone", "-q", "--depth=1", f"datmo::file://{shared.hub.cwd}", "ben")
    ben = shared.top.at("ben")
    follow(ben, datmo(ben, "bundle", "../all.bundle", code=128))
    datmo(ben, "bundle", "../all.bundle")
    assert (Path(shared.top.cwd) / "all.bundle").exists()


def test_mirror_push_that_would_delete_has_two_ways(shared: Pair) -> None:
    shared.top.git("clone", "-q", str(shared.hub.cwd), "ben")
    ben = shared.top.at("ben")
    datmo(ben, "init")
    # Without records, as in a clone that was set up before the first record was shared.
    for ref in ("refs/datmo/records", "refs/notes/datmo"):
        ben.git("update-ref", "-d", ref)
    done = ben.run("git", "push", "--mirror", code=1)
    assert "would delete" in done.stderr
    follow(ben, done, 0)
    assert "refs/datmo/records" in shared.hub.git("for-each-ref")
    ben.git("push", "-q", "--mirror", "--no-verify")
    assert "refs/datmo/records" not in shared.hub.git("for-each-ref")


@pytest.mark.parametrize(("number", "left"), [(0, "theirs"), (1, "mine")])
def test_file_that_both_sides_changed_is_decided(tracked: Shell, number: int, left: str) -> None:
    tracked.git("checkout", "-q", "-b", "side")
    tracked.write("data/x", "theirs")
    datmo(tracked, "commit", "-m", "theirs")
    tracked.git("checkout", "-q", "main")
    tracked.write("data/x", "mine")
    datmo(tracked, "commit", "-m", "mine")
    follow(tracked, tracked.run("git", "merge", "-q", "--no-edit", "side"), number, PATH="data/x")
    assert (tracked.cwd / "data" / "x").read_text() == left
    datmo(tracked, "snapshot")
