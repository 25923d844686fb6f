"""Test that the store evicts objects of a remote, and names those that no remote has any more."""

from __future__ import annotations

import shutil

from tests.support.commands import datmo, experiments, objects, picture, refused, states
from tests.support.disk_space import (
    MIB,
    check_hub,
    check_store,
    filtering,
    noise,
    store_of,
    told,
    versions,
    weigh,
)
from tests.support.pair import Pair


@filtering
def test_data_on_the_remote_are_evicted_and_fetched_again(pair: Pair, filters: str) -> None:
    pair.hub.git("config", "uploadpack.allowFilter", filters)
    alex = pair.alex
    alex.write("other", noise(8))
    datmo(alex, "add-data", "other")
    one, _ = versions(alex)
    alex.git("push", "-q")
    before = picture(alex.cwd)
    size = weigh(store_of(alex))
    assert told(alex, "evict", "data", "--dry-run")["bytes"] > 4 * MIB
    assert weigh(store_of(alex)) == size
    assert told(alex, "evict", "data")["bytes"] > 4 * MIB
    assert 2 * MIB < weigh(store_of(alex)) < 2 * MIB + 200_000
    check_store(alex)
    assert picture(alex.cwd) == before
    assert set(states(alex).values()) == {"unchanged"}
    datmo(alex, "add-data", "data")
    datmo(alex, "checkout", one)
    assert (alex.cwd / "data" / "large").read_bytes() == noise(1)
    datmo(alex, "checkout")
    assert picture(alex.cwd) == before
    told(alex, "evict", "--all")
    assert weigh(store_of(alex)) < 200_000
    alex.git("checkout", "-q", "HEAD~1")
    assert (alex.cwd / "data" / "large").read_bytes() == noise(1)


def test_evicted_payload_takes_a_part_of_another_version(pair: Pair) -> None:
    """Check the payload's new size, which only the files of the working tree tell."""
    alex = pair.alex
    alex.write("data/small", "small")
    one, _ = versions(alex)
    alex.write("data/small", "smaller than before")
    datmo(alex, "snapshot")
    alex.git("push", "-q")
    told(alex, "evict", "--all")
    datmo(alex, "checkout", one, "--", "data/small", "data/large")
    assert (alex.cwd / "data" / "large").read_bytes() == noise(1)
    made = datmo(alex, "snapshot").stdout.strip()
    assert told(alex, "show", made)["payloads"] == told(alex, "show", one)["payloads"]
    check_store(alex)


def test_data_on_no_remote_are_not_evicted(pair: Pair) -> None:
    alex = pair.alex
    versions(alex, 1)
    alex.git("push", "-q")
    versions(alex, 1, first=2)
    alex.write("data/large", noise(3))
    datmo(alex, "add-data", "data")
    alex.write("more", noise(4))
    datmo(alex, "add-data", "more")
    assert told(alex, "evict", "--all")["bytes"] < 2 * MIB + 10_000
    assert weigh(store_of(alex)) > 6 * MIB
    alex.git("commit", "-q", "-am", "three", "--allow-empty")
    alex.git("push", "-q")
    other = pair.clone()
    datmo(other, "checkout")
    assert picture(other.cwd / "data") == picture(alex.cwd / "data")
    check_hub(pair.hub, 2 * MIB, 4)


def test_data_that_remote_only_claims_are_not_evicted(pair: Pair) -> None:
    """Remove the keep ref from a remote that has the objects and the records."""
    alex = pair.alex
    versions(alex)
    alex.git("push", "-q")
    pair.hub.git("update-ref", "-d", "refs/datmo/keep/1")
    assert told(alex, "evict", "--all")["objects"] == 0
    pair.hub.cwd.rename(pair.hub.cwd.with_name("away"))
    refused(alex, "evict", "--all")
    assert weigh(store_of(alex)) > 4 * MIB


@filtering
def test_change_after_eviction_is_shared_alone(pair: Pair, filters: str) -> None:
    pair.hub.git("config", "uploadpack.allowFilter", filters)
    alex = pair.alex
    for number in range(300):
        alex.write(f"data/{number}", noise(number, 5000 + number))
    versions(alex, 1)
    alex.git("push", "-q")
    told(alex, "evict", "--all")
    alex.write("data/7", noise(1007, 100))
    alex.write("data/new", noise(1008, 200))
    (alex.cwd / "data" / "9").unlink()
    with (alex.cwd / "data" / "large").open("r+b") as file:
        file.seek(MIB)
        file.write(b"changed")
    assert states(alex) == {"data": "modified"}
    alex.git("commit", "-q", "--allow-empty", "-m", "changed")
    (payload,) = experiments(alex)[0]["payloads"]
    every = [path for path in (alex.cwd / "data").iterdir() if path.is_file()]
    assert (payload["files"], payload["size"]) == (
        len(every),
        sum(path.stat().st_size for path in every),
    )
    before = objects(pair.hub)
    alex.git("push", "-q")
    new = [size for oid, (_, size) in objects(pair.hub).items() if oid not in before]
    assert sum(new) < 3 * MIB
    assert len(new) < 60
    other = pair.clone()
    datmo(other, "checkout")
    assert picture(other.cwd / "data") == picture(alex.cwd / "data")


def test_evict_of_unknown_payload_is_refused(pair: Pair) -> None:
    versions(pair.alex, 1)
    datmo(pair.alex, "evict", code=129)
    datmo(pair.alex, "evict", "--all", "data", code=129)
    refused(pair.alex, "evict", "nowhere", says=("nowhere", "git datmo du"))


@filtering
def test_payloads_that_are_unavailable_are_named(pair: Pair, filters: str) -> None:
    pair.hub.git("config", "uploadpack.allowFilter", filters)
    pair.hub.git("config", "core.logAllRefUpdates", "false")
    alex = pair.alex
    for number, path in enumerate(("first", "second/a", "third")):
        alex.write(path, noise(number, 5000))
    datmo(alex, "add-data", "first", "second", "third")
    alex.commit("code.py", "one")
    alex.git("push", "-q")
    objects_of = {
        payload["path"]: payload["object"] for payload in experiments(alex)[0]["payloads"]
    }
    tree = pair.hub.git("mktree", stdin=f"100644 blob {objects_of['first']}\tx\n".encode())
    kept = pair.hub.git("commit-tree", "-m", "first", tree)
    pair.hub.git("update-ref", "refs/datmo/keep/2", kept)
    pair.hub.git("update-ref", "-d", "refs/datmo/keep/1")
    pair.hub.git("gc", "-q", "--prune=now")
    other = pair.clone()
    assert len(experiments(other)) == 1
    assert set(states(other).values()) == {"not fetched"}
    line = refused(other, "checkout", code=2, says=("'second'", "'third'"))
    assert "'first'" not in line
    refused(other, "checkout", "--", "second/a", code=2, says=("cannot be found",))
    datmo(other, "checkout", "--", "first")
    assert (other.cwd / "first").read_bytes() == noise(0, 5000)


def test_evicted_data_whose_remote_is_gone_are_shared_from_their_files(pair: Pair) -> None:
    alex = pair.alex
    alex.write("data/a", b"a" * MIB)
    alex.write("data/b", noise(3))
    datmo(alex, "add-data", "data")
    alex.commit("train.py", "pass\n")
    alex.git("push", "-q", "origin", "main")
    datmo(alex, "evict", "--all")
    shutil.rmtree(pair.hub.cwd)
    pair.top.git("init", "-q", "--bare", "-b", "main", str(pair.hub.cwd))
    alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert picture(ignacio.cwd / "data") == picture(alex.cwd / "data")
