"""Test a push that meets damage: it recovers objects, names lost ones, and blames no host."""

from __future__ import annotations

import pytest

from tests.support.commands import datmo, experiments, picture
from tests.support.damage import SMALL, blob, spoil, with_data
from tests.support.disk_space import noise
from tests.support.pair import Pair
from tests.support.shell import Shell


@pytest.fixture
def alex(pair: Pair) -> Shell:
    """Return a clone that pushes by git's own transport, with a snapshot that was not shared."""
    pair.alex.git("remote", "set-url", "origin", f"file://{pair.hub.cwd}")
    return with_data(pair.alex)


@pytest.mark.parametrize("content", [SMALL, None], ids=["a small object", "a chunk"])
def test_push_goes_on_with_what_the_working_tree_has(
    pair: Pair, alex: Shell, content: bytes | None
) -> None:
    if content is None:
        listed = alex.git(
            "--git-dir=.git/datmo/store.git", "cat-file", "--batch-all-objects", "--batch-check"
        )
        content = noise(1)[
            : max(int(line.split()[2]) for line in listed.splitlines() if " blob " in line)
        ]
        found = [
            line.split()[0] for line in listed.splitlines() if line.endswith(f" {len(content)}")
        ]
        spoil(alex, type(blob()).parse(found[0]))
    else:
        spoil(alex, blob())
    done = alex.run("git", "push", "-q")
    assert "the store was damaged: 1 of 1 lost objects came back" in done.stderr
    other = pair.clone()
    datmo(other, "checkout")
    assert picture(other.cwd / "data") == picture(alex.cwd / "data")


def test_push_of_what_is_lost_names_payload_and_snapshot_and_blames_no_host(
    pair: Pair, alex: Shell
) -> None:
    (snapshot,) = (each["id"] for each in experiments(alex))
    spoil(alex, blob())
    alex.write("data/small", "another\n")
    said = alex.run("git", "push", "-q", ok=False).stderr
    assert f"'data' of snapshot {snapshot[:10]} lost 1 object, the first is {blob()}" in said
    assert "unpacker" not in said
    assert "the administrator of the remote" not in said
    datmo(alex, "add-data", "data")
    datmo(alex, "drop", snapshot)
    datmo(alex, "snapshot", "-m", "anew")
    alex.git("push", "-q")
    other = pair.clone()
    datmo(other, "checkout")
    assert picture(other.cwd / "data") == picture(alex.cwd / "data")


def test_push_with_one_damaged_snapshot_shares_the_others(pair: Pair, alex: Shell) -> None:
    (lost,) = (each["id"] for each in experiments(alex))
    spoil(alex, blob())
    alex.write("data/small", "another\n")
    alex.commit("code.py", "2\n")
    sound = experiments(alex)[0]["id"]
    alex.run("git", "push", "-q", ok=False)
    assert lost not in pair.hub.git("ls-tree", "-r", "refs/datmo/records")
    assert sound in pair.hub.git("ls-tree", "-r", "refs/datmo/records")
    datmo(alex, "drop", lost)
    alex.git("push", "-q")
