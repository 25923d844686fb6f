"""Test merges that wait for a decision, are killed, or are aborted."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import datmo, experiments, refused, states
from tests.support.merges import MINE, THEIRS, UNITED, commit, files, pull, start, undecided, write
from tests.support.pair import Pair
from tests.support.shell import Shell


def clash(pair: Pair) -> tuple[Shell, str, str]:
    """Merge conflicting changes of three paths; return the snapshots of Alex's side and of the
    other."""
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


def cut_off(pair: Pair, step: str) -> tuple[Shell, str]:
    """Kill Alex's merge with some files in place, or before the first; return the snapshot of his
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
