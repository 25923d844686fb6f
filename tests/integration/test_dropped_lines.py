"""Test that a host which drops or refuses large pushes gets smaller ones, and nothing twice."""

from __future__ import annotations

import pytest

from tests.support.commands import datmo, experiments, picture
from tests.support.disk_space import MIB, noise
from tests.support.pair import Pair, both_ways
from tests.support.remote_check import missing_on
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell

FAILING = """#!/bin/sh
echo >> "$COUNT"
[ "$(wc -l < "$COUNT")" -lt "$FAILS_FROM" ] || { echo "fatal: the remote end hung up unexpectedly" >&2; exit 1; }
exec git-receive-pack "$@"
"""


@pytest.fixture
def sharing(pair: Pair) -> Shell:
    """Return Alex's clone, which has several slices to share."""
    pair.alex.git("config", "datmo.origin.slice", "3m")
    pair.alex.write("data/large", noise(1, 8 * MIB))
    datmo(pair.alex, "add-data", "data")
    pair.alex.commit("code.py", "one\n")
    return pair.alex


def test_line_that_drops_twice_gets_smaller_slices(
    pair: Pair, sharing: Shell, http_host: HttpHost
) -> None:
    sharing.git("remote", "set-url", "origin", http_host.url(pair.hub.cwd))
    faults = [http_host.cut_after(1_500_000, "request", path="git-receive-pack") for _ in range(2)]
    said = sharing.run("git", "push", "origin", "main").stderr
    assert all(fault.bitten for fault in faults)
    assert said.count("dropped the connection: continuing from what it has") == 1
    assert said.count("drops the connection in pushes of") == 1
    assert sum(each.bytes_in for each in http_host.exchanges) < 13 * MIB
    assert not missing_on(pair.hub)
    clone = pair.clone()
    datmo(clone, "checkout")
    assert picture(clone.cwd / "data") == picture(sharing.cwd / "data")


def test_share_that_fails_within_its_slices_does_not_say_that_nothing_was_pushed(
    pair: Pair, sharing: Shell
) -> None:
    pair.top.write("receive-pack", FAILING).chmod(0o755)
    sharing.git("remote", "set-url", "origin", f"file://{pair.hub.cwd}")
    sharing.git("config", "remote.origin.receivepack", str(pair.top.cwd / "receive-pack"))
    counting = sharing.having(COUNT=str(pair.top.cwd / "count"), FAILS_FROM="3")
    done = counting.run("git", "push", "origin", "main", ok=False)
    assert done.returncode
    assert "nothing was pushed" not in done.stderr
    assert (
        "what was sent stays on 'origin': run the command again to go on from there" in done.stderr
    )
    sharing.git("config", "--unset", "remote.origin.receivepack")
    sharing.git("push", "-q", "origin", "main")
    assert not missing_on(pair.hub)


@both_ways
@pytest.mark.parametrize("status", [502, 413, 0], ids=["502", "413", "reset"])
def test_host_that_fails_at_large_pushes_gets_smaller_ones(
    pair: Pair, http_host: HttpHost, status: int
) -> None:
    alex = pair.alex
    alex.git("remote", "set-url", "origin", http_host.url(pair.hub.cwd))
    http_host.largest, http_host.status_of_large = 3 * MIB, status
    alex.write("data/large", noise(1, 7 * MIB))
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "one\n")
    said = alex.run("git", "push", "origin", "main").stderr
    assert (
        said.count("refuses pushes of" if status == 413 else "drops the connection in pushes of")
        == 2
    )
    assert pair.hub.git("rev-parse", "main") == alex.git("rev-parse", "main")
    assert not missing_on(pair.hub)
    clone = pair.clone()
    datmo(clone, "checkout")
    assert picture(clone.cwd / "data") == picture(alex.cwd / "data")


def test_push_that_fails_at_records_names_objects_that_stay(pair: Pair) -> None:
    """Let the host drop the fourth connection, after those of git, the keep ref and the objects."""
    pair.top.write("receive-pack", FAILING).chmod(0o755)
    alex = pair.alex.having(COUNT=str(pair.top.cwd / "count"), FAILS_FROM="4")
    alex.git("remote", "set-url", "origin", f"file://{pair.hub.cwd}")
    alex.git("config", "remote.origin.receivepack", str(pair.top.cwd / "receive-pack"))
    alex.write("data/x", "one")
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "one\n")
    done = alex.run("git", "push", "origin", "main", ok=False)
    assert done.returncode
    pair.hub.git("cat-file", "-e", experiments(alex)[0]["payloads"][0]["object"])
    assert "refs/datmo/records" not in pair.hub.git("for-each-ref")
    assert "nothing was pushed" not in done.stderr
    assert (
        "what was sent stays on 'origin': run the command again to go on from there" in done.stderr
    )


def test_push_to_two_urls_with_one_failure_names_the_successful_url(pair: Pair) -> None:
    alex, second = pair.alex, pair.top.cwd / "second.git"
    alex.git("remote", "set-url", "--add", "--push", "origin", str(pair.hub.cwd))
    alex.git("remote", "set-url", "--add", "--push", "origin", f"file://{second}")
    alex.write("data/x", "one")
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "one\n")
    done = datmo(alex, "push", ok=False)
    assert done.returncode
    assert "refs/datmo/records" in pair.hub.git("for-each-ref")
    assert "the remote's other URLs have what is new" in done.stderr
