"""Test a host that is not git's: dulwich's server, which speaks version 0 of the protocol only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.commands import datmo, experiments, picture
from tests.support.pair import Pair, both_ways
from tests.support.remote_check import missing_on
from tests.support.servers.dulwich_host import DulwichHost, serve_dulwich
from tests.support.shell import Shell

OLD = "'origin' speaks an old protocol: fetching everything that it keeps"


@pytest.fixture
def dulwich() -> Iterator[DulwichHost]:
    with serve_dulwich() as served:
        yield served


def change(shell: Shell, name: str, content: str) -> None:
    shell.write(f"data/{name}", content)
    datmo(shell, "add-data", "data")
    shell.commit("code.py", f"# {name}\n")


@both_ways
def test_team_shares_through_a_host_of_another_implementation(
    pair: Pair, dulwich: DulwichHost
) -> None:
    alex, url = pair.alex, dulwich.url(pair.hub.cwd)
    alex.git("remote", "set-url", "origin", url)
    change(alex, "one", "1" * 2_000_000)
    alex.git("push", "-q", "origin", "main")
    assert not missing_on(pair.hub)
    pair.top.git("clone", "-q", f"datmo::{url}", "ignacio")
    ignacio = pair.top.at("ignacio")
    assert datmo(ignacio, "checkout").stderr.splitlines() == [f"git-datmo: {OLD}"]
    assert picture(ignacio.cwd / "data") == picture(alex.cwd / "data")
    change(ignacio, "two", "2")
    ignacio.git("push", "-q", "origin", "main")
    alex.git("pull", "-q", "origin", "main")
    assert picture(alex.cwd / "data") == picture(ignacio.cwd / "data")
    assert not missing_on(pair.hub)
    assert not pair.hub.git("fsck", "--strict", "--no-dangling")


def test_clone_of_plain_git_gets_data_from_dulwich(pair: Pair, dulwich: DulwichHost) -> None:
    change(pair.alex, "one", "1")
    pair.alex.git("push", "-q", "origin", "main")
    pair.top.git("clone", "-q", dulwich.url(pair.hub.cwd), "plain")
    plain = pair.top.at("plain")
    datmo(plain, "init")
    datmo(plain, "checkout")
    assert (plain.cwd / "data/one").read_text() == "1"
    # Dropped data are dropped on this host, too.
    datmo(plain, "drop", experiments(plain)[0]["id"], "--remote")
    assert "refs/datmo/keep/2" in pair.hub.git("for-each-ref")
    assert "refs/datmo/keep/1" not in pair.hub.git("for-each-ref")
