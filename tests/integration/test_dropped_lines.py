"""A line that drops within a slice gets smaller slices, and what was sent is not sent again."""

from __future__ import annotations

import pytest

from tests.crash.remote_check import lacking
from tests.integration.conftest import Pair
from tests.integration.spaces import MIB, noise
from tests.integration.team import datmo, picture
from tests.servers.http import HttpHost
from tests.servers.shell import Shell

FAILING = """#!/bin/sh
echo >> "$COUNT"
[ "$(wc -l < "$COUNT")" -lt 3 ] || { echo "fatal: the remote end hung up unexpectedly" >&2; exit 1; }
exec git-receive-pack "$@"
"""


@pytest.fixture
def sharing(pair: Pair) -> Shell:
    """Alex, who has some slices to share."""
    pair.alex.git("config", "datmo.origin.slice", "3m")
    pair.alex.write("data/large", noise(1, 8 * MIB))
    datmo(pair.alex, "add-data", "data")
    pair.alex.commit("code.py", "one\n")
    return pair.alex


def test_line_that_drops_twice_gets_smaller_slices(pair: Pair, sharing: Shell, http_host: HttpHost) -> None:
    sharing.git("remote", "set-url", "origin", http_host.url(pair.hub.cwd))
    faults = [http_host.cut_after(1_500_000, "request", path="git-receive-pack") for _ in range(2)]
    said = sharing.run("git", "push", "origin", "main").stderr
    assert all(fault.bitten for fault in faults)
    assert said.count("dropped the connection: going on from what it has") == 1
    assert said.count("drops the connection in pushes of") == 1
    assert sum(each.bytes_in for each in http_host.exchanges) < 13 * MIB
    assert not lacking(pair.hub)
    clone = pair.clone()
    datmo(clone, "checkout")
    assert picture(clone.cwd / "data") == picture(sharing.cwd / "data")


def test_share_that_fails_within_its_slices_does_not_say_that_nothing_was_pushed(pair: Pair, sharing: Shell) -> None:
    pair.top.write("receive-pack", FAILING).chmod(0o755)
    sharing.git("remote", "set-url", "origin", f"file://{pair.hub.cwd}")
    sharing.git("config", "remote.origin.receivepack", str(pair.top.cwd / "receive-pack"))
    counting = sharing.having(COUNT=str(pair.top.cwd / "count"))
    done = counting.run("git", "push", "origin", "main", ok=False)
    assert done.returncode
    assert "nothing was pushed" not in done.stderr
    assert "what was sent stays on 'origin': run the command again to go on from there" in done.stderr
    sharing.git("config", "--unset", "remote.origin.receivepack")
    sharing.git("push", "-q", "origin", "main")
    assert not lacking(pair.hub)
