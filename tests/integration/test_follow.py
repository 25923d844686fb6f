"""Test that data follow HEAD for every git command, and that no changes of others are undone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.shell import Shell

WITHOUT_HOOKS = ("-c", "core.hooksPath=/dev/null")


def read(shell: Shell, path: str = "data/x") -> str:
    return (shell.cwd / path).read_text()


def status(shell: Shell) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(datmo(shell, "status", "--json").stdout)
    return found


def head_ids(shell: Shell) -> list[str]:
    ids: list[str] = status(shell)["snapshots"]
    return ids


def start(pair: Pair, **files: str) -> tuple[Shell, Shell]:
    """Return Alex's and Ignacio's clones, both with the first data."""
    for name, text in (files or {"x": "1"}).items():
        pair.alex.write(f"data/{name}", text)
    datmo(pair.alex, "add-data", "data")
    pair.alex.commit("first.py", "")
    pair.alex.git("push", "-q")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    return pair.alex, ignacio


def change(shell: Shell, text: str, name: str = "x") -> None:
    """Change one file of the data, in a commit of its own that is shared."""
    shell.write(f"data/{name}", text)
    shell.commit(f"{name}{text}.py", "")
    shell.git("push", "-q")


def fresh(pair: Pair) -> Shell:
    clone = pair.clone("fresh")
    datmo(clone, "checkout")
    return clone


def test_reset_to_newer_commit_without_hooks_undoes_nothing(pair: Pair) -> None:
    alex, ignacio = start(pair)
    change(alex, "2")
    ignacio.git("fetch", "-q")
    ignacio.git("reset", "-q", "--hard", "origin/main")
    said = datmo(ignacio, "status").stdout
    assert "The files are from snapshot" in said
    assert "HEAD has snapshot" in said
    ignacio.commit("typo.py", "")
    ignacio.git("push", "-q")
    assert read(ignacio) == read(fresh(pair)) == "2"
    assert len(experiments(ignacio)) == 2


@pytest.mark.parametrize("hooks", [True, False])
def test_commit_after_hard_reset_goes_on_from_the_data_of_head(pair: Pair, hooks: bool) -> None:
    alex, _ = start(pair)
    change(alex, "2")
    alex.git("reset", "-q", "--hard", "HEAD~1")
    assert status(alex)["differs"]
    alex.write("code.py", "typo\n")
    said = alex.run(
        "git", *(() if hooks else WITHOUT_HOOKS), "commit", "-q", "-a", "-m", "typo"
    ).stderr
    if hooks:
        assert "updated 'data' to the data of HEAD" in said
    datmo(alex, "snapshot")
    assert read(alex) == "1"
    assert not status(alex)["differs"]
    assert "no snapshot was made" not in said


@pytest.mark.parametrize("how", ["--soft", "--mixed"])
@pytest.mark.parametrize("trailer", ["true", "false"])
def test_commit_after_reset_that_kept_the_files_has_the_data(
    pair: Pair, how: str, trailer: str
) -> None:
    alex, _ = start(pair)
    alex.git("config", "datmo.trailer", trailer)
    change(alex, "2")
    change(alex, "3", "y")
    alex.git("reset", "-q", how, "HEAD~2")
    alex.write("code.py", "another\n")
    alex.write("data/z", "4")
    alex.git("add", "-A")
    alex.git("commit", "-q", "-m", "all in one")
    assert (read(alex), read(alex, "data/y")) == ("2", "3")
    alex.git("push", "-q", "-f")
    clone = fresh(pair)
    assert (read(clone), read(clone, "data/y"), read(clone, "data/z")) == ("2", "3", "4")


def test_commit_after_reset_of_data_warns_and_makes_no_snapshot(pair: Pair) -> None:
    """Check a hard reset. Git does not tell hooks about the kind of a reset."""
    alex, _ = start(pair)
    alex.write("data/x", "2")
    datmo(alex, "commit", "-m", "data alone")
    alex.git("reset", "-q", "--hard", "HEAD~1")
    alex.write("code.py", "typo\n")
    done = alex.run("git", "commit", "-q", "-a", "-m", "typo")
    assert "no snapshot was made" in done.stderr
    assert read(alex) == "2"
    datmo(alex, "checkout")
    assert read(alex) == "1"
    assert not status(alex)["differs"]


def test_data_taken_from_later_snapshot_are_kept(pair: Pair) -> None:
    alex, _ = start(pair)
    change(alex, "2")
    later = experiments(alex)[0]["id"]
    alex.git("reset", "-q", "--hard", "HEAD~1")
    datmo(alex, "checkout")
    datmo(alex, "checkout", later)
    alex.write("code.py", "typo\n")
    assert "no snapshot was made" in alex.run("git", "commit", "-q", "-a", "-m", "typo").stderr
    assert read(alex) == "2"
    datmo(alex, "snapshot")
    assert (read(alex), status(alex)["differs"]) == ("2", False)


def test_checkout_of_an_older_commit_by_a_client_without_hooks_is_followed(pair: Pair) -> None:
    alex, _ = start(pair)
    change(alex, "2")
    alex.git(*WITHOUT_HOOKS, "checkout", "-q", "HEAD~1")
    alex.write("code.py", "typo\n")
    alex.git("commit", "-q", "-a", "-m", "typo")
    assert read(alex) == "1"


def test_run_after_reset_uses_the_data_of_head(pair: Pair) -> None:
    alex, _ = start(pair)
    change(alex, "2")
    alex.git("reset", "-q", "--hard", "HEAD~1")
    datmo(alex, "run", "--", "true")
    assert read(alex) == "1"


def test_pull_unites_uncommitted_changes_of_other_files(pair: Pair) -> None:
    alex, ignacio = start(pair, x="1", y="1")
    change(alex, "2", "y")
    ignacio.write("data/x", "mine")
    ignacio.git("pull", "-q")
    assert (read(ignacio), read(ignacio, "data/y")) == ("mine", "2")
    ignacio.git("commit", "-q", "--allow-empty", "-m", "mine")
    ignacio.git("push", "-q")
    clone = fresh(pair)
    assert (read(clone), read(clone, "data/y")) == ("mine", "2")


def test_pull_keeps_conflicting_file_until_decision(pair: Pair) -> None:
    alex, ignacio = start(pair)
    change(alex, "2")
    ignacio.write("data/x", "mine")
    said = ignacio.run("git", "pull", "-q").stderr
    assert "'data/x' was changed on both sides" in said
    assert read(ignacio) == "mine"
    refused(ignacio, "snapshot", says=("undecided", "git datmo add-data PATH"))
    datmo(ignacio, "add-data", "data/x")
    datmo(ignacio, "snapshot")
    assert experiments(ignacio, "-n", "1")[0]["parents"] == [experiments(alex, "-n", "1")[0]["id"]]


def test_snapshot_made_late_survives_a_merge_of_an_older_branch(pair: Pair) -> None:
    alex, ignacio = start(pair)
    ignacio.git("switch", "-q", "-c", "feature")
    ignacio.write("data/f", "f")
    ignacio.commit("f.py", "")
    ignacio.git("push", "-q", "-u", "origin", "feature")
    alex.write("more/late", "late")
    datmo(alex, "add-data", "more")
    datmo(alex, "snapshot")
    alex.commit("meanwhile.py", "")
    alex.git("fetch", "-q")
    alex.git("merge", "-q", "--no-edit", "origin/feature")
    assert (read(alex, "more/late"), read(alex, "data/f")) == ("late", "f")


def test_merge_that_one_decided_is_decided_for_who_pulls(pair: Pair) -> None:
    alex, ignacio = start(pair)
    change(ignacio, "theirs")
    alex.write("data/x", "mine")
    alex.commit("mine.py", "")
    alex.git("pull", "-q", "--no-rebase", "--no-edit")
    alex.git("push", "-q")
    ignacio.git("pull", "-q")
    assert status(ignacio)["undecided"] == ["data/x"]
    datmo(alex, "checkout", "HEAD^2", "--", "data/x")
    datmo(alex, "snapshot")
    alex.git("push", "-q")
    datmo(ignacio, "pull")
    assert read(ignacio) == "theirs"
    assert status(ignacio)["undecided"] == []


def test_later_snapshot_counts_whatever_clocks_say(pair: Pair, tmp_path: Path) -> None:
    alex, _ = start(pair)
    ahead = tmp_path / "ahead"
    ahead.mkdir()
    (ahead / "sitecustomize.py").write_text(
        "import time; now = time.time; time.time = lambda: now() + 86400\n"
    )
    alex.write("data/x", "2")
    alex.having(PYTHONPATH=str(ahead)).git("commit", "-q", "--allow-empty", "-m", "ahead")
    alex.write("data/x", "3")
    newest = datmo(alex, "snapshot").stdout.strip()
    assert head_ids(alex) == [newest]
    alex.git("push", "-q")
    assert read(fresh(pair)) == "3"


def test_pull_that_names_a_branch_brings_records(pair: Pair) -> None:
    alex, ignacio = start(pair)
    change(alex, "2")
    ignacio.git("pull", "-q", "origin", "main")
    assert read(ignacio) == "2"
    change(alex, "3")
    ignacio.git("pull", "-q", str(pair.hub.cwd), "main")
    assert read(ignacio) == "3"


def test_note_that_was_overwritten_loses_no_data(pair: Pair) -> None:
    alex, _ = start(pair)
    alex.git("push", "-q", "--no-verify", "--force", "origin", "refs/heads/main:refs/notes/datmo")
    assert read(fresh(pair)) == "1"


def test_run_on_uncommitted_code_is_no_data_until_the_next_commit(pair: Pair) -> None:
    alex, _ = start(pair)
    before = head_ids(alex)
    alex.write("code.py", "open('data/x', 'w').write('2')\n")
    datmo(alex, "run", "--", "python3", "code.py")
    assert experiments(alex, "-n", "1")[0]["side"]
    assert head_ids(alex) == before
    side = experiments(alex, "-n", "1")[0]["id"]
    alex.git("commit", "-q", "-a", "-m", "as it ran")
    newest = experiments(alex, "-n", "1")[0]
    assert (newest["parents"], head_ids(alex)) == ([side], [newest["id"]])
    alex.git("push", "-q")
    assert read(fresh(pair)) == "2"


def test_data_that_were_never_shared_are_named_to_the_receiver(pair: Pair) -> None:
    alex, ignacio = start(pair)
    alex.write("data/x", "2")
    alex.commit("second.py", "")
    alex.git("push", "-q", "--no-verify")
    said = ignacio.run("git", "pull", "-q").stderr
    assert "never shared" in said
    assert read(ignacio) == "1"
    refused(ignacio, "checkout", code=2, says=("never shared", "A U Thor", "git datmo push"))
    assert "never shared" in datmo(ignacio, "status").stdout
    datmo(alex, "push")
    datmo(ignacio, "checkout")
    assert read(ignacio) == "2"


def test_reading_commands_move_no_ref(pair: Pair) -> None:
    alex, ignacio = start(pair)
    change(alex, "2")
    ignacio.git("fetch", "-q")
    before = ignacio.git("for-each-ref")
    assert len(experiments(ignacio, "origin/main")) == 2
    datmo(ignacio, "status")
    datmo(ignacio, "show", "origin/main")
    assert ignacio.git("for-each-ref") == before


def test_branch_whose_snapshots_were_dropped_has_no_data(pair: Pair) -> None:
    alex, _ = start(pair)
    alex.git("switch", "-q", "--orphan", "other")
    alex.git("commit", "-q", "--allow-empty", "-m", "other")
    assert not (alex.cwd / "data").exists()
    alex.write("else/y", "1")
    datmo(alex, "add-data", "else")
    datmo(alex, "drop", datmo(alex, "snapshot").stdout.strip())
    alex.git("switch", "-q", "main")
    assert read(alex) == "1"
    alex.git("switch", "-q", "other")
    assert not (alex.cwd / "data").exists()
    refused(alex, "checkout", says=("has data",))


def test_shallow_clone_gets_hint_about_fetch(pair: Pair) -> None:
    alex, _ = start(pair)
    alex.commit("code2.py", "")
    alex.git("push", "-q")
    pair.top.git("clone", "-q", "--depth=1", f"datmo::file://{pair.hub.cwd}", "shallow")
    shallow = pair.top.at("shallow")
    refused(shallow, "checkout", says=("shallow", "git fetch --unshallow"))
    assert status(shallow)["shallow"]
    shallow.git("fetch", "-q", "--unshallow")
    datmo(shallow, "checkout")
    assert read(shallow) == "1"


def test_linked_working_tree_stands_by_itself(pair: Pair) -> None:
    alex, _ = start(pair)
    change(alex, "2")
    alex.git("worktree", "add", "-q", "../linked", "HEAD~1", "--detach")
    linked = pair.top.at("linked")
    datmo(linked, "checkout")
    assert (read(linked), read(alex)) == ("1", "2")
    assert not status(alex)["differs"]
