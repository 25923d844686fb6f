"""Test a team's day of work with every git at either end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments, picture, states
from tests.support.disk_space import check_store, noise
from tests.support.other_gits import MACHINE, Gits
from tests.support.pair import Pair
from tests.support.remote_check import missing_on
from tests.support.servers.hosts import Host, serve
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell

SIZE = 300_000
# Kinds of host that start the server's git by themselves.
KINDS = ("http", "ssh", "git")


def reach(pair: Pair, host: Host, shell: Shell) -> Shell:
    """Let a clone reach the hub through a host; return the clone's shell."""
    shell.git("remote", "set-url", "origin", host.url(pair.hub.cwd))
    return shell.having(**host.environ)


def add(shell: Shell, name: str, seed: int) -> None:
    shell.write(f"data/{name}", noise(seed, SIZE))
    datmo(shell, "add-data", "data")
    shell.commit("code.py", f"# {name}\n", name)


def share_three(shell: Shell) -> None:
    for number in range(3):
        add(shell, f"alex-{number}", number)
        shell.git("push", "-q")


def sent_by(host: HttpHost) -> int:
    return sum(exchange.bytes_in for exchange in host.exchanges)


@pytest.mark.parametrize("kind", KINDS)
def test_team_shares_data_and_frees_space(pair: Pair, tmp_path: Path, kind: str) -> None:
    with serve(kind, tmp_path / kind) as host:
        alex = reach(pair, host, pair.alex)
        share_three(alex)
        ben = reach(pair, host, pair.clone("ben"))
        datmo(ben, "checkout")
        assert picture(ben.cwd / "data") == picture(alex.cwd / "data")
        add(ben, "ben", 7)
        ben.git("push", "-q", "origin", "HEAD:main")
        alex.git("pull", "-q")
        assert picture(ben.cwd / "data") == picture(alex.cwd / "data")
        assert states(alex) == states(ben) == {"data": "unchanged"}
        datmo(ben, "drop", experiments(ben)[1]["id"])
        assert "released 1 snapshot," in datmo(ben, "drop", "--remote").stdout
        datmo(ben, "evict", "--all")
        check_store(ben)
        (ben.cwd / "data/alex-0").unlink()
        datmo(ben, "checkout", "--", "data/alex-0")
        assert (ben.cwd / "data/alex-0").read_bytes() == noise(0, SIZE)
        check_store(ben)
        check_store(alex)
        pair.hub.git("fsck", "--strict", "--no-dangling")
        assert not missing_on(pair.hub)


@pytest.mark.parametrize(("version", "filters"), [("0", "false"), ("1", "true"), ("2", "false")])
def test_clone_sends_only_new_data(
    pair: Pair, http_host: HttpHost, version: str, filters: str
) -> None:
    """Check each version of the protocol that a user may configure."""
    pair.hub.git("config", "uploadpack.allowFilter", filters)
    share_three(reach(pair, http_host, pair.alex))
    ben = reach(pair, http_host, pair.clone("ben"))
    ben.git("config", "protocol.version", version)
    datmo(ben, "checkout")
    add(ben, "ben", 7)
    before = sent_by(http_host)
    ben.git("push", "-q", "origin", "HEAD:main")
    assert sent_by(http_host) - before < 1.2 * SIZE + 50_000
    # A snapshot far back in the chain is a base, too.
    ben.git("checkout", "-q", "-b", "older", "HEAD~3")
    datmo(ben, "checkout")
    add(ben, "other", 8)
    before = sent_by(http_host)
    ben.git("push", "-q", "origin", "HEAD")
    assert sent_by(http_host) - before < 1.2 * SIZE + 50_000
    assert not missing_on(pair.hub)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_story_works_with_announced_defaults_of_git(
    tmp_path: Path, make_repo: object, gits: Gits, object_format: str
) -> None:
    """Use SHA-256, reftables where both gits know them, checked transfers, explicit bare
    repositories and pruning fetches."""
    assert callable(make_repo)
    reftable = MACHINE not in (gits.client, gits.server)
    form = {"GIT_DEFAULT_REF_FORMAT": "reftable"} if reftable else {}
    hub = make_repo("hub.git", bare=True, object_format=object_format, **form)
    alex = make_repo("alex", object_format=object_format, **form)
    for key, value in SETTINGS.items():
        alex.git("config", "--global", key, value)
    if reftable:
        assert alex.git("rev-parse", "--show-ref-format") == "reftable"
    with serve("http", tmp_path / "host") as host:
        alex.git("remote", "add", "origin", host.url(hub.cwd))
        alex.commit("code.py", "pass\n")
        alex.git("push", "-q", "-u", "origin", "main")
        datmo(alex, "init")
        add(alex, "one", 1)
        alex.git("push", "-q")
        top = alex.at("..")
        top.git("clone", "-q", f"datmo::{host.url(hub.cwd)}", "ben")
        ben = top.at("ben")
        datmo(ben, "checkout")
        assert picture(ben.cwd / "data") == picture(alex.cwd / "data")
        add(ben, "two", 2)
        ben.git("push", "-q", "origin", "HEAD:main")
        alex.git("pull", "-q")
        assert picture(ben.cwd / "data") == picture(alex.cwd / "data")
        add(alex, "three", 3)
        alex.git("push", "-q")
        datmo(ben, "drop", experiments(ben)[0]["id"])
        datmo(ben, "drop", "--remote")
        datmo(ben, "evict", "--all")
        check_store(ben)
        hub.run("git", "--git-dir=.", "fsck", "--strict", "--no-dangling")


SETTINGS = {
    "safe.bareRepository": "explicit",
    "transfer.fsckObjects": "true",
    "fetch.prune": "true",
    "feature.manyFiles": "true",
    "core.fsmonitor": "true",
    "push.negotiate": "true",
}
