"""Test merges of two branches that changed the data."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from tests.support.commands import datmo, experiments, picture, refused, states
from tests.support.merges import (
    FIRST,
    MINE,
    THEIRS,
    UNITED,
    commit,
    files,
    pull,
    start,
    undecided,
    write,
)
from tests.support.pair import Pair


def test_changes_of_both_sides_are_merged(pair: Pair) -> None:
    alex, ignacio = start(pair)
    commit(ignacio, "i.py", {**THEIRS, "i.bin": "i"}, "i.bin")
    datmo(ignacio, "rm", "old.bin")
    (ignacio.cwd / "old.bin").unlink()
    datmo(ignacio, "snapshot")
    ignacio.git("push", "-q")
    commit(alex, "a.py", {**MINE, "m.bin": "m"}, "m.bin")
    pull(alex)
    assert files(alex) == {**UNITED, "i.bin": "i", "m.bin": "m"}
    assert states(alex) == {"data": "unchanged", "i.bin": "unchanged", "m.bin": "unchanged"}
    newest = experiments(alex, "-n", "1")[0]
    assert newest["commit"] == alex.git("rev-parse", "HEAD")
    sizes = {payload["path"]: (payload["size"], payload["files"]) for payload in newest["payloads"]}
    assert sizes["data"] == (sum(map(len, UNITED.values())), len(UNITED))
    # The object is the one that storing the folder anew would make.
    alex.run("cp", "-r", "data", "copy")
    datmo(alex, "add-data", "copy")
    objects = {
        p["path"]: p["object"]
        for p in json.loads(datmo(alex, "status", "--json").stdout)["payloads"]
    }
    assert objects["copy"] == objects["data"]
    datmo(alex, "rm", "copy")
    # And to the other clone it comes as it is.
    alex.git("push", "-q")
    before = len(experiments(alex))
    pull(ignacio)
    assert picture(ignacio.cwd / "data") == picture(alex.cwd / "data")
    assert len(experiments(ignacio)) == before
    assert set(states(ignacio).values()) == {"unchanged"}


def test_merge_with_conflicts_in_code_merges_data_at_commit(pair: Pair) -> None:
    alex, ignacio = start(pair)
    commit(ignacio, "code.py", {**THEIRS})
    ignacio.commit("code.py", "theirs\n")
    ignacio.git("push", "-q")
    commit(alex, "a.py", {**MINE})
    alex.commit("code.py", "mine\n")
    alex.run("git", "pull", "-q", "--no-rebase", "--no-edit", code=1)
    assert files(alex)["data/sub/c"] == "c"
    alex.write("code.py", "both\n")
    alex.git("commit", "-q", "-a", "-m", "merged")
    assert files(alex) == {**UNITED, "old.bin": "old"}
    assert experiments(alex, "-n", "1")[0]["commit"] == alex.git("rev-parse", "HEAD")


def test_merge_leaves_changed_files_of_working_tree_alone(pair: Pair) -> None:
    alex, ignacio = start(pair)
    commit(ignacio, "i.py", {**THEIRS, "data/b": "theirs", "i.bin": "i"}, "i.bin")
    ignacio.git("push", "-q")
    commit(alex, "a.py", {**MINE})
    write(
        alex,
        {
            "data/b": "unsaved",
            "data/a": "unsaved too",
            "data/sub/deep/t": "unknown",
            "i.bin": "unknown",
        },
    )
    said = pull(alex).stderr
    assert undecided(alex) == ["data/b", "data/sub/deep/t", "i.bin"]
    for path in undecided(alex):
        assert f"'{path}'" in said
    mine = {
        "data/b": "unsaved",
        "data/a": "unsaved too",
        "data/sub/deep/t": "unknown",
        "i.bin": "unknown",
    }
    assert files(alex) == {**UNITED, "old.bin": "old", **mine}
    assert states(alex)["data"] == "unchanged", (
        "what was changed is stored, so that nothing can be lost"
    )
    refused(alex, "snapshot", says=("undecided", "data/b"))
    datmo(alex, "add-data", "data/b", "data/sub/deep/t")
    assert undecided(alex) == ["i.bin"]


def test_fast_forward_updates_data_without_snapshot(pair: Pair) -> None:
    alex, ignacio = start(pair)
    commit(ignacio, "i.py", {**THEIRS})
    ignacio.git("push", "-q")
    before = len(experiments(ignacio))
    pull(alex)
    assert len(experiments(alex)) == before
    assert files(alex)["data/sub/c"] == "theirs"


def test_merge_with_one_unchanged_side_takes_the_other(pair: Pair) -> None:
    alex, ignacio = start(pair)
    commit(ignacio, "i.py", {**THEIRS})
    ignacio.git("push", "-q")
    alex.commit("a.py", "code alone")
    pull(alex)
    assert files(alex) == files(ignacio)
    assert len(experiments(alex)) == 2, "what is there says it"
    alex.commit("b.py", "")
    assert len(experiments(alex)) == 2
    alex.git("push", "-q")
    pull(ignacio)
    assert files(alex) == files(ignacio)
    assert len(experiments(ignacio)) == 2


def test_clone_without_data_merges_unfetched_versions(pair: Pair) -> None:
    alex, ignacio = start(pair)
    commit(ignacio, "i.py", {**THEIRS})
    ignacio.git("push", "-q", "origin", "HEAD:feature")
    commit(alex, "a.py", {**MINE})
    alex.git("push", "-q")
    third = pair.clone("third")
    third.git("merge", "-q", "--no-edit", "origin/feature")
    assert set(states(third).values()) == {"not fetched"}
    assert files(third) == {}
    newest = experiments(third, "-n", "1")[0]
    assert newest["commit"] == third.git("rev-parse", "HEAD")
    third.git("push", "-q")
    pull(alex)
    assert files(alex) == {**UNITED, "old.bin": "old"}


def test_merge_of_unavailable_data_changes_nothing(pair: Pair) -> None:
    alex, ignacio = start(pair)
    commit(ignacio, "i.py", {**THEIRS})
    ignacio.git("push", "-q", "origin", "HEAD:feature")
    commit(alex, "a.py", {**MINE})
    alex.git("fetch", "-q")
    before = files(alex)
    for ref in pair.hub.git("for-each-ref", "--format=%(refname)", "refs/datmo/keep").splitlines():
        pair.hub.git("update-ref", "-d", ref)
    pair.hub.git("reflog", "expire", "--expire=now", "--all")
    pair.hub.git("gc", "-q", "--prune=now")
    said = alex.run("git", "merge", "-q", "--no-edit", "origin/feature").stderr
    assert len([line for line in said.splitlines() if line.startswith("fatal: ")]) == 1
    assert files(alex) == before
    assert set(states(alex).values()) == {"unchanged"}
    assert not Path(alex.cwd / ".git/datmo/merge").exists()


def test_branches_that_met_crosswise_are_united(pair: Pair) -> None:
    alex, _ = start(pair)
    alex.git("switch", "-q", "-c", "feature")
    commit(alex, "f.py", {"data/f": "1"})
    alex.git("switch", "-q", "main")
    commit(alex, "m.py", {"data/m": "1"})
    alex.git("branch", "-q", "before")
    alex.git("merge", "-q", "--no-edit", "feature")
    commit(alex, "m2.py", {"data/m": "2"})
    alex.git("switch", "-q", "feature")
    alex.git("merge", "-q", "--no-edit", "before")
    commit(alex, "f2.py", {"data/f": "2"})
    alex.git("merge", "-q", "--no-edit", "main")
    assert files(alex) == {**FIRST, "data/f": "2", "data/m": "2"}
    assert experiments(alex, "-n", "1")[0]["commit"] == alex.git("rev-parse", "HEAD")


def test_large_files_and_large_folders(pair: Pair) -> None:
    alex, random = pair.alex, Random(1)
    large = {name: random.randbytes(1_500_000) for name in ("one", "two", "three")}
    for name, content in large.items():
        alex.write(f"data/{name}", content)
    for number in range(600):
        alex.write(f"data/many/{number}", str(number))
    datmo(alex, "add-data", "data")
    alex.commit("first.py", "")
    alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    for shell, name, first in ((alex, "one", 0), (ignacio, "two", 100)):
        shell.write(f"data/{name}", name.encode() + large[name])
        shell.write("data/three", name.encode() + large["three"])
        for number in range(first, first + 100):
            (shell.cwd / f"data/many/{number}").unlink()
            shell.write(f"data/many/{name}{number}", name)
        shell.commit(f"{name}.py", "")
    ignacio.git("push", "-q")
    pull(alex)
    assert undecided(alex) == ["data/three"]
    assert (alex.cwd / "data/two").read_bytes() == b"two" + large["two"]
    assert (alex.cwd / "data/one").read_bytes() == b"one" + large["one"]
    names = {path.name for path in (alex.cwd / "data/many").iterdir()}
    assert names == {
        *map(str, range(200, 600)),
        *(f"{n}{i + s}" for n, s in (("one", 0), ("two", 100)) for i in range(100)),
    }
    datmo(alex, "checkout", "HEAD^2", "--", "data/three")
    datmo(alex, "snapshot")
    assert (alex.cwd / "data/three").read_bytes() == b"two" + large["three"]
    alex.git("push", "-q")
    pull(ignacio)
    assert picture(ignacio.cwd / "data") == picture(alex.cwd / "data")


def test_rebase_carries_the_data_along(pair: Pair) -> None:
    alex, ignacio = start(pair)
    commit(ignacio, "i.py", {**THEIRS})
    ignacio.git("push", "-q")
    commit(alex, "a.py", {**MINE})
    commit(alex, "a2.py", {"data/a": "mine again"})
    alex.git("pull", "-q", "--rebase")
    assert files(alex) == {**UNITED, "old.bin": "old", "data/a": "mine again"}
    assert states(alex)["data"] == "unchanged"
    datmo(alex, "checkout", "HEAD~1")
    assert files(alex) == {**UNITED, "old.bin": "old"}
    datmo(alex, "checkout")
    alex.git("push", "-q")
    pull(ignacio)
    assert files(ignacio) == files(alex)


def test_cherry_pick_takes_only_changes_of_its_commit(pair: Pair) -> None:
    alex, _ = start(pair)
    alex.git("switch", "-q", "-c", "feature")
    commit(alex, "f.py", {"data/f": "1"})
    commit(alex, "f2.py", {"data/b": "better", "data/a": "clash"})
    picked = experiments(alex, "-n", "1")[0]["id"]
    alex.git("switch", "-q", "main")
    commit(alex, "m.py", {"data/a": "mine"})
    said = alex.run("git", "cherry-pick", "feature").stderr
    assert "'data/a' was changed on both sides" in said
    assert undecided(alex) == ["data/a"]
    assert files(alex) == {**FIRST, "data/a": "mine", "data/b": "better"}
    datmo(alex, "checkout", picked, "--", "data/a")
    datmo(alex, "snapshot")
    picked_data = {**FIRST, "data/a": "clash", "data/b": "better"}
    assert files(alex) == picked_data
    datmo(alex, "checkout")
    alex.commit("later.py", "")
    assert files(alex) == picked_data, "the rest of the branch is no part of it"


def test_amended_commit_keeps_its_data(pair: Pair) -> None:
    alex, _ = start(pair)
    commit(alex, "a.py", {"data/a": "mine"})
    made = len(experiments(alex))
    alex.git("commit", "-q", "--amend", "-m", "said better")
    assert len(experiments(alex)) == made
    assert files(alex) == {**FIRST, "data/a": "mine"}
