"""Giving space back: snapshots are dropped, stores collected, on this side and on the remote; nothing needed goes."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from git_datmo.model import FORMATS
from git_datmo.records import codec
from git_datmo.records.types import Annotation
from tests.crash.remote_check import lacking
from tests.integration.conftest import Pair
from tests.integration.team import STORE, datmo, experiments, objects, picture, refused, states
from tests.servers.http import HttpHost
from tests.servers.shell import Shell
from tests.unit.ledgers import annotation, open_ledger

MIB = 1 << 20


def noise(seed: int, size: int = 2 * MIB) -> bytes:
    return Random(seed).randbytes(size)


def told(shell: Shell, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(datmo(shell, *words, "--json").stdout)
    return document


def weigh(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def store_of(shell: Shell) -> Path:
    return shell.cwd / ".git" / "datmo" / "store.git"


def check_store(shell: Shell) -> None:
    done = shell.run("git", *STORE, "fsck", "--strict", "--no-dangling", "--no-progress")
    assert not [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("notice: ")], str(done)


def versions(shell: Shell, count: int = 2, first: int = 1) -> list[str]:
    """A snapshot for each version of a file of 2 MiB, each of which has nothing in common with the others."""
    made = []
    for number in range(first, first + count):
        shell.write("data/large", noise(number))
        datmo(shell, "add-data", "data")
        shell.commit("code.py", f"# {number}\n", f"version {number}")
        made.append(experiments(shell)[0]["id"])
    return made


# Dropping.


def test_a_dropped_snapshot_is_gone_from_the_log_and_its_reason_is_kept(repo: Shell) -> None:
    one, two = versions(repo)
    done = told(repo, "drop", one[:8], "--why", "wrong labels")
    assert done["dropped"] == [one]
    assert [found["id"] for found in experiments(repo)] == [two]
    record = json.loads(repo.git("cat-file", "blob", done["id"]))
    assert (record["kind"], record["records"], record["why"]) == ("drop", [one], "wrong labels")
    assert "wrong labels" in repo.git("notes", "--ref=datmo", "show", record["commit"])
    refused(repo, "show", one)


def test_ids_that_name_nothing_or_too_much_are_one_line(repo: Shell) -> None:
    one, two = versions(repo)
    refused(repo, "drop", "ffffffffff", says=("ffffffffff", "git datmo log"))
    refused(repo, "drop", "HEAD", says=("HEAD",))
    datmo(repo, "drop", one)
    refused(repo, "drop", one, says=("dropped already",))
    refused(repo, "drop", two, "0000000", says=("0000000",))
    assert [found["id"] for found in experiments(repo)] == [two]
    datmo(repo, "drop", code=129)


def test_an_ambiguous_id_is_refused(repo: Shell) -> None:
    commit = repo.commit("code.py", "pass")
    datmo(repo, "snapshot", "-m", "one")
    begun: dict[str, Annotation] = {}
    with open_ledger(repo) as ledger:
        for number in range(10_000):
            record = annotation(commit, str(number))
            start = str(FORMATS["sha1"].hash("blob", codec.encode(record)))[:4]
            if start in begun:
                break
            begun[start] = record
        ledger.attach(begun[start], record)
    refused(repo, "drop", start, says=("2 records", "give more of the id"))


def test_dropping_what_the_tree_and_a_branch_are_at_is_said_and_done(repo: Shell) -> None:
    one, two = versions(repo)
    done = datmo(repo, "drop", two)
    assert "working tree" in done.stderr
    assert "branch 'main'" in done.stderr
    assert states(repo) == {"data": "unchanged"}
    assert [found["id"] for found in experiments(repo)] == [one]


# Collecting.


def test_what_only_a_dropped_snapshot_needs_is_freed(repo: Shell) -> None:
    one, two = versions(repo)
    assert told(repo, "gc")["objects"] == 0
    before = weigh(store_of(repo))
    datmo(repo, "drop", one)
    would = told(repo, "gc", "--dry-run")
    assert weigh(store_of(repo)) == before
    done = told(repo, "gc")
    assert (would["objects"], would["bytes"]) == (done["objects"], done["bytes"])
    assert done["bytes"] > 2 * MIB - 4096
    assert weigh(store_of(repo)) < before - 2 * MIB + 4096
    check_store(repo)
    assert told(repo, "gc")["objects"] == 0
    shutil.rmtree(repo.cwd / "data")
    datmo(repo, "checkout", two)
    assert (repo.cwd / "data" / "large").read_bytes() == noise(2)


def test_what_a_working_tree_tracks_stays(repo: Shell) -> None:
    """Also in another working tree, and though no snapshot has it."""
    (one,) = versions(repo, 1)
    repo.git("worktree", "add", "-q", "../linked", "-b", "linked")
    linked = repo.at("../linked")
    datmo(linked, "checkout")
    datmo(repo, "drop", one)
    repo.write("more", noise(3))
    datmo(repo, "add-data", "more")
    datmo(repo, "rm", "data")
    assert told(repo, "gc")["bytes"] < 4096
    for shell, path, number in ((repo, "more", 3), (linked, "data/large", 1)):
        assert set(states(shell).values()) == {"unchanged"}
        (payload,) = told(shell, "status")["payloads"]
        repo.git(*STORE, "rev-list", "--objects", payload["object"])
        assert (shell.cwd / path).read_bytes() == noise(number)
    datmo(linked, "rm", "data")
    assert told(linked, "gc")["bytes"] > 2 * MIB
    check_store(repo)


def test_what_was_added_and_given_up_is_freed_and_what_is_shared_stays(repo: Shell) -> None:
    (one,) = versions(repo, 1)
    repo.write("copy", noise(1))
    repo.write("other", noise(9))
    datmo(repo, "add-data", "copy", "other")
    datmo(repo, "rm", "copy", "other")
    freed = told(repo, "gc")["bytes"]
    assert 2 * MIB < freed < 2 * MIB + 4096
    shutil.rmtree(repo.cwd / "data")
    datmo(repo, "checkout", one)
    assert (repo.cwd / "data" / "large").read_bytes() == noise(1)


def test_a_record_that_cannot_be_read_keeps_what_it_names(repo: Shell) -> None:
    """A newer git-datmo may have written it."""
    repo.write("odd", noise(5))
    datmo(repo, "add-data", "odd")
    (payload,) = told(repo, "status")["payloads"]
    raw = json.dumps({"version": 2, "kind": "future", "thing": payload["object"]}).encode()
    oid = repo.git("hash-object", "-w", "--stdin", stdin=raw)
    tree = repo.git("mktree", stdin=f"100644 blob {oid}\t{oid[2:]}.json\n".encode())
    tree = repo.git("mktree", stdin=f"040000 tree {tree}\t{oid[:2]}\n".encode())
    repo.git("update-ref", "refs/datmo/records", repo.git("commit-tree", "-m", "x", tree))
    datmo(repo, "rm", "odd")
    assert told(repo, "gc")["bytes"] < 4096
    datmo(repo, "drop", oid)
    assert told(repo, "gc")["bytes"] > 2 * MIB


def test_many_small_packs_become_one(repo: Shell) -> None:
    for number in range(20):
        repo.write(f"data/{number}", f"{number}")
        datmo(repo, "add-data", "data")
    datmo(repo, "snapshot")
    packs = store_of(repo) / "objects" / "pack"
    assert len(list(packs.glob("*.pack"))) > 16
    before = objects(repo, *STORE)
    datmo(repo, "gc")
    assert len(list(packs.glob("*.pack"))) == 1
    after = objects(repo, *STORE)
    assert after.items() <= before.items()
    check_store(repo)
    shutil.rmtree(repo.cwd / "data")
    datmo(repo, "checkout")
    assert len(picture(repo.cwd / "data")) == 21


def test_a_remembered_keep_ref_goes_when_it_keeps_what_was_dropped(pair: Pair) -> None:
    one, _ = versions(pair.alex)
    pair.alex.git("push", "-q")
    assert pair.alex.git(*STORE, "for-each-ref", "refs/datmo/kept/")
    assert told(pair.alex, "gc")["bytes"] < 4096
    assert pair.alex.git(*STORE, "for-each-ref", "refs/datmo/kept/")
    datmo(pair.alex, "drop", one)
    assert told(pair.alex, "gc")["bytes"] > 2 * MIB
    check_store(pair.alex)
    versions(pair.alex, 1, first=3)
    pair.alex.git("push", "-q")
    assert len(experiments(pair.clone())) == 2


# On the remote.


def keep_refs(hub: Shell) -> list[str]:
    return hub.git("for-each-ref", "--format=%(refname)", "refs/datmo/keep/").split()


def check_hub(hub: Shell, size: int, versions: int) -> None:
    """What the host has after its own collection: sound, and of so many versions of `size` bytes each."""
    hub.git("gc", "-q", "--prune=now")
    fsck = hub.run("git", "fsck", "--strict", "--full", "--no-dangling", "--no-progress")
    assert [line for line in (fsck.stdout + fsck.stderr).splitlines() if not line.startswith("notice: ")] == []
    assert versions * size <= weigh(hub.cwd) < versions * size + MIB
    assert not lacking(hub)


filtering = pytest.mark.parametrize("filters", ["false", "true"])


@pytest.mark.parametrize(("pair", "filters"), [("hook", "true"), ("helper", "false")], indirect=["pair"])
def test_a_remote_lets_go_of_what_was_dropped(pair: Pair, filters: str) -> None:
    pair.hub.git("config", "uploadpack.allowFilter", filters)
    one, two, three = versions(pair.alex, 3)
    pair.alex.git("push", "-q")
    old = pair.clone("old")
    datmo(old, "checkout", "HEAD~1")
    check_hub(pair.hub, 2 * MIB, 3)
    done = told(pair.alex, "drop", two, "--remote")
    assert done["remote"] == {"name": "origin", "kept": 2, "released": 1, "unkept": []}
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    check_hub(pair.hub, 2 * MIB, 2)
    assert told(pair.alex, "gc")["bytes"] > 2 * MIB
    check_store(pair.alex)
    # Again, there is nothing to do.
    assert told(pair.alex, "drop", "--remote")["remote"] == {"name": "origin", "kept": 2, "released": 0, "unkept": []}
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    # A clone from before goes on, and so does a new one.
    old.git("pull", "-q")
    assert [found["id"] for found in experiments(old)] == [three, one]
    new = pair.clone("new")
    for clone in (old, new):
        for oid, number in ((one, 1), (three, 3)):
            datmo(clone, "checkout", "--force", oid)
            assert (clone.cwd / "data" / "large").read_bytes() == noise(number)
    (newest,) = versions(old, 1, first=5)
    old.git("push", "-q")
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    check_hub(pair.hub, 2 * MIB, 3)
    datmo(pair.alex, "fetch")
    datmo(pair.alex, "checkout", newest)
    assert (pair.alex.cwd / "data" / "large").read_bytes() == noise(5)


@filtering
def test_a_clone_without_any_payload_lets_a_remote_go_by_a_few_bytes(
    pair: Pair, http_host: HttpHost, filters: str
) -> None:
    pair.hub.git("config", "uploadpack.allowFilter", filters)
    pair.hub.git("config", "http.receivepack", "true")
    for number in range(3):
        versions(pair.alex, 2, first=2 * number + 1)
        pair.alex.git("push", "-q")
    (dropped, *_) = experiments(pair.alex)
    pair.top.git("clone", "-q", f"datmo::{http_host.url(pair.hub.cwd)}", "other")
    other = pair.top.at("other")
    http_host.exchanges.clear()
    assert told(other, "drop", dropped["id"], "--remote")["remote"]["kept"] == 5
    assert sum(exchange.bytes_in + exchange.bytes_out for exchange in http_host.exchanges) < 40_000
    assert weigh(store_of(other)) < 100_000
    check_hub(pair.hub, 2 * MIB, 5)
    last = pair.clone("last")
    datmo(last, "checkout")
    assert (last.cwd / "data" / "large").read_bytes() == noise(5)


def test_all_that_a_remote_has_can_be_dropped(pair: Pair) -> None:
    made = versions(pair.alex)
    pair.alex.git("push", "-q")
    assert told(pair.alex, "drop", *made, "--remote")["remote"]["kept"] == 0
    check_hub(pair.hub, 2 * MIB, 0)
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    versions(pair.alex, 1, first=3)
    pair.alex.git("push", "-q")
    check_hub(pair.hub, 2 * MIB, 1)


def test_a_push_that_lands_in_the_old_epoch_survives(pair: Pair) -> None:
    """It comes in the moment in which the new ref was made and the old one is not deleted yet."""
    made = versions(pair.alex)
    pair.alex.git("push", "-q")
    ben = pair.clone("ben")
    before = pair.hub.git("rev-parse", "refs/datmo/keep/1")
    (new,) = versions(ben, 1, first=7)
    ben.git("push", "-q")
    late = pair.hub.git("rev-parse", "refs/datmo/keep/1")
    pair.hub.git("update-ref", "refs/datmo/keep/1", before)
    hook = pair.hub.cwd / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\n"
        f'[ "$1" != refs/datmo/keep/2 ] || [ -e landed ] || {{ : >landed; git update-ref refs/datmo/keep/1 {late}; }}\n'
    )
    hook.chmod(0o755)
    told(pair.alex, "drop", made[0], "--remote")
    assert (pair.hub.cwd / "landed").exists()
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    check_hub(pair.hub, 2 * MIB, 2)
    other = pair.clone("other")
    datmo(other, "checkout", new)
    assert (other.cwd / "data" / "large").read_bytes() == noise(7)


def test_what_is_kept_and_named_by_no_record_yet_stays(pair: Pair) -> None:
    """Somebody has sent objects, and has not said yet what they are."""
    made = versions(pair.alex)
    pair.alex.git("push", "-q")
    ben = pair.clone("ben")
    (new,) = versions(ben, 1, first=7)
    before = {ref: pair.hub.git("rev-parse", ref) for ref in ("refs/datmo/records", "refs/notes/datmo")}
    ben.git("push", "-q")
    for ref, tip in before.items():
        pair.hub.git("update-ref", ref, tip)
    assert told(pair.alex, "drop", made[0], "--remote")["remote"]["kept"] == 2
    pair.hub.git("gc", "-q", "--prune=now")
    ben.git("update-ref", "-d", "refs/datmo-remotes/origin/records")
    datmo(ben, "push")
    check_hub(pair.hub, 2 * MIB, 2)
    other = pair.clone("other")
    datmo(other, "checkout", new)


def test_a_release_that_was_cut_off_before_the_old_ref_went_is_taken_up(pair: Pair) -> None:
    made = versions(pair.alex)
    pair.alex.git("push", "-q")
    old = pair.hub.git("rev-parse", "refs/datmo/keep/1")
    told(pair.alex, "drop", made[0], "--remote")
    pair.hub.git("update-ref", "refs/datmo/keep/1", old)
    assert told(pair.alex, "drop", "--remote")["remote"]["kept"] == 1
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    check_hub(pair.hub, 2 * MIB, 1)


def test_a_snapshot_whose_objects_the_remote_has_not_is_told_and_not_kept(pair: Pair) -> None:
    one, two = versions(pair.alex)
    pair.alex.git("push", "-q", "--no-verify", "origin", "refs/datmo/records", "refs/notes/datmo")
    three = versions(pair.alex, 1, first=3)[0]
    datmo(pair.alex, "push")
    assert pair.hub.git("rev-list", "--count", "refs/datmo/keep/1") == "2"
    done = datmo(pair.alex, "drop", "--remote")
    assert done.stderr.count("does not keep what snapshot") == 2
    assert one[:10] in done.stderr
    assert two[:10] in done.stderr
    assert three[:10] not in done.stderr


# Evicting.


@filtering
def test_what_the_remote_has_is_evicted_and_fetched_again(pair: Pair, filters: str) -> None:
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


def test_what_was_evicted_gives_way_to_a_part_of_another_version(pair: Pair) -> None:
    """The payload's new size is told from files that are here in the working tree alone."""
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


