"""Test that a plain push sends all that is missing, after every move of a host."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.support.commands import STORE, datmo, experiments, refused
from tests.support.pair import Pair, both_ways
from tests.support.remote_check import missing_on
from tests.support.servers.hosts import Host
from tests.support.shell import Shell


def change(shell: Shell, text: str) -> str:
    """Commit new code and data; return the id of the snapshot."""
    shell.write("data/x", text)
    datmo(shell, "add-data", "data")
    shell.commit(f"{shell.cwd.name}.py", text)
    return str(experiments(shell)[0]["id"])


def new_hub(pair: Pair, name: str = "new.git") -> Shell:
    pair.top.git("init", "-q", "--bare", name)
    return pair.top.at(name)


def unshared(shell: Shell) -> int:
    return int(json.loads(datmo(shell, "status", "--json").stdout)["unshared"])


def check_has_all(hub: Shell, *ids: str) -> None:
    """Hold that a remote has these records, each with its data, and that a clone gets them."""
    names = {
        line.replace("/", "")
        for line in hub.git("ls-tree", "-r", "--name-only", "refs/datmo/records").split()
    }
    assert names == {"format", *(f"{oid}.json" for oid in ids)}
    assert not missing_on(hub)


MOVES = {
    "set-url": [("remote", "set-url", "origin", "{new}")],
    "push-url": [("remote", "set-url", "--push", "origin", "{new}")],
    "insteadOf": [("config", "url.{new}.insteadOf", "{old}")],
    "pushInsteadOf": [("config", "url.{new}.pushInsteadOf", "{old}")],
    "remove-and-add": [("remote", "remove", "origin"), ("remote", "add", "origin", "{new}")],
    "rename-and-add": [
        ("remote", "rename", "origin", "before"),
        ("remote", "add", "origin", "{new}"),
    ],
}


@both_ways
@pytest.mark.parametrize("how", MOVES)
def test_push_after_a_move_brings_all_to_the_new_host(pair: Pair, how: str) -> None:
    alex, new = pair.alex, new_hub(pair)
    ids = [change(alex, "one"), change(alex, "two")]
    alex.git("push", "-q", "origin", "main")
    assert unshared(alex) == 0
    for words in MOVES[how]:
        alex.git(*(word.format(new=new.cwd, old=pair.hub.cwd) for word in words))
    if how.endswith("and-add"):
        alex.git("config", "branch.main.remote", "origin")
        datmo(alex, "init", "origin", *(["--helper"] if pair.way == "helper" else []))
    assert unshared(alex) == 2
    alex.git("push", "-q", "origin", "main")
    check_has_all(new, *ids)
    assert unshared(alex) == 0
    pair.top.git("clone", "-q", f"datmo::{new.cwd}", "copy")
    datmo(pair.top.at("copy"), "checkout")
    assert (pair.top.cwd / "copy/data/x").read_text() == "two"


@both_ways
def test_push_to_recreated_host_sends_everything(pair: Pair) -> None:
    ids = [change(pair.alex, "one")]
    pair.alex.git("push", "-q", "origin", "main")
    shutil.rmtree(pair.hub.cwd)
    new_hub(pair, "hub.git")
    pair.alex.git("push", "-q", "origin", "main")
    check_has_all(pair.hub, *ids)
    ids.append(change(pair.alex, "two"))
    pair.alex.git("push", "-q")
    check_has_all(pair.hub, *ids)


@both_ways
def test_push_to_a_host_restored_from_a_backup_brings_what_came_since(pair: Pair) -> None:
    first = change(pair.alex, "one")
    pair.alex.git("push", "-q", "origin", "main")
    shutil.copytree(pair.hub.cwd, pair.top.cwd / "backup.git")
    second = change(pair.alex, "two")
    pair.alex.git("push", "-q", "origin", "main")
    shutil.rmtree(pair.hub.cwd)
    shutil.move(pair.top.cwd / "backup.git", pair.hub.cwd)
    pair.alex.git("push", "-q", "origin", "main")
    check_has_all(pair.hub, first, second)


def test_push_with_two_push_urls_brings_all_to_both(pair: Pair) -> None:
    new = new_hub(pair)
    pair.alex.git("remote", "set-url", "--add", "origin", str(new.cwd))
    oid = change(pair.alex, "one")
    pair.alex.git("push", "-q", "origin", "main")
    for hub in (pair.hub, new):
        check_has_all(hub, oid)
    second = change(pair.alex, "two")
    assert unshared(pair.alex) == 1
    datmo(pair.alex, "push")
    for hub in (pair.hub, new):
        check_has_all(hub, oid, second)
    pair.alex.git("push", "-q")
    # Pushes of others to the first URL, which git fetches from, are no news for it.
    ben = pair.clone("ben")
    change(ben, "three")
    ben.git("push", "-q")
    pair.alex.git("pull", "-q")
    assert unshared(pair.alex) == 1
    pair.alex.git("push", "-q")
    assert unshared(pair.alex) == 0


def test_status_counts_nothing_that_a_fetch_from_the_remote_brought(pair: Pair) -> None:
    pair.alex.git("push", "-q", "origin", "main")
    ben = pair.clone("ben")
    change(pair.alex, "one")
    pair.alex.git("push", "-q", "origin", "main")
    ben.git("pull", "-q")
    assert len(experiments(ben)) == 1
    assert unshared(ben) == 0
    # Another way to the same host makes no difference.
    ben.git("remote", "set-url", "--push", "origin", f"file://{pair.hub.cwd}")
    assert unshared(ben) == 0


def test_push_from_a_folder_below_the_top_reaches_a_relative_url(pair: Pair) -> None:
    new = new_hub(pair)
    pair.alex.git("remote", "set-url", "origin", "../new.git")
    oid = change(pair.alex, "one")
    (pair.alex.cwd / "deep/er").mkdir(parents=True)
    below = pair.alex.at("deep/er")
    datmo(below, "push")
    check_has_all(new, oid)
    datmo(below, "fetch")


def test_push_to_recreated_host_by_every_transport_sends_everything(pair: Pair, host: Host) -> None:
    alex = Shell(pair.alex.cwd, {**pair.alex.env, **host.environ})
    for key in ("http.receivepack", "daemon.receivepack", "uploadpack.allowFilter"):
        pair.hub.git("config", key, "true")
    alex.git("remote", "set-url", "origin", host.url(pair.hub.cwd))
    oid = change(alex, "one")
    alex.git("push", "-q", "origin", "main")
    for ref in pair.hub.git("for-each-ref", "--format=%(refname)").split():
        pair.hub.git("update-ref", "-d", ref)
    pair.hub.git("gc", "-q", "--prune=now")
    alex.git("push", "-q", "origin", "main")
    check_has_all(pair.hub, oid)


@both_ways
def test_snapshot_made_during_a_push_waits_for_the_next(pair: Pair) -> None:
    """Make the snapshot by a hook of the hub, between the objects and the records of the push."""
    alex = pair.alex
    first = change(alex, "one")
    # Variables of this environment must not reach the snapshot: another terminal has none of them.
    alex.write("meanwhile/y", "made meanwhile")
    datmo(alex, "add-data", "meanwhile")
    variables = " ".join(f"{name}='{value}'" for name, value in alex.env.items())
    script = pair.hub.write(
        "hooks/update",
        f"""#!/bin/sh
