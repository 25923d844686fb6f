"""Test that `datmo.share=branch` shares only the experiments of the pushed commits."""

from __future__ import annotations

import pytest

from tests.support.commands import datmo, experiments, objects, refused
from tests.support.pair import Pair, both_ways
from tests.support.remote_check import missing_on
from tests.support.shell import Shell


def change(shell: Shell, text: str) -> tuple[str, str]:
    """Commit new code and data; return the ids of the snapshot and of its payload."""
    shell.write("data/x", text)
    datmo(shell, "add-data", "data")
    shell.commit("code.py", f"# {text}\n")
    newest = experiments(shell)[0]
    return str(newest["id"]), str(newest["payloads"][0]["object"])


def records(hub: Shell) -> set[str]:
    names = hub.git("ls-tree", "-r", "--name-only", "refs/datmo/records").split()
    records = (name for name in names if name.endswith(".json"))
    return {name.replace("/", "").removesuffix(".json") for name in records}


def noted(hub: Shell) -> str:
    """Return all that the notes of a remote say, in any of their versions."""
    return hub.git("log", "-p", "--format=", "refs/notes/datmo")


def commit_faces(alex: Shell) -> None:
    """Commit a table, and a contract of it."""
    alex.write("data/faces/a.csv", "name,age\na,1\n")
    datmo(alex, "add-data", "data")
    datmo(alex, "contract", "infer", "data/faces")
    alex.git("add", ".")
    alex.git("commit", "-q", "-m", "Add faces")


@pytest.fixture
def branched(pair: Pair) -> Pair:
    """Return Alex's clone with an experiment on main, sharing only those of pushed commits."""
    pair.alex.git("config", "datmo.share", "branch")
    return pair


@both_ways
def test_push_of_one_branch_leaves_the_experiments_of_another_at_home(branched: Pair) -> None:
    alex, hub = branched.alex, branched.hub
    first, first_data = change(alex, "one")
    alex.git("checkout", "-q", "-b", "private")
    secret, secret_data = change(alex, "not for others")
    alex.git("checkout", "-q", "main")
    second, second_data = change(alex, "two")
    alex.git("push", "-q", "origin", "main")
    assert records(hub) == {first, second}
    assert secret not in hub.git("log", "-p", "--format=", "refs/datmo/records")
    assert secret not in noted(hub)
    there = objects(hub)
    assert {first_data, second_data} <= there.keys()
    assert not {secret, secret_data} & there.keys()
    assert not missing_on(hub)
    # The data that were not pushed are still local, and go with their branch.
    assert secret in {each["id"] for each in experiments(alex, "private")}
    alex.git("push", "-q", "origin", "private")
    assert records(hub) == {first, second, secret}
    assert secret_data in objects(hub)
    assert not missing_on(hub)


@both_ways
def test_push_of_branch_shares_its_history_and_annotations(branched: Pair) -> None:
    alex, hub = branched.alex, branched.hub
    first, first_data = change(alex, "one")
    alex.git("checkout", "-q", "-b", "feature")
    second, _ = change(alex, "two")
    alex.git("push", "-q", "origin", "feature")
    assert records(hub) == {first, second}
    assert first_data in objects(hub)
    # A drop of an experiment that is shared is shared; one of an experiment at home stays at home.
    alex.git("checkout", "-q", "-b", "private")
    third, _ = change(alex, "three")
    datmo(alex, "drop", third)
    alex.git("checkout", "-q", "feature")
    datmo(alex, "drop", first)
    alex.commit("more.py", "pass\n")
    alex.git("push", "-q", "origin", "feature")
    came = records(hub) - {first, second}
    assert len(came) == 1
    assert third not in hub.git("log", "-p", "--format=", "refs/datmo/records")
    (drop,) = came
    assert first in hub.git("cat-file", "blob", drop)


def test_push_of_branch_shares_the_checks_made_at_its_commits(branched: Pair) -> None:
    alex, hub = branched.alex, branched.hub
    commit_faces(alex)
    alex.git("checkout", "-q", "-b", "private")
    alex.write("data/faces/a.csv", "name,age\nsecret,2\n")
    datmo(alex, "commit", "-m", "Add secret faces")
    datmo(alex, "contract", "check")
    alex.git("checkout", "-q", "main")
    datmo(alex, "checkout")
    datmo(alex, "contract", "check")
    alex.git("push", "-q", "origin", "main")
    (line,) = (line for line in noted(hub).splitlines() if " check " in line)
    assert line.startswith("+")
    assert line.endswith("contracts/faces.odcs.yaml holds")
    alex.git("push", "-q", "origin", "private")
    assert len({line for line in noted(hub).splitlines() if " check " in line}) == 2


def test_check_of_uncommitted_data_is_shared_with_the_commit_that_has_them(
    branched: Pair,
) -> None:
    alex, hub = branched.alex, branched.hub
    commit_faces(alex)
    alex.write("data/faces/a.csv", "name,age\na,secret\n")
    datmo(alex, "add-data", "data")
    datmo(alex, "contract", "check", code=1)
    alex.git("push", "-q", "origin", "main")
    assert "contracts/faces" not in noted(hub)
    alex.git("commit", "-q", "--allow-empty", "-m", "Change faces")
    alex.git("push", "-q", "origin", "main")
    assert "contracts/faces.odcs.yaml broken" in noted(hub)


@both_ways
def test_setting_that_is_taken_back_shares_the_rest(branched: Pair) -> None:
    alex, hub = branched.alex, branched.hub
    alex.git("checkout", "-q", "-b", "private")
    secret, secret_data = change(alex, "later for others")
    alex.git("checkout", "-q", "main")
    first, _ = change(alex, "one")
    alex.git("push", "-q", "origin", "main")
    assert records(hub) == {first}
    alex.git("config", "--unset", "datmo.share")
    alex.git("commit", "-q", "--allow-empty", "-m", "nothing")
    alex.git("push", "-q", "origin", "main")
    assert records(hub) == {first, secret}
    assert secret_data in objects(hub)
    assert not missing_on(hub)


def test_datmo_push_carries_the_branch_that_is_checked_out(branched: Pair) -> None:
    alex, hub = branched.alex, branched.hub
    alex.git("checkout", "-q", "-b", "private")
    change(alex, "not for others")
    alex.git("checkout", "-q", "main")
    first, _ = change(alex, "one")
    datmo(alex, "push")
    assert records(hub) == {first}


def test_unknown_value_of_the_setting_is_refused(branched: Pair) -> None:
    change(branched.alex, "one")
    branched.alex.git("config", "datmo.share", "some")
    refused(
        branched.alex,
        "push",
        says=("'datmo.share' cannot be 'some'", "set it to 'all' or to 'branch'"),
    )
