"""Test that large shares go in slices: each is kept, and nothing is sent twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from tests.support.commands import datmo, experiments, objects
from tests.support.pair import Pair
from tests.support.remote_check import missing_on
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell

MIB = 1 << 20


def noise(seed: int, size: int) -> bytes:
    return Random(seed).randbytes(size)


def change(shell: Shell, seed: int, size: int) -> bytes:
    """Make an unshared snapshot of one large and some small files; return the content of the large
    one."""
    content = noise(seed, size)
    shell.write("data/large", content)
    for number in range(20):
        shell.write(f"data/small/{seed}-{number}", f"{seed} {number}")
    datmo(shell, "add-data", "data")
    shell.commit(f"{shell.cwd.name}.py", f"# {seed}\n")
    return content


def hook(hub: Shell, name: str, text: str) -> None:
    hub.write(f"hooks/{name}", f"#!/bin/sh\n{text}\n").chmod(0o755)


def received(host: HttpHost) -> int:
    """Return the bytes that pushes sent until now."""
    return sum(each.bytes_in for each in host.exchanges if each.path.endswith("git-receive-pack"))


def subjects(hub: Shell) -> list[str]:
    return hub.git("log", "--format=%s", "refs/datmo/keep/1").splitlines()


def known(shell: Shell) -> dict[str, Any]:
    """Return the cached facts about the host of origin."""
    facts: dict[str, Any] = json.loads((shell.cwd / ".git/datmo/hosts").read_text())[
        shell.git("config", "remote.origin.url")
    ]
    return facts


def check(hub: Shell) -> None:
    assert not hub.git("fsck", "--strict", "--no-dangling")
    assert not missing_on(hub)


@pytest.fixture
def over_http(pair: Pair, http_host: HttpHost) -> Pair:
    pair.alex.git("remote", "set-url", "origin", http_host.url(pair.hub.cwd))
    pair.alex.git("config", "datmo.origin.pause", "0")
    return pair


def test_killed_push_in_slices_resumes_at_its_slice(over_http: Pair, http_host: HttpHost) -> None:
    """Measure the bytes on the wire. Check that leftovers harm nobody, and are freed after a
    drop."""
    pair, alex, hub = over_http, over_http.alex, over_http.hub
    alex.git("config", "datmo.origin.slice", "1m")
    content = change(alex, 1, 20 * MIB)
    # The client dies in the eleventh slice, which the remote then does not take.
    pid, count = pair.top.cwd / "pid", pair.top.cwd / "count"
    hook(
        hub,
        "update",
        f"""case "$1" in */keep/*) echo >> '{count}';; esac
[ "$(wc -l < '{count}')" != 11 ] || {{ kill -9 "$(cat '{pid}')"; exit 1; }}""",
    )
    killed = alex.run("sh", "-c", f"echo $$ > '{pid}'; exec git-datmo push", code=-9)
    assert not killed.stdout
    (hub.cwd / "hooks/update").unlink()
    first = received(http_host)
    assert 8 * MIB < first < 12 * MIB
    assert "refs/notes" not in hub.git("for-each-ref")
    check(hub)
    # Another clone pushes on top of it without noticing.
    ignacio = pair.clone()
    ignacio.git("remote", "set-url", "origin", http_host.url(hub.cwd))
    change(ignacio, 2, 100_000)
    ignacio.git("push", "-q", "origin", "HEAD:refs/heads/ignacio")
    before = received(http_host)
    datmo(alex, "push")
    second = received(http_host) - before
    assert first + second < 20 * MIB * 1.06
    assert re.search(r"link parts done", "\n".join(subjects(hub)))
    check(hub)
    third = pair.clone("third")
    third.git("fetch", "-q")
    datmo(third, "checkout", experiments(alex)[0]["id"])
    assert (third.cwd / "data/large").read_bytes() == content


def test_parts_of_a_share_that_was_given_up_are_freed(pair: Pair) -> None:
    alex, hub = pair.alex, pair.hub
    alex.git("config", "datmo.origin.slice", "1m")
    change(alex, 1, 4 * MIB)
    hook(
        hub,
        "update",
        "[ \"$(git log --format=%s refs/datmo/keep/1 2>/dev/null | grep -c 'link part')\" -lt 2 ] || exit 1",
    )
    assert datmo(alex, "push", ok=False).returncode
    (hub.cwd / "hooks/update").unlink()
    hook(hub, "pre-receive", "exit 0")
    assert subjects(hub).count("datmo: part") == 2
    datmo(alex, "drop", experiments(alex)[0]["id"])
    for name in ("large", "small"):
        alex.run("rm", "-r", f"data/{name}")
    alex.write("data/other", "other")
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "two")
    freed = json.loads(datmo(alex, "gc", "--json").stdout)
    assert freed["bytes"] > 4 * MIB
    datmo(alex, "drop", "--remote")
    hub.git("-c", "gc.pruneExpire=now", "gc", "-q", "--prune=now")
    assert not [size for _, size in objects(hub).values() if size > 60_000]
    check(hub)


def test_push_to_host_with_limits_is_sliced(over_http: Pair, http_host: HttpHost) -> None:
    """Refuse packs above 3 MiB, objects above 1 MiB and two refs at once, and require a pause."""
    pair, alex, hub = over_http, over_http.alex, over_http.hub
    hub.git("config", "receive.maxInputSize", "3m")
    hub.git("config", "receive.advertiseAtomic", "false")
    hook(
        hub,
        "pre-receive",
        f"""while read -r old new ref; do
git rev-list --objects --no-object-names "$new" --not --all | git cat-file --batch-check='%(objectsize)' |
while read -r size; do [ "$size" -le {MIB} ] || {{ echo "an object of $size bytes" >&2; exit 1; }}; done || exit 1
done""",
    )
    fault = http_host.fail_post(429, path="git-receive-pack")
    content = change(alex, 1, 7 * MIB)
    told = alex.run("git", "push", "origin", "main").stderr.splitlines()
    assert fault.bitten
    assert len([line for line in told if "limits the rate of requests" in line]) == 1, told
    assert len([line for line in told if "refuses pushes" in line]) == 2, told
    facts = known(alex)
    assert (facts["limit"] < 3 * MIB, facts["atomic"]) == (True, False)
    # A limit that is known is not measured again.
    before = received(http_host)
    content += change(alex, 2, 4 * MIB)
    told = alex.run("git", "push", "origin", "main").stderr.splitlines()
    assert not [line for line in told if "origin" in line and line.startswith("git-datmo")]
    assert received(http_host) - before < 4.2 * MIB
    check(hub)
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data/large").read_bytes() == content[7 * MIB :]
    # A limit that no chunk passes is the host's own affair.
    hub.git("config", "receive.maxInputSize", "20k")
    change(alex, 3, 2 * MIB)
    done = alex.run("git", "push", "origin", "main", ok=False)
    assert done.returncode
    assert "exceeds maximum allowed size" in done.stderr
    assert "BUG" not in done.stderr


def test_push_in_slices_to_old_protocol_succeeds(over_http: Pair, http_host: HttpHost) -> None:
    """Offer no filter, no wants by id, and no negotiation."""
    pair, alex, hub = over_http, over_http.alex, over_http.hub
    http_host.speaks_v2 = False
    alex.git("config", "datmo.origin.slice", "1m")
    change(alex, 1, 3 * MIB)
    told = datmo(alex, "push").stderr.splitlines()
    assert len([line for line in told if "speaks an old protocol" in line]) == 1, told
    facts = known(alex)
    assert (facts["version"], facts["filters"], facts["by_id"]) == (0, False, False)
    before = received(http_host)
    alex.write("data/one-more", noise(2, 50_000))
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "two")
    assert "protocol" not in datmo(alex, "push").stderr
    assert received(http_host) - before < 150_000
    alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    ignacio.git("remote", "set-url", "origin", http_host.url(hub.cwd))
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data/large").read_bytes() == noise(1, 3 * MIB)
    check(hub)


def test_pushes_in_slices_at_once_succeed(pair: Pair, make_repo: Callable[..., Shell]) -> None:
    hook(pair.hub, "pre-receive", "exit 0")
    team = [pair.alex, pair.clone()]
    for seed, each in enumerate(team, 1):
        each.git("config", "datmo.origin.slice", "1m")
        change(each, seed, 3 * MIB)
    with ThreadPoolExecutor() as pool:
        pushes = [
            pool.submit(each.git, "push", "-q", "origin", f"HEAD:refs/heads/{each.cwd.name}")
            for each in team
        ]
    assert [push.result() for push in pushes] == ["", ""]
    assert subjects(pair.hub).count("datmo: part") >= 6
    check(pair.hub)
    assert len(experiments(pair.clone("third"), "origin/alex", "origin/ignacio")) == 2