def test_what_no_remote_has_is_never_evicted(pair: Pair) -> None:
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


def test_a_remote_that_only_says_so_keeps_nothing_from_staying(pair: Pair) -> None:
    """Its records name the snapshot, and it even has the objects; but no keep ref of it leads there."""
    alex = pair.alex
    versions(alex)
    alex.git("push", "-q")
    pair.hub.git("update-ref", "-d", "refs/datmo/keep/1")
    assert told(alex, "evict", "--all")["objects"] == 0
    pair.hub.cwd.rename(pair.hub.cwd.with_name("away"))
    refused(alex, "evict", "--all")
    assert weigh(store_of(alex)) > 4 * MIB


@filtering
def test_a_change_after_an_eviction_is_stored_and_shared_alone(pair: Pair, filters: str) -> None:
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
    assert (payload["files"], payload["size"]) == (len(every), sum(path.stat().st_size for path in every))
    before = objects(pair.hub)
    alex.git("push", "-q")
    new = [size for oid, (_, size) in objects(pair.hub).items() if oid not in before]
    assert sum(new) < 3 * MIB
    assert len(new) < 60
    other = pair.clone()
    datmo(other, "checkout")
    assert picture(other.cwd / "data") == picture(alex.cwd / "data")


def test_words_of_evict(pair: Pair) -> None:
    versions(pair.alex, 1)
    datmo(pair.alex, "evict", code=129)
    datmo(pair.alex, "evict", "--all", "data", code=129)
    refused(pair.alex, "evict", "nowhere", says=("nowhere", "git datmo du"))