case $1 in refs/datmo/keep/*) ;; *) exit 0 ;; esac
[ ! -e ../made ] || exit 0
touch ../made
cd '{alex.cwd}' && exec env -i {variables} git datmo snapshot -m meanwhile
""",
    )
    script.chmod(0o755)
    alex.git("push", "-q", "origin", "main")
    assert len(experiments(alex)) == 2
    check_has_all(pair.hub, first)
    assert unshared(alex) == 1
    alex.git("push", "-q")
    check_has_all(pair.hub, *(each["id"] for each in experiments(alex)))


def test_record_without_data_is_repaired_by_a_clone_that_has_them(pair: Pair) -> None:
    ids = [change(pair.alex, "one"), change(pair.alex, "two")]
    pair.alex.git(
        "push", "-q", "--no-verify", "origin", "main", "refs/datmo/records", "refs/notes/datmo"
    )
    assert missing_on(pair.hub)
    ben = pair.clone("ben")
    ids.append(change(ben, "three"))
    ben.git("push", "-q")
    assert missing_on(pair.hub)
    datmo(pair.alex, "push")
    check_has_all(pair.hub, *ids)
    # Records that were found complete are not checked again: the request asks only for refs.
    before = pair.hub.git("for-each-ref")
    datmo(pair.alex, "push")
    assert pair.hub.git("for-each-ref") == before


@both_ways
def test_push_with_unavailable_data_of_another_user_succeeds(pair: Pair) -> None:
    alex = pair.alex
    pair.top.git("clone", "-q", str(pair.hub.cwd), "carl")
    carl = pair.top.at("carl")
    datmo(carl, "init")
    lost = change(carl, "gone")
    alex.git("remote", "add", "carl", str(carl.cwd))
    datmo(alex, "fetch", "carl")
    alex.git("fetch", "-q", "carl", "main:lost")
    alex.git("remote", "remove", "carl")
    shutil.rmtree(carl.cwd)
    mine = change(alex, "here")
    told = alex.run("git", "push", "origin", "main").stderr
    assert (
        f"left out 1 experiment, whose data are neither in this clone nor on any remote: the first is '{lost[:10]}'"
        in told
    )
    check_has_all(pair.hub, mine)
    # A remote with a relative path is not asked for what it lacks itself, and two URLs are told of
    # once.
    pair.top.git("init", "-q", "--bare", "second")
    alex.git("remote", "add", "second", "../second")
    told = alex.run("git", "push", "second", "main").stderr
    assert told.count("left out 1 experiment") == 1
    assert "what 'second' has of them" not in told
    alex.git("remote", "remove", "second")
    for url in (str(pair.hub.cwd), "../second"):
        alex.git("remote", "set-url", "--add", "--push", "origin", url)
    assert datmo(alex, "push").stderr.count("left out 1 experiment") == 1
    alex.git("config", "--unset-all", "remote.origin.pushurl")
    assert lost in alex.git("ls-tree", "-r", "--name-only", "refs/datmo/records").replace("/", "")
    # Incomplete data of the pushed commits are refused, with a hint that helps.
    failed = alex.run("git", "push", "origin", "lost", code=1).stderr
    assert f"'git datmo drop {lost[:10]}'" in failed
    assert "refs/heads/lost" not in pair.hub.git("for-each-ref")
    datmo(alex, "drop", lost[:10])
    alex.git("push", "-q", "origin", "lost")
    assert not missing_on(pair.hub)


def test_setting_of_a_remote_that_was_renamed_is_not_lost_in_silence(pair: Pair) -> None:
    alex = pair.alex
    place = pair.top.cwd / "place"
    place.mkdir()
    alex.git("config", "datmo.origin.store", str(place))
    change(alex, "one")
    alex.git("push", "-q", "origin", "main")
    alex.git("remote", "rename", "origin", "hub")
    change(alex, "two")
    before = pair.hub.git("for-each-ref")
    hint = "git config --rename-section datmo.origin datmo.hub"
    assert hint in alex.run("git", "push", "hub", "main", code=1).stderr
    refused(
        alex, "push", says=("'datmo.origin.store' is set, and there is no remote 'origin'", hint)
    )
    assert pair.hub.git("for-each-ref") == before
    alex.git(*hint.split()[1:])
    alex.git("push", "-q", "hub", "main")
    assert "refs/datmo/keep" not in pair.hub.git("for-each-ref")
    assert unshared(alex) == 0
    # A plain fetch brings the records under the new name, and under no other.
    assert "datmo-remotes/origin" not in alex.git("config", "--get-all", "remote.hub.fetch")


def test_store_of_a_clone_is_not_taken_for_a_remotes(pair: Pair) -> None:
    """Check that garbage collection does not take commits in the state of remotes for needed
    data."""
    first = change(pair.alex, "one")
    change(pair.alex, "two")
    pair.alex.git("push", "-q", "origin", "main")
    gone = next(each for each in experiments(pair.alex) if each["id"] == first)["payloads"][0][
        "object"
    ]
    datmo(pair.alex, "drop", first)
    datmo(pair.alex, "gc")
    assert pair.alex.run("git", *STORE, "cat-file", "-e", gone, ok=False).returncode
