"""Test that a push URL with the helper sets up the clone, and leaves the remote's other URLs
alone."""

from __future__ import annotations

from tests.support.commands import datmo, experiments
from tests.support.pair import Pair
from tests.support.shell import Shell


def plain_clone(pair: Pair) -> tuple[Shell, str]:
    """Return a clone that git-datmo does not know, and the path of a second host."""
    pair.top.git("clone", "-q", "--bare", str(pair.hub.cwd), "second.git")
    pair.top.git("clone", "-q", str(pair.hub.cwd), "plain")
    return pair.top.at("plain"), str(pair.top.cwd / "second.git")


def push(shell: Shell) -> None:
    shell.commit("more.py", "pass\n")
    shell.git("push", "-q", "origin", "main")


def urls(shell: Shell, key: str) -> list[str]:
    return shell.git("config", "--get-all", f"remote.origin.{key}").splitlines()


def test_helper_in_push_url_alone_leaves_the_fetch_url(pair: Pair) -> None:
    plain, second = plain_clone(pair)
    plain.git("config", "remote.origin.pushurl", f"datmo::{second}")
    push(plain)
    assert (urls(plain, "url"), urls(plain, "pushurl")) == ([str(pair.hub.cwd)], [second])
    # It is ready: data go to the one, and come from the other.
    plain.write("data/x", "one")
    datmo(plain, "add-data", "data")
    plain.commit("data.py", "pass\n")
    plain.git("push", "-q", "origin", "main")
    assert "refs/datmo/records" in pair.top.at("second.git").git("for-each-ref")
    assert "refs/datmo/records" not in pair.hub.git("for-each-ref")


def test_helper_in_both_urls_leaves_each_where_it_leads(pair: Pair) -> None:
    plain, second = plain_clone(pair)
    plain.git("config", "remote.origin.url", f"datmo::{pair.hub.cwd}")
    plain.git("config", "remote.origin.pushurl", f"datmo::{second}")
    push(plain)
    assert (urls(plain, "url"), urls(plain, "pushurl")) == ([str(pair.hub.cwd)], [second])


def test_helper_in_several_push_urls_keeps_all_of_them(pair: Pair) -> None:
    plain, second = plain_clone(pair)
    for url in (str(pair.hub.cwd), second):
        plain.git("config", "--add", "remote.origin.pushurl", f"datmo::{url}")
    push(plain)
    assert (urls(plain, "url"), urls(plain, "pushurl")) == (
        [str(pair.hub.cwd)],
        [str(pair.hub.cwd), second],
    )
    plain.write("data/x", "one")
    datmo(plain, "add-data", "data")
    plain.commit("data.py", "pass\n")
    plain.git("push", "-q", "origin", "main")
    for hub in (pair.hub, pair.top.at("second.git")):
        assert "refs/datmo/records" in hub.git("for-each-ref")


def test_clone_by_relative_path_shows_the_absolute_one(pair: Pair) -> None:
    pair.top.git("clone", "-q", "datmo::hub.git", "copy")
    copy = pair.top.at("copy")
    assert urls(copy, "url") == [str(pair.hub.cwd)]
    assert experiments(copy) == []
