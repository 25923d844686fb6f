"""Two people change the data on two branches, and merge."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from tests.support.commands import datmo, experiments, picture, refused, states
from tests.support.pair import Pair
from tests.support.shell import Done, Shell

FIRST = {
    "data/a": "a",
    "data/b": "b",
    "data/sub/c": "c",
    "data/gone": "x",
    "data/also": "y",
    "old.bin": "old",
}


def write(shell: Shell, files: dict[str, str | None]) -> None:
    for path, text in files.items():
        if text is None:
            (shell.cwd / path).unlink()
        else:
            shell.write(path, text)


def commit(shell: Shell, code: str, files: dict[str, str | None], *added: str) -> str:
    """A commit whose payloads changed, so that it has a snapshot; its id."""
    write(shell, files)
    if added:
        datmo(shell, "add-data", *added)
    return shell.commit(code, code)


def start(pair: Pair) -> tuple[Shell, Shell]:
    """Alex's and Ignacio's clones, both with the first data."""
    alex = pair.alex
    write(alex, dict(FIRST))
    datmo(alex, "add-data", "data", "old.bin")
    alex.commit("first.py", "")
    alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    return alex, ignacio


def files(shell: Shell) -> dict[str, str]:
    found = {}
    for path in sorted(shell.cwd.glob("**/*")):
        name = str(path.relative_to(shell.cwd))
        if path.is_file() and not name.startswith(".git/") and not name.endswith(".py"):
            found[name] = path.read_text()
    return found


def pull(shell: Shell) -> Done:
    return shell.run("git", "pull", "-q", "--no-rebase", "--no-edit")


def undecided(shell: Shell) -> list[str]:
    found: list[str] = json.loads(datmo(shell, "status", "--json").stdout)["undecided"]
    return found


MINE: dict[str, str | None] = {
    "data/a": "mine",
    "data/mine": "1",
    "data/gone": None,
    "data/same": "both",
}
THEIRS: dict[str, str | None] = {
    "data/sub/c": "theirs",
    "data/sub/deep/t": "2",
    "data/also": None,
    "data/same": "both",
}
UNITED = {
    "data/a": "mine",
    "data/b": "b",
    "data/mine": "1",
    "data/same": "both",
    "data/sub/c": "theirs",
    "data/sub/deep/t": "2",
}


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


def clash(pair: Pair) -> tuple[Shell, str, str]:
    """Both changed three paths differently; alex has merged. The snapshots of alex's side and of
    the other."""
    alex, ignacio = start(pair)
    commit(
        ignacio,
        "i.py",
        {**THEIRS, "data/a": "other", "old.bin": "other", "data/b": None, "data/twice": "it"},
    )
    theirs = experiments(ignacio, "-n", "1")[0]["id"]
    ignacio.git("push", "-q")
    commit(alex, "a.py", {**MINE, "old.bin": "mine", "data/b": "kept", "data/twice": "me"})
    ours = experiments(alex, "-n", "1")[0]["id"]
    said = pull(alex).stderr
    for path in ("data/a", "data/b", "data/twice", "old.bin"):
        assert f"warning: '{path}' was changed on both sides" in said
    assert f"git datmo checkout {theirs[:10]} -- PATH" in said
    return alex, ours, theirs


def test_conflicting_paths_wait_for_a_decision(pair: Pair) -> None:
    alex, ours, theirs = clash(pair)
    here = {**UNITED, "data/b": "kept", "data/twice": "me", "old.bin": "mine"}
    assert files(alex) == here
    assert undecided(alex) == ["data/a", "data/b", "data/twice", "old.bin"]
    assert "data/twice" in datmo(alex, "status").stdout
    refused(alex, "snapshot", says=("undecided", "data/a"))
    refused(alex, "run", "--", "true", code=125, says=("undecided",))
    alex.commit("more.py", "code may go on")
    assert len(experiments(alex)) == 3
    # Theirs, where they have it and where they have not; ours; a third.
    datmo(alex, "checkout", theirs, "--", "data/a", "data/b")
    datmo(alex, "checkout", ours, "--", "data/twice")
    assert undecided(alex) == ["old.bin"]
    refused(alex, "snapshot", says=("1 path undecided", "old.bin"))
    alex.write("old.bin", "a third")
    made = datmo(alex, "snapshot").stdout.strip()
    assert undecided(alex) == []
    expected = {**here, "data/a": "other", "old.bin": "a third"}
    del expected["data/b"]
    assert files(alex) == expected
    alex.git("push", "-q")
    other = pair.clone("third")
    datmo(other, "checkout", made)
    assert files(other) == expected


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


def cut_off(pair: Pair, step: str) -> tuple[Shell, str]:
    """Alex, whose merge died with some files in place, or before the first; the snapshot of his
    side."""
    alex, ignacio = start(pair)
    commit(ignacio, "i.py", {**THEIRS})
    ignacio.git("push", "-q")
    commit(alex, "a.py", {**MINE})
    alex.git("fetch", "-q")
    ours, theirs = (experiments(each, "-n", "1")[0]["id"] for each in (alex, ignacio))
    # Git has merged, the hook had only begun.
    alex.git("-c", "core.hooksPath=/dev/null", "merge", "-q", "--no-edit", "origin/main")
    state = alex.cwd / ".git" / "datmo"
    if step == "mark":
        (state / "checkout").write_text(json.dumps({"snapshot": "", "payloads": ["data"]}))
        write(alex, {"data/sub/c": "theirs"})
    pending = {
        "commit": alex.git("rev-parse", "HEAD"),
        "ours": ours,
        "theirs": theirs,
        "placed": False,
        "kept": [],
    }
    (state / "merge").write_text(json.dumps(pending))
    return alex, ours


@pytest.mark.parametrize("step", ["mark", "state"])
def test_killed_merge_is_finished_by_the_next_command(pair: Pair, step: str) -> None:
    alex, _ = cut_off(pair, step)
    assert "'git datmo checkout' finishes it" in datmo(alex, "status").stdout
    refused(alex, "snapshot", says=("a merge of payloads was interrupted", "'git datmo checkout'"))
    datmo(alex, "checkout")
    assert files(alex) == {**UNITED, "old.bin": "old"}
    assert experiments(alex, "-n", "1")[0]["commit"] == alex.git("rev-parse", "HEAD")
    assert "interrupted" not in datmo(alex, "status").stdout


def test_merge_that_was_cut_off_is_given_up_by_a_reset(pair: Pair) -> None:
    alex, ours = cut_off(pair, "mark")
    before = files(alex)
    for words in (
        ("checkout", "HEAD~1"),
        ("checkout", ours, "--", "data"),
        ("checkout", "--force", "--", "data/a"),
    ):
        refused(alex, *words, says=("interrupted", "'git datmo checkout'"))
    alex.git("reset", "-q", "--hard", "HEAD~1")
    refused(alex, "checkout", says=("data/sub/c", "--force"))
    assert files(alex) == before
    datmo(alex, "checkout", "--force")
    assert experiments(alex, "-n", "1")[0]["id"] == ours
    assert files(alex) == {**before, "data/sub/c": "c"}
    assert set(states(alex).values()) == {"unchanged"}
    assert "interrupted" not in datmo(alex, "status").stdout
    datmo(alex, "snapshot")


def test_aborted_merge_restores_the_data(pair: Pair) -> None:
    alex, ours, _ = clash(pair)
    alex.git("switch", "-q", "-c", "other", "HEAD~1")
    assert undecided(alex) == [], "here is no merge"
    alex.git("switch", "-q", "main")
    assert undecided(alex) == ["data/a", "data/b", "data/twice", "old.bin"]
    alex.git("reset", "-q", "--hard", "HEAD~1")
    assert "The files are from snapshots" in datmo(alex, "status").stdout
    datmo(alex, "checkout")
    assert experiments(alex, "-n", "1")[0]["id"] == ours
    assert files(alex)["data/sub/c"] == "c"
    assert set(states(alex).values()) == {"unchanged"}
    datmo(alex, "snapshot")


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
    for shell, name, start in ((alex, "one", 0), (ignacio, "two", 100)):
        shell.write(f"data/{name}", name.encode() + large[name])
        shell.write("data/three", name.encode() + large["three"])
        for number in range(start, start + 100):
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