# A remote that has lost data.


@filtering
def test_payloads_that_can_be_had_nowhere_are_named(pair: Pair, filters: str) -> None:
    pair.hub.git("config", "uploadpack.allowFilter", filters)
    pair.hub.git("config", "core.logAllRefUpdates", "false")
    alex = pair.alex
    for number, path in enumerate(("first", "second/a", "third")):
        alex.write(path, noise(number, 5000))
    datmo(alex, "add-data", "first", "second", "third")
    alex.commit("code.py", "one")
    alex.git("push", "-q")
    objects_of = {payload["path"]: payload["object"] for payload in experiments(alex)[0]["payloads"]}
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
    refused(other, "checkout", "--", "second/a", code=2, says=("nowhere",))
    datmo(other, "checkout", "--", "first")
    assert (other.cwd / "first").read_bytes() == noise(0, 5000)


# Measuring.


def test_what_is_used_alone_and_together(pair: Pair) -> None:
    alex = pair.alex
    alex.write("copy", noise(1))
    alex.write("same", noise(6))
    datmo(alex, "add-data", "copy", "same")
    one, two, three = versions(alex, 3)
    use = told(alex, "du")
    payloads = {each["path"]: each for each in use["payloads"]}
    assert set(payloads) == {":code", ":environment", "copy", "data", "same"}
    assert {path: each["versions"] for path, each in payloads.items()} | {":environment": 1} == {
        ":code": 3, ":environment": 1, "copy": 1, "data": 3, "same": 1,
    }  # fmt: skip
    assert 4 * MIB < payloads["data"]["own"] < 4 * MIB + 10_000
    assert payloads["copy"]["own"] < 1000
    assert 2 * MIB <= payloads["same"]["own"] < 2 * MIB + 10_000
    assert 2 * MIB <= use["payloads_shared"] < 2 * MIB + 10_000
    assert use["total"] == sum(each["own"] for each in use["payloads"]) + use["payloads_shared"]
    assert use["total"] <= use["disk"] < use["total"] + 200_000
    snapshots = {each["id"]: each for each in use["snapshots"]}
    assert list(snapshots) == [three, two, one]
    assert 6 * MIB <= snapshots[two]["size"] < 6 * MIB + 10_000
    # The first has its data from 'copy' too, the last is what the working tree is at.
    assert [snapshots[oid]["own"] > 2 * MIB for oid in (one, two, three)] == [False, True, False]
    datmo(alex, "drop", two)
    freed = told(alex, "gc")["bytes"]
    assert snapshots[two]["own"] <= freed < snapshots[two]["own"] + 2000
    assert "shared between them" in datmo(alex, "du").stdout


