"""Test a colleague's working clone as a remote: data are fetched from it, or a line gives a
hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.servers.hosts import serve
from tests.support.shell import Shell

KINDS = pytest.mark.parametrize("kind", ["path", "file", "ssh"])


def change(shell: Shell, text: str) -> None:
    """Commit new code and data."""
    shell.write("data/x", text)
    datmo(shell, "add-data", "data")
    shell.commit("code.py", f"# {text}\n")


@KINDS
def test_pull_from_a_clone_that_never_pushed_brings_data(
    pair: Pair, tmp_path: Path, kind: str
) -> None:
    ben = pair.clone("ben")
    change(pair.alex, "one")
    with serve(kind, tmp_path / "host") as host:
        ben = Shell(ben.cwd, {**ben.env, **host.environ})
        ben.git("remote", "add", "colleague", host.url(pair.alex.cwd))
        ben.git("pull", "-q", "colleague", "main")
        datmo(ben, "checkout")
        assert (ben.cwd / "data/x").read_text() == "one"
        # The same by a URL that is no remote, after which nothing but git's FETCH_HEAD has it.
        ben.git("remote", "remove", "colleague")
        change(pair.alex, "two")
        ben.git("pull", "-q", host.url(pair.alex.cwd), "main")
        assert (ben.cwd / "data/x").read_text() == "two"


@KINDS
def test_checkout_gets_what_a_pull_without_hooks_left_out(
    pair: Pair, tmp_path: Path, kind: str
) -> None:
    ben = pair.clone("ben")
    change(pair.alex, "one")
    with serve(kind, tmp_path / "host") as host:
        ben = Shell(ben.cwd, {**ben.env, **host.environ})
        ben.git("-c", "core.hooksPath=/dev/null", "pull", "-q", host.url(pair.alex.cwd), "main")
        assert not (ben.cwd / "data").exists()
        datmo(ben, "checkout")
        assert (ben.cwd / "data/x").read_text() == "one"


def test_clone_of_mirror_of_working_clone_names_where_data_are(pair: Pair) -> None:
    change(pair.alex, "one")
    pair.top.git("clone", "-q", "--mirror", str(pair.alex.cwd), "mirror.git")
    pair.top.git("clone", "-q", str(pair.top.cwd / "mirror.git"), "copy")
    copy = pair.top.at("copy")
    datmo(copy, "init")
    refused(
        copy,
        "checkout",
        says=("'origin' has the records and no data", "git remote add NAME URL"),
        code=2,
    )
    # The hint is true.
    copy.git("remote", "add", "alex", str(pair.alex.cwd))
    datmo(copy, "checkout")
    assert (copy.cwd / "data/x").read_text() == "one"


def test_push_from_a_mirror_of_a_working_clone_carries_its_data(pair: Pair) -> None:
    change(pair.alex, "one")
    pair.top.git("clone", "-q", "--mirror", str(pair.alex.cwd), "mirror.git")
    pair.top.git("init", "-q", "--bare", "new.git")
    mirror = pair.top.at("mirror.git")
    datmo(mirror, "init")
    mirror.git("push", "-q", "--mirror", str(pair.top.cwd / "new.git"))
    pair.top.git("clone", "-q", f"datmo::{pair.top.cwd / 'new.git'}", "copy")
    copy = pair.top.at("copy")
    datmo(copy, "checkout")
    assert (copy.cwd / "data/x").read_text() == "one"


def test_drop_on_a_working_clone_names_what_frees_it(pair: Pair) -> None:
    change(pair.alex, "one")
    change(pair.alex, "two")
    pair.top.git("clone", "-q", str(pair.alex.cwd), "copy")
    copy = pair.top.at("copy")
    datmo(copy, "init")
    done = datmo(copy, "drop", experiments(copy)[1]["id"], "--remote")
    assert (
        "'origin' is a working clone: it knows what was dropped, and 'git datmo gc' there frees it"
        in done.stdout
    )
    # The line is true.
    assert len(experiments(pair.alex)) == 1
    assert not datmo(pair.alex, "gc").stdout.startswith("0 ")
