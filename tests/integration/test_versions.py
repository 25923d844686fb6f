"""Test two clones of different versions on one remote: the older one reads, and adds nothing
unknown to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments, picture, refusal
from tests.support.pair import Pair, both_ways
from tests.support.shell import Shell

# Runs in each Python of the newer clone, before git-datmo does.
NEWER = """
import git_datmo.records.format_marker as marker
marker.KNOWN = marker.REQUIRED = frozenset({"tomorrow"})
"""


@pytest.fixture
def newer(pair: Pair, tmp_path: Path) -> Shell:
    """Return a clone whose git-datmo has another capability, and requires it of every writer."""
    folder = tmp_path / "newer-python"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NEWER)
    return pair.clone("newer").having(PYTHONPATH=str(folder))


def share(shell: Shell, text: str) -> None:
    shell.write("data/x", text)
    datmo(shell, "add-data", "data")
    datmo(shell, "snapshot", "-m", text)
    shell.git("push", "-q", "origin", "main")


@both_ways
def test_push_of_records_to_a_newer_remote_is_refused_and_code_goes_without(
    pair: Pair, newer: Shell
) -> None:
    share(newer, "from tomorrow")
    assert '"tomorrow"' in pair.hub.git("cat-file", "blob", "refs/datmo/records:format")
    before = pair.hub.git("for-each-ref", "refs/datmo", "refs/notes")
    pair.alex.write("data/x", "mine")
    datmo(pair.alex, "add-data", "data")
    datmo(pair.alex, "snapshot", "-m", "mine")
    commit = pair.alex.commit("code.py", "1\n")
    refused = pair.alex.run("git", "push", "origin", "main", ok=False)
    assert (
        "the records of 'origin' were made by a newer git-datmo, which requires 'tomorrow'"
        in refused.stderr
    )
    assert "upgrade git-datmo" in refused.stderr
    assert pair.hub.git("for-each-ref", "refs/datmo", "refs/notes") == before
    if pair.way == "hook":
        assert "'git push --no-verify' pushes the code alone" in refused.stderr
        pair.alex.git("push", "-q", "--no-verify", "origin", "main")
    else:
        assert (
            f"'git push --no-verify {pair.hub.cwd} BRANCH' pushes the code alone" in refused.stderr
        )
        pair.alex.git("push", "-q", "--no-verify", str(pair.hub.cwd), "main")
    assert pair.hub.git("rev-parse", "main") == commit
    assert pair.hub.git("for-each-ref", "refs/datmo", "refs/notes") == before


def test_older_clone_reads_a_newer_remote_and_pushes_code_that_brings_no_record(
    pair: Pair, newer: Shell
) -> None:
    share(newer, "from tomorrow")
    pair.alex.git("pull", "-q")
    datmo(pair.alex, "fetch")
    assert [told["message"] for told in experiments(pair.alex)] == ["from tomorrow"]
    datmo(pair.alex, "checkout")
    assert picture(pair.alex.cwd / "data")[b"x"] == ("file", b"from tomorrow")
    before = pair.hub.git("for-each-ref", "refs/datmo", "refs/notes")
    commit = pair.alex.commit("code.py", "1\n")
    pair.alex.git("push", "-q", "origin", "main")
    assert pair.hub.git("rev-parse", "main") == commit
    assert pair.hub.git("for-each-ref", "refs/datmo", "refs/notes") == before


def test_older_clone_that_was_upgraded_shares_what_waited(pair: Pair, newer: Shell) -> None:
    share(newer, "from tomorrow")
    pair.alex.write("more/x", "mine")
    datmo(pair.alex, "add-data", "more")
    datmo(pair.alex, "snapshot", "-m", "mine")
    refusal(datmo(pair.alex, "push", code=128), "newer git-datmo")
    datmo(pair.alex.having(PYTHONPATH=newer.env["PYTHONPATH"]), "push")
    datmo(newer, "fetch")
    assert {told["message"] for told in experiments(newer)} == {"from tomorrow", "mine"}


@pytest.mark.parametrize(
    "words", [("drop", "--remote"), ("push", "--store"), ("bundle", "../out.bundle")]
)
def test_writing_verbs_refuse_a_newer_remote(
    pair: Pair, newer: Shell, words: tuple[str, ...]
) -> None:
    share(newer, "from tomorrow")
    pair.alex.git("pull", "-q")
    datmo(pair.alex, "fetch")
    place = pair.top.cwd / "place"
    place.mkdir()
    if words[0] == "push":
        pair.alex.git("config", "datmo.origin.store", str(place))
    before = pair.hub.git("for-each-ref")
    refusal(
        datmo(pair.alex, *words, code=128), "the records of 'origin' were made by a newer git-datmo"
    )
    assert pair.hub.git("for-each-ref") == before
    assert not list(place.rglob("*.pack"))


def test_push_of_every_kind_keeps_the_marker(pair: Pair) -> None:
    share(pair.alex, "one")
    marker = pair.hub.git("cat-file", "blob", "refs/datmo/records:format")
    assert '"version": 1' in marker
    pair.alex.git("config", "datmo.share", "branch")
    pair.alex.git("switch", "-q", "-c", "side")
    pair.alex.commit("other.py", "1\n")
    pair.alex.write("data/x", "two")
    datmo(pair.alex, "snapshot", "-m", "two")
    pair.alex.git("switch", "-q", "main")
    share(pair.alex, "three")
    assert pair.hub.git("cat-file", "blob", "refs/datmo/records:format") == marker


def test_fsck_of_a_newer_remote_looks_at_its_records(pair: Pair, newer: Shell) -> None:
    share(newer, "from tomorrow")
    datmo(pair.alex, "fsck", "--remote")
    pair.hub.git("update-ref", "-d", "refs/datmo/keep/1")
    assert "data" in datmo(pair.alex, "fsck", "--remote", code=1).stdout
