"""Test that a push sends data again that the remote lost."""

from __future__ import annotations

from tests.support.commands import datmo
from tests.support.pair import Pair
from tests.support.shell import Shell


def lose_data(hub: Shell) -> None:
    """Delete the refs that keep payload objects, and the objects."""
    for ref in hub.git("for-each-ref", "--format=%(refname)", "refs/datmo/keep").split():
        hub.git("update-ref", "-d", ref)
    hub.git("gc", "-q", "--prune=now")


def share(alex: Shell) -> None:
    alex.write("data/x", "1\n")
    datmo(alex, "add-data", "data")
    alex.git("commit", "-q", "--allow-empty", "-m", "data without code")
    alex.git("push", "-q", "origin", "HEAD")


def test_push_that_sends_lost_data_again_reports_it(pair: Pair) -> None:
    share(pair.alex)
    lose_data(pair.hub)
    said = datmo(pair.alex, "push").stderr
    assert "sent the data of 1 record again" in said
    assert "up-to-date" not in said
    assert "Everything up-to-date" in datmo(pair.alex, "push").stderr


def test_snapshot_without_code_files_is_sent_again_after_a_repair(pair: Pair) -> None:
    share(pair.alex)
    datmo(pair.alex, "fsck", "--repair")
    lose_data(pair.hub)
    datmo(pair.alex, "push")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data/x").read_text() == "1\n"
