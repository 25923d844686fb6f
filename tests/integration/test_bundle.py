"""Test a bundle for a user without network: clone it, check out and rerun."""

from __future__ import annotations

import shutil
from random import Random

from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.remote_check import missing_on
from tests.support.shell import Shell


def run(shell: Shell, seed: int) -> str:
    """Commit new data and a program, run it, and return the id of the snapshot."""
    shell.write("data/x", Random(seed).randbytes(1_500_000))
    datmo(shell, "add-data", "data")
    shell.commit(
        "code.py", f"# {seed}\nopen('out', 'w').write(open('data/x', 'rb').read(9).hex())\n"
    )
    datmo(shell, "run", "--engine", "host", "--", "python3", "code.py")
    return str(experiments(shell)[0]["id"])


def clone(pair: Pair, name: str = "copy") -> Shell:
    pair.top.git("clone", "-q", "all.bundle", name)
    copy = pair.top.at(name)
    datmo(copy, "init")
    return copy


def test_clone_of_a_bundle_checks_out_and_reproduces(pair: Pair) -> None:
    run(pair.alex, 1)
    newest = run(pair.alex, 2)
    told = datmo(pair.alex, "bundle", "../all.bundle").stderr
    assert "has 4 experiments with all data" in told
    shutil.rmtree(pair.hub.cwd)
    before = (pair.alex.cwd / "data/x").read_bytes()
    shutil.rmtree(pair.alex.cwd)
    copy = clone(pair)
    assert len(experiments(copy)) == 4
    datmo(copy, "checkout")
    assert (copy.cwd / "data/x").read_bytes() == before
    done = datmo(copy, "reproduce", "--engine", "host", "--trust", newest)
    assert "identical" in done.stdout
    datmo(copy, "fsck")
    # It is a remote like any other to git: nothing that it names is missing.
    pair.top.git("clone", "-q", "--mirror", "all.bundle", "mirror.git")
    assert not missing_on(pair.top.at("mirror.git"))


def test_clone_of_a_bundle_has_the_newest_data_after_one_between_was_dropped(pair: Pair) -> None:
    for seed in (1, 2, 3):
        pair.alex.write("data/x", str(seed))
        datmo(pair.alex, "add-data", "data")
        pair.alex.commit("code.py", f"# {seed}\n")
    datmo(pair.alex, "drop", str(experiments(pair.alex)[1]["id"]))
    datmo(pair.alex, "bundle", "../all.bundle")
    copy = clone(pair)
    datmo(copy, "checkout")
    assert (copy.cwd / "data/x").read_text() == "3"
    assert len(experiments(copy)) == 2


def test_bundle_of_a_branch_has_its_experiments_alone(pair: Pair) -> None:
    first = run(pair.alex, 1)
    pair.alex.git("branch", "old")
    run(pair.alex, 2)
    datmo(pair.alex, "bundle", "../all.bundle", "old")
    copy = clone(pair)
    assert experiments(copy)[0]["id"] == first
    assert len(experiments(copy)) == 2
    assert (pair.top.cwd / "all.bundle").stat().st_size < 2_000_000
    datmo(copy, "checkout")


def test_bundle_fetches_what_is_not_here(pair: Pair) -> None:
    run(pair.alex, 1)
    pair.alex.git("push", "-q", "origin", "main")
    ben = pair.clone("ben")
    datmo(ben, "bundle", "../all.bundle")
    shutil.rmtree(pair.hub.cwd)
    datmo(clone(pair), "checkout")


def test_bundle_without_the_data_is_refused_and_not_written(pair: Pair) -> None:
    run(pair.alex, 1)
    pair.alex.git("push", "-q", "origin", "main")
    ben = pair.clone("ben")
    shutil.rmtree(pair.hub.cwd)
    refused(ben, "bundle", "../all.bundle", code=2)
    assert not (pair.top.cwd / "all.bundle").exists()
    refused(ben, "bundle", "../all.bundle", "nonsense", says=("bad revision 'nonsense'",))
