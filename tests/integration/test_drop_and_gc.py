"""Test that snapshots are dropped, and that the store frees their objects."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

from git_datmo.model import FORMATS
from git_datmo.records import codec
from git_datmo.records.annotation_record import Annotation
from tests.support.commands import STORE, datmo, experiments, objects, picture, refused, states
from tests.support.disk_space import (
    MIB,
    check_store,
    noise,
    store_of,
    told,
    versions,
    weigh,
)
from tests.support.ledgers import annotation, open_ledger
from tests.support.pair import Pair
from tests.support.shell import Shell


def test_dropped_snapshot_is_gone_from_the_log_and_its_reason_is_kept(repo: Shell) -> None:
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


def test_ambiguous_id_is_refused(repo: Shell) -> None:
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


def test_drop_of_current_snapshot_warns_and_succeeds(repo: Shell) -> None:
    one, two = versions(repo)
    done = datmo(repo, "drop", two)
    assert "working tree" in done.stderr
    assert "branch 'main'" in done.stderr
    assert states(repo) == {"data": "unchanged"}
    assert [found["id"] for found in experiments(repo)] == [one]


def test_data_of_dropped_snapshot_alone_are_freed(repo: Shell) -> None:
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


def test_data_tracked_by_a_working_tree_are_kept(repo: Shell) -> None:
    """Check data tracked in another working tree, also without any snapshot of them."""
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


def test_data_added_and_abandoned_are_freed(repo: Shell) -> None:
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


def test_data_of_unreadable_record_are_kept(repo: Shell) -> None:
    """Keep the data, since a newer git-datmo may have written the record."""
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


def test_small_packs_are_joined_into_one(repo: Shell) -> None:
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


def test_data_of_shared_dropped_snapshot_are_freed(pair: Pair) -> None:
    one, _ = versions(pair.alex)
    pair.alex.git("push", "-q")
    assert told(pair.alex, "gc")["bytes"] < 4096
    datmo(pair.alex, "drop", one)
    assert told(pair.alex, "gc")["bytes"] > 2 * MIB
    check_store(pair.alex)
    versions(pair.alex, 1, first=3)
    pair.alex.git("push", "-q")
    assert len(experiments(pair.clone())) == 2


def test_data_that_a_running_command_will_name_are_kept(repo: Shell) -> None:
    """Check the input of a run, which is stored before any record names it."""
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


def test_gc_during_adds_loses_nothing(repo: Shell) -> None:
    """Add the same data again and again, so that they are free at some times and needed at
    others."""

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


def test_outputs_of_dropped_run_are_freed(repo: Shell) -> None:
    repo.commit("make.py", "import os; open('out', 'wb').write(os.urandom(2 << 20))\n")
    datmo(repo, "run", "-o", "out", "--", "python3", "make.py")
    datmo(repo, "drop", experiments(repo)[0]["id"])
    datmo(repo, "rm", "out")
    assert told(repo, "gc")["bytes"] > 2 * MIB
