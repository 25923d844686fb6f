"""Test a remote that is a folder: after a push it has the objects that git would have sent."""

from __future__ import annotations

from random import Random

from git_datmo.git.command import Git
from git_datmo.git.local_remote import Folder
from git_datmo.model import Oid
from tests.support.commands import STORE, datmo, objects
from tests.support.pair import Pair, both_ways
from tests.support.remote_check import missing_on


def prepare(pair: Pair) -> None:
    """Make a snapshot of Alex's data, and add data that are in none."""
    pair.alex.write("data/large", Random(1).randbytes(3_000_000))
    pair.alex.write("data/small", "small")
    datmo(pair.alex, "add-data", "data")
    pair.alex.commit("code.py", "one")
    pair.alex.write("private", Random(2).randbytes(2_000_000))
    datmo(pair.alex, "add-data", "private")


@both_ways
def test_push_to_folder_links_packs_and_nothing_else(pair: Pair) -> None:
    prepare(pair)
    pair.alex.git("push", "-q", "origin", "main")
    mine = pair.alex.cwd / ".git/datmo/store.git/objects/pack"
    theirs = {path.name: path for path in (pair.hub.cwd / "objects/pack").glob("*.pack")}
    shared = [path for path in mine.glob("*.pack") if path.name in theirs]
    assert shared
    assert all(path.samefile(theirs[path.name]) for path in shared)
    private = {oid for oid, (_, size) in objects(pair.alex, *STORE).items() if size > 500_000}
    assert sum(size for _, size in objects(pair.hub).values()) < 3_100_000
    assert private - objects(pair.hub).keys()
    assert not pair.hub.git("fsck", "--strict", "--no-dangling")
    assert not missing_on(pair.hub)
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data/large").read_bytes() == Random(1).randbytes(3_000_000)
    ignacio.git(*STORE, "fsck", "--strict", "--no-dangling")


@both_ways
def test_folder_with_own_hook_is_pushed_to_by_git(pair: Pair) -> None:
    prepare(pair)
    seen = pair.hub.cwd / "seen"
    pair.hub.write("hooks/pre-receive", f"#!/bin/sh\ncat >> '{seen}'\n").chmod(0o755)
    pair.alex.git("push", "-q", "origin", "main")
    assert "refs/datmo/keep/1" in seen.read_text()
    mine = {
        path.name for path in (pair.alex.cwd / ".git/datmo/store.git/objects/pack").glob("*.pack")
    }
    assert not mine & {path.name for path in (pair.hub.cwd / "objects/pack").glob("*.pack")}
    assert not missing_on(pair.hub)


def test_push_to_folder_sends_only_new_chunks(pair: Pair) -> None:
    prepare(pair)
    pair.alex.git("push", "-q", "origin", "main")
    before = objects(pair.hub)
    pair.alex.write("data/small", "another")
    pair.alex.commit("code.py", "two")
    pair.alex.git("push", "-q", "origin", "main")
    new = {oid: size for oid, (_, size) in objects(pair.hub).items() if oid not in before}
    # `private` is in this snapshot; of `data` only the small file is new.
    assert 2_000_000 < sum(new.values()) < 2_050_000
    assert not pair.hub.git("fsck", "--strict", "--no-dangling")


def test_folder_holds_a_tip_only_with_all_its_objects(pair: Pair) -> None:
    """Count objects that no ref names, which would otherwise be sent again."""
    folder = Folder(Git(pair.hub.env, pair.hub.cwd), pair.hub.cwd)
    blob = pair.hub.git("hash-object", "-w", "--stdin", stdin=b"content")
    tree = pair.hub.git("mktree", stdin=f"100644 blob {blob}\tname\n".encode())
    whole = Oid.parse(pair.hub.git("commit-tree", "-m", "whole", tree))
    assert folder.holds(whole)
    absent = pair.hub.git("mktree", "--missing", stdin=f"100644 blob {'1' * 40}\tname\n".encode())
    assert not folder.holds(
        Oid.parse(pair.hub.git("commit-tree", "-m", "less", "-p", str(whole), absent))
    )
