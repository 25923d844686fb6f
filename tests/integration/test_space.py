"""Giving space back: snapshots are dropped, stores collected, on this side and on the remote; nothing needed goes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

from tests.integration.conftest import Pair
from tests.integration.team import STORE, datmo, experiments, objects, picture, refused, states
from tests.servers.shell import Shell

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
    made = versions(repo, 1)
    number = 0
    while len({oid[:4] for oid in made}) == len(made):
        number += 1
        made.append(datmo(repo, "snapshot", "-m", str(number)).stdout.strip())
        if number == 40:
            return
    twice = next(oid[:4] for oid in made if sum(other[:4] == oid[:4] for other in made) > 1)
    refused(repo, "drop", twice, says=("give more of the id",))


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
