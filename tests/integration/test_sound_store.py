"""Test that git finds the store sound: only objects that git allows are missing."""

from __future__ import annotations

import pytest

from tests.support.commands import STORE, datmo, objects
from tests.support.disk_space import MIB, check_store, filtering, noise, store_of, versions
from tests.support.pair import Pair
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell

# Maintenance commands of git that a person or a scheduler may run in any repository.
COMMANDS = (
    ("gc", "-q"),
    ("repack", "-q"),
    ("commit-graph", "write", "--reachable"),
    ("maintenance", "run", "--quiet", "--task=gc", "--task=commit-graph"),
    (
        "maintenance",
        "run",
        "--quiet",
        "--task=prefetch",
        "--task=loose-objects",
        "--task=incremental-repack",
    ),
    ("rev-list", "--all", "--objects"),
)


def share_versions(pair: Pair, host: HttpHost, *, filters: str) -> None:
    """Let Alex share two versions of a payload and one of another, with a host that filters or
    not."""
    pair.hub.git("config", "uploadpack.allowFilter", filters)
    pair.alex.git("remote", "set-url", "origin", host.url(pair.hub.cwd))
    pair.alex.write("other/small", noise(9, MIB))
    datmo(pair.alex, "add-data", "other")
    versions(pair.alex)
    pair.alex.git("push", "-q")


def clone_over_http(pair: Pair, host: HttpHost) -> Shell:
    clone = pair.clone()
    clone.git("remote", "set-url", "origin", host.url(pair.hub.cwd))
    return clone


def check_sound(shell: Shell) -> None:
    """Hold that git's own commands neither fail nor lose anything."""
    before = objects(shell, *STORE)
    for command in COMMANDS:
        shell.git(*STORE, *command)
        check_store(shell)
        assert objects(shell, *STORE) == before, command
    assert not shell.git(*STORE, "for-each-ref")
    assert not (store_of(shell) / "shallow").exists()


@filtering
def test_store_of_a_clone_that_pushes_is_sound(
    pair: Pair, http_host: HttpHost, filters: str
) -> None:
    share_versions(pair, http_host, filters=filters)
    check_sound(pair.alex)
    clone = clone_over_http(pair, http_host)
    check_sound(clone)
    datmo(clone, "checkout", "--", "data")
    check_sound(clone)
    clone.write("data/small", noise(7, 50_000))
    datmo(clone, "add-data", "data")
    clone.commit("code.py", "third\n")
    clone.git("push", "-q", "origin", "HEAD:refs/heads/next")
    check_sound(clone)
    datmo(clone, "checkout")
    check_sound(clone)


@filtering
def test_store_after_an_eviction_is_sound(pair: Pair, http_host: HttpHost, filters: str) -> None:
    share_versions(pair, http_host, filters=filters)
    datmo(pair.alex, "evict", "--all")
    check_sound(pair.alex)
    # Another payload is carried on by a snapshot whose blobs are missing.
    pair.alex.write("data/small", noise(7, 50_000))
    datmo(pair.alex, "add-data", "data")
    pair.alex.commit("code.py", "third\n")
    pair.alex.git("push", "-q")
    check_sound(pair.alex)
    datmo(pair.alex, "gc")
    check_sound(pair.alex)


def test_packs_of_a_store_are_not_deleted_by_git(repo: Shell) -> None:
    """Check a store whose payloads no ref names, so that git would collect them as garbage."""
    repo.write("data/file", noise(1, 100_000))
    datmo(repo, "add-data", "data")
    before = objects(repo, *STORE)
    assert repo.run("git", *STORE, "repack", "-adq", ok=False).returncode
    assert repo.run("git", *STORE, "prune", "--expire=now", ok=False).returncode
    repo.git(*STORE, "gc", "-q", "--prune=now")
    assert objects(repo, *STORE) == before


@pytest.mark.parametrize("command", [("drop", "--remote"), ("evict", "--all")])
def test_space_is_given_back_by_a_clone_of_many_snapshots(
    pair: Pair, http_host: HttpHost, command: tuple[str, ...]
) -> None:
    """Free more snapshots than git takes in one request, in a clone without their content."""
    for number in range(20):
        pair.alex.write("data/file", noise(number, 20_000))
        datmo(pair.alex, "add-data", "data")
        pair.alex.commit("code.py", f"# {number}\n")
        if number % 5 == 0:
            pair.alex.git("push", "-q")
    pair.alex.git("push", "-q")
    clone = clone_over_http(pair, http_host)
    datmo(clone, *command)
    check_sound(clone)
    datmo(clone, "checkout")
    assert (clone.cwd / "data/file").read_bytes() == noise(19, 20_000)