def test_what_a_remote_holds_and_what_of_it_is_here(pair: Pair) -> None:
    one, two = versions(pair.alex)
    pair.alex.git("push", "-q")
    other = pair.clone()
    use = told(other, "du", "--remote")
    (data,) = [each for each in use["payloads"] if each["path"] == "data"]
    assert data == {"path": "data", "versions": 2, "size": 4 * MIB, "here": 0}
    assert (use["remote"], use["snapshots"], use["here"]) == ("origin", 2, 0)
    assert 4 * MIB < use["size"] < 4 * MIB + 10_000
    datmo(other, "checkout", one)
    use = told(other, "du", "--remote", "origin")
    assert next(each["here"] for each in use["payloads"] if each["path"] == "data") == 2 * MIB
    assert 2 * MIB <= use["here"] < use["size"]
    datmo(pair.alex, "drop", two, "--remote")
    assert told(other, "du", "--remote")["snapshots"] == 1
    assert "in 1 snapshot on 'origin'" in datmo(other, "du", "--remote").stdout


# Two at once.


def test_nothing_that_a_command_is_about_to_name_is_freed_under_it(repo: Shell) -> None:
    """A run's input is in the store already, and named by nothing until the run ends."""
    repo.write("in", noise(1))
    datmo(repo, "add-data", "in")
    datmo(repo, "rm", "in")
    (repo.cwd / ".git" / "info" / "exclude").write_text("go\nin\nready\n")
    os.mkfifo(repo.cwd / "go")
    script = "cat go >/dev/null; echo done"
    with ThreadPoolExecutor() as pool:
        datmo(repo, "add-data", "in")
        running = pool.submit(datmo, repo, "run", "--", "sh", "-c", f": >ready; {script}")
        while not (repo.cwd / "ready").exists():
            datmo(repo, "status")
        collecting = pool.submit(datmo, repo, "gc")
        datmo(repo, "rm", "in")
        datmo(repo, "status")
        assert not collecting.done()
        (repo.cwd / "go").write_text("go\n")
        running.result()
        collecting.result()
    (repo.cwd / "in").unlink()
    datmo(repo, "checkout", experiments(repo)[0]["id"])
    assert datmo(repo, "du").stdout
    check_store(repo)


def test_adding_and_collecting_at_once(repo: Shell) -> None:
    """What is added again and again is free in between, and in the store at times."""

    def add() -> None:
        for _ in range(5):
            datmo(repo, "add-data", "data")
            datmo(repo, "snapshot")
            datmo(repo, "drop", experiments(repo)[0]["id"])
            datmo(repo, "rm", "data")
        datmo(repo, "add-data", "data")
        datmo(repo, "snapshot")

    def collect() -> None:
        for _ in range(8):
            datmo(repo, "gc")

    repo.write("data/large", noise(1))
    with ThreadPoolExecutor() as pool:
        for ended in [pool.submit(add), pool.submit(collect)]:
            ended.result()
    datmo(repo, "gc")
    shutil.rmtree(repo.cwd / "data")
    datmo(repo, "checkout")
    assert (repo.cwd / "data" / "large").read_bytes() == noise(1)
    check_store(repo)
