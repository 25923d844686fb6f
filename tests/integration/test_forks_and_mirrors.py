"""Test forks, backups, mirrors and clones of clones: all data arrive, from wherever they are."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.pair import Pair, both_ways
from tests.support.remote_check import missing_on
from tests.support.servers.hosts import serve
from tests.support.shell import Shell


def change(shell: Shell, text: str) -> str:
    """Commit new code and data; return the id of the snapshot."""
    shell.write("data/x", text)
    datmo(shell, "add-data", "data")
    shell.commit(f"{shell.cwd.name}.py", text)
    return str(experiments(shell)[0]["id"])


def bare(pair: Pair, name: str) -> Shell:
    pair.top.git("init", "-q", "--bare", name)
    return pair.top.at(name)


def records(hub: Shell) -> set[str]:
    names = hub.git("ls-tree", "-r", "--name-only", "refs/datmo/records").split()
    return {name.replace("/", "").removesuffix(".json") for name in names if name != "format"}


def reads(pair: Pair, hub: Shell, text: str) -> bool:
    """Clone a repository, and return whether the newest data have this text."""
    pair.top.git("clone", "-q", f"datmo::{hub.cwd}", f"of-{hub.cwd.name}")
    copy = pair.top.at(f"of-{hub.cwd.name}")
    datmo(copy, "checkout")
    return (copy.cwd / "data/x").read_text() == text


@both_ways
def test_push_to_a_fork_brings_along_what_it_builds_on(pair: Pair) -> None:
    first = change(pair.alex, "one")
    pair.alex.git("push", "-q", "origin", "main")
    # A host copies branches, and nothing below refs/datmo.
    pair.top.git(
        "clone", "-q", "--bare", "--single-branch", "--branch=main", str(pair.hub.cwd), "fork.git"
    )
    fork = pair.top.at("fork.git")
    assert "refs/datmo" not in fork.git("for-each-ref")
    prefix = "datmo::" if pair.way == "helper" else ""
    pair.top.git("clone", "-q", f"{prefix}{fork.cwd}", "mine")
    mine = pair.top.at("mine")
    datmo(mine, "init")
    mine.git("remote", "add", "upstream", str(pair.hub.cwd))
    datmo(mine, "fetch", "upstream")
    mine.git("checkout", "-q", "-b", "feature")
    second = change(mine, "two")
    told = mine.run("git", "push", "origin", "feature").stderr
    assert "the data of 1 experiment are missing on 'origin' and in this clone" in told
    assert "fetching them from 'upstream'" in told
    assert records(fork) == {first, second}
    assert not missing_on(fork)
    # Upstream takes the branch of the fork, from a clone of its own.
    pair.alex.git("remote", "add", "fork", str(fork.cwd))
    pair.alex.git("fetch", "-q", "fork")
    pair.alex.git("merge", "-q", "fork/feature")
    pair.alex.git("push", "-q", "origin", "main")
    assert records(pair.hub) >= {first, second}
    assert not missing_on(pair.hub)
    assert reads(pair, pair.hub, "two")


def test_backup_remote_gets_what_is_on_the_other_alone(pair: Pair) -> None:
    """Push from a clone that has no data at all."""
    ids = {change(pair.alex, "one"), change(pair.alex, "two")}
    pair.alex.git("push", "-q", "origin", "main")
    ben, backup = pair.clone("ben"), bare(pair, "backup.git")
    ben.git("remote", "add", "backup", str(backup.cwd))
    ben.git("push", "-q", "backup", "main")
    assert records(backup) == ids
    assert not missing_on(backup)
    assert reads(pair, backup, "two")


@both_ways
def test_mirror_push_to_an_empty_host_carries_everything(pair: Pair) -> None:
    alex, new = pair.alex, bare(pair, "new.git")
    oid = change(alex, "one")
    alex.git("tag", "v1")
    alex.git("remote", "set-url", "origin", str(new.cwd))
    alex.git("push", "-q", "--mirror", "origin")
    assert records(new) == {oid}
    assert "refs/tags/v1" in new.git("for-each-ref")
    assert not missing_on(new)
    assert reads(pair, new, "one")
    # From now on it would delete the refs of the host, so no ref moves.
    before = new.git("for-each-ref")
    alex.git("tag", "v2")
    assert alex.run("git", "push", "--mirror", "origin", ok=False).returncode
    assert new.git("for-each-ref") == before


@both_ways
def test_mirror_push_without_records_is_refused_where_the_host_has_some(pair: Pair) -> None:
    alex = pair.alex
    change(alex, "one")
    alex.git("push", "-q", "origin", "main")
    before = pair.hub.git("for-each-ref")
    for ref in alex.git("for-each-ref", "--format=%(refname)", "refs/datmo", "refs/notes").split():
        alex.git("update-ref", "-d", ref)
    assert alex.run("git", "push", "--mirror", "origin", ok=False).returncode
    assert pair.hub.git("for-each-ref") == before


def test_mirror_of_a_remote_carries_everything_to_another_host(pair: Pair) -> None:
    oid = change(pair.alex, "one")
    pair.alex.git("push", "-q", "origin", "main")
    pair.top.git("clone", "-q", "--mirror", str(pair.hub.cwd), "mirror.git")
    mirror, new = pair.top.at("mirror.git"), bare(pair, "new.git")
    assert not missing_on(mirror)
    datmo(mirror, "init")
    mirror.git("push", "-q", "--mirror", str(new.cwd))
    assert records(new) == {oid}
    assert not missing_on(new)
    assert reads(pair, new, "one")


@pytest.mark.parametrize("kind", ["path", "file", "ssh"])
def test_clone_of_a_clone_gets_its_data_and_gives_its_own(
    pair: Pair, tmp_path: Path, kind: str
) -> None:
    """Share without any host: the data lie in the store of a colleague's clone."""
    change(pair.alex, "one")
    with serve(kind, tmp_path / "host") as host:
        top = Shell(pair.top.cwd, {**pair.top.env, **host.environ})
        top.git("clone", "-q", host.url(pair.alex.cwd), "copy")
        copy = top.at("copy")
        datmo(copy, "init")
        datmo(copy, "checkout")
        assert (copy.cwd / "data/x").read_text() == "one"
        copy.git("checkout", "-q", "-b", "feature")
        change(copy, "two")
        copy.git("push", "-q", "origin", "feature")
    # The store of the colleague has them: no remote is needed, and none is there.
    pair.alex.git("remote", "remove", "origin")
    pair.alex.git("checkout", "-q", "feature")
    datmo(pair.alex, "checkout")
    assert (pair.alex.cwd / "data/x").read_text() == "two"
    assert "keep" not in pair.alex.git("for-each-ref")


def test_packs_handed_to_a_folder_are_new_for_its_own_collection(pair: Pair) -> None:
    change(pair.alex, "one")
    long_ago = time.time() - 60 * 24 * 3600
    for path in (pair.alex.cwd / ".git/datmo/store.git/objects").rglob("*.pack"):
        os.utime(path, (long_ago, long_ago))
    pair.alex.git("push", "-q", "origin", "main")
    packs = list((pair.hub.cwd / "objects/pack").glob("*.pack"))
    assert packs
    assert all(path.stat().st_mtime > long_ago + 3600 for path in packs)
