"""Test that `verify --complete` calls a range complete only if a receiver gets the data of all its
commits."""

from __future__ import annotations

import json

from tests.support.commands import datmo, refused
from tests.support.pair import Pair
from tests.support.shell import Shell


def change(shell: Shell, text: str) -> str:
    shell.write("data/x", text)
    datmo(shell, "add-data", "data")
    return shell.commit(f"{text}.py", "")


def test_range_that_was_shared_is_complete(pair: Pair) -> None:
    change(pair.alex, "1")
    pair.alex.git("push", "-q")
    for shell in (pair.alex, pair.clone()):
        assert json.loads(datmo(shell, "verify", "--complete", "--json").stdout)["missing"] == []
        datmo(shell, "verify", "--complete", "--all")


def test_snapshot_that_was_not_pushed_is_named_to_its_maker(pair: Pair) -> None:
    change(pair.alex, "1")
    pair.alex.git("push", "-q")
    change(pair.alex, "2")
    done = datmo(pair.alex, "verify", "--complete", code=2)
    assert "the snapshot was not pushed" in done.stdout
    assert "1 snapshot is not complete" in done.stderr
    datmo(pair.alex, "verify", "--complete", "HEAD~1")
    datmo(pair.alex, "push")
    datmo(pair.alex, "verify", "--complete")


def test_data_in_no_record_are_named_to_the_receiver(pair: Pair) -> None:
    change(pair.alex, "1")
    pair.alex.git("push", "-q", "--no-verify")
    done = datmo(pair.clone(), "verify", "--complete", code=2)
    assert "its data are in no record" in done.stdout
    assert "ask A U Thor" in done.stderr


def test_data_that_the_remote_lost_are_named(pair: Pair) -> None:
    change(pair.alex, "1")
    pair.alex.git("push", "-q")
    pair.hub.git("update-ref", "-d", "refs/datmo/keep/1")
    done = datmo(pair.clone(), "verify", "--complete", "--json", code=2)
    (gap,) = json.loads(done.stdout)["missing"]
    assert gap["what"] == "its data are not on the remote"


def test_verify_all_without_complete_is_refused(pair: Pair) -> None:
    refused(pair.alex, "verify", "--all", code=129, says=("--complete",))


def test_repository_without_commit_is_refused_by_name(pair: Pair) -> None:
    empty = pair.hub.at("../empty")
    empty.cwd.mkdir()
    empty.git("init", "-q")
    empty.git("remote", "add", "origin", str(pair.hub.cwd))
    datmo(empty, "init")
    refused(empty, "verify", "--complete", "--all", code=128, says=("no branch has a commit",))
    refused(empty, "verify", "--complete", code=128, says=("bad revision 'HEAD'",))
