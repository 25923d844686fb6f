"""Test repositories of every shape: detached, linked, SHA-256, with names beyond ASCII or of no
text."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import STORE, datmo, experiments, objects, picture, refused, states
from tests.support.pair import Pair
from tests.support.shell import Shell


def test_detached_head_has_its_snapshots(pair: Pair) -> None:
    alex = pair.alex
    alex.git("checkout", "-q", "--detach")
    alex.write("data/x", "one")
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "one")
    first = alex.git("rev-parse", "HEAD")
    alex.write("data/x", "two")
    alex.commit("code.py", "two")
    datmo(alex, "run", "-m", "detached", "--", "python", "code.py", code=1)
    assert [each["commit"] for each in experiments(alex)] == [alex.git("rev-parse", "HEAD")] * 2 + [
        first
    ]
    alex.git("checkout", "-q", "HEAD~1")
    assert (alex.cwd / "data" / "x").read_text() == "one"
    alex.git("push", "-q", "origin", "HEAD:refs/heads/side")
    ignacio = pair.clone()
    ignacio.git("checkout", "-q", first)
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data" / "x").read_text() == "one"


def test_linked_worktree_has_payloads_of_its_own(pair: Pair) -> None:
    alex = pair.alex
    alex.write("data/x", "one")
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "one")
    alex.git("worktree", "add", "-q", "-b", "side", "../linked")
    linked = alex.at("../linked")
    assert states(linked) == {"data": "not fetched"}
    assert states(alex) == {"data": "unchanged"}
    datmo(linked, "checkout")
    assert picture(linked.cwd / "data") == picture(alex.cwd / "data")
    # Each has its own version, and both know both experiments; hooks work in either.
    linked.write("data/x", "two")
    linked.write("more", "more")
    datmo(linked, "add-data", "more")
    linked.commit("code.py", "two")
    assert len(experiments(linked)) == 2
    assert (states(linked), states(alex)) == (
        {"data": "unchanged", "more": "unchanged"},
        {"data": "unchanged"},
    )
    assert (alex.cwd / "data" / "x").read_text() == "one"
    alex.git("merge", "-q", "--ff-only", "side")
    assert picture(alex.cwd / "data") == picture(linked.cwd / "data")
    assert (alex.cwd / "more").read_text() == "more"
    for shell in (alex, linked):
        assert shell.git("status", "--porcelain") == ""
    datmo(linked, "rm", "more")
    assert alex.git("status", "--porcelain") == "", (
        "the exclude file is shared, and this tree still tracks it"
    )
    linked.git("push", "-q", "origin", "side")
    ignacio = pair.clone()
    ignacio.git("checkout", "-q", "side")
    datmo(ignacio, "checkout")
    assert picture(ignacio.cwd / "data") == picture(alex.cwd / "data")


@pytest.mark.parametrize("way", ["hook", "helper"])
def test_sha256_repository_shares_and_checks_out(make_repo: Callable[..., Shell], way: str) -> None:
    hub = make_repo("hub.git", bare=True, object_format="sha256")
    alex = make_repo("alex", object_format="sha256")
    alex.git("remote", "add", "origin", str(hub.cwd))
    datmo(alex, "init", *(["--helper"] if way == "helper" else []))
    for number in range(300):
        alex.write(f"data/{number}", f"{number}")
    alex.write("data/large", os.urandom(3 << 20))
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "one")
    alex.git("push", "-q", "-u", "origin", "main")
    assert all(len(oid) == 64 for oid in objects(alex, *STORE))
    alex.git(*STORE, "fsck", "--strict")
    hub.git("fsck", "--strict")
    top = hub.at("..")
    top.git("clone", "-q", f"datmo::{hub.cwd}", "ignacio")
    ignacio = top.at("ignacio")
    datmo(ignacio, "checkout")
    assert picture(ignacio.cwd / "data") == picture(alex.cwd / "data")
    ignacio.write("data/7", "seven")
    ignacio.git("commit", "-q", "--allow-empty", "-m", "seven")
    ignacio.git("push", "-q")
    alex.git("pull", "-q")
    assert (alex.cwd / "data" / "7").read_text() == "seven"
    assert states(alex) == {"data": "unchanged"}


NAMES = (
    "with spaces",
    "żółć/日本語",
    "'quoted' \"twice\"",
    "-dash",
    "$HOME `id` ;x",
    "100%",
    "star*",
    "[a]",
    "#hash",
    "!bang",
)


def test_repositories_and_payloads_with_odd_names(make_repo: Callable[..., Shell]) -> None:
    hub = make_repo("a hub/żółć $(touch no).git", bare=True)
    alex = make_repo('alex\'s "own" 日本語 [x]*')
    alex.git("remote", "add", "origin", str(hub.cwd))
    datmo(alex, "init")
    for name in NAMES:
        alex.write(f"{name}/x", name)
        alex.write(f"files/{name}", name)
    tops = sorted({name.split("/")[0] for name in NAMES})
    datmo(alex, "add-data", "--", *tops, "files")
    alex.commit("code.py", "one")
    assert alex.git("status", "--porcelain") == ""
    assert states(alex) == dict.fromkeys([*tops, "files"], "unchanged")
    alex.git("push", "-q", "-u", "origin", "main")
    top = alex.at("..")
    top.git("clone", "-q", f"datmo::{hub.cwd}", "ignacio ż")
    ignacio = top.at("ignacio ż")
    datmo(ignacio, "checkout")
    assert picture(ignacio.cwd) == picture(alex.cwd)
    datmo(ignacio, "checkout", "--", "with spaces/x", "-dash")
    shutil.rmtree(ignacio.cwd / "files")
    datmo(ignacio, "checkout", "--", "files/żółć/日本語")
    assert [path.name for path in (ignacio.cwd / "files" / "żółć").iterdir()] == ["日本語"]


def test_file_names_that_are_no_text(pair: Pair) -> None:
    alex = pair.alex
    top = os.fsencode(alex.cwd)
    folder = top + b"/data/caf\xe9"
    os.makedirs(folder)
    names = (
        b"\xff\xfe",
        b"a\nb",
        b"tab\t",
        b"\x01",
        b" ",
        b"back\\slash",
        b"end.",
        b"trail ",
        b"\xed\xa0\x80",
    )
    for name in names:
        with open(folder + b"/" + name, "wb") as file:
            file.write(name)
    os.symlink(b"\xff\xfe", folder + b"/link")
    os.mkdir(folder + b"/empty\xff")
    datmo(alex, "add-data", "data")
    assert states(alex) == {"data": "unchanged"}
    alex.commit("code.py", "one")
    with open(folder + b"/\xff\xfe", "wb") as file:
        file.write(b"changed")
    os.unlink(folder + b"/a\nb")
    assert states(alex) == {"data": "modified"}
    alex.commit("code.py", "two")
    alex.git("push", "-q")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert picture(ignacio.cwd / "data") == picture(alex.cwd / "data")
    ignacio.git("checkout", "-q", "HEAD~1")
    with open(os.fsencode(ignacio.cwd) + b"/data/caf\xe9/a\nb", "rb") as file:
        assert file.read() == b"a\nb"
    # As the path of a payload such a name would stand in the record, which is text.
    os.rename(top + b"/data", top + b"/dat\xff")
    refused(alex, "add-data", os.fsdecode(b"dat\xff"), says=("not valid UTF-8", "rename it"))


def test_commands_in_folder_and_through_link_find_the_repository(
    repo: Shell, tmp_path: Path
) -> None:
    repo.write("deep/er/data/x", "x")
    below = repo.at("deep/er")
    datmo(below, "add-data", "data")
    assert states(below) == {"deep/er/data": "unchanged"}
    datmo(below, "snapshot")
    (tmp_path / "entry").symlink_to(repo.cwd)
    through = repo.at(tmp_path / "entry" / "deep")
    (repo.cwd / "deep" / "er" / "data" / "x").unlink()
    datmo(through, "checkout", "--", "er/data")
    assert (repo.cwd / "deep" / "er" / "data" / "x").read_text() == "x"
    datmo(through, "rm", "er")
    assert states(repo) == {}


def test_repository_with_separate_git_folder_works(
    make_repo: Callable[..., Shell], shell: Callable[..., Shell]
) -> None:
    work = shell("work")
    work.git("init", "-q", "--separate-git-dir", "../apart.git", ".")
    datmo(work, "init")
    work.write("data/x", "x")
    datmo(work, "add-data", "data")
    work.commit("code.py", "one")
    assert work.git("status", "--porcelain") == ""
    assert (work.cwd / ".." / "apart.git" / "datmo" / "store.git").is_dir()
    (work.cwd / "data" / "x").unlink()
    datmo(work, "checkout")
    assert (work.cwd / "data" / "x").read_text() == "x"
    # A submodule is such a repository too.
    outer = make_repo("outer")
    outer.git("submodule", "--quiet", "add", str(work.cwd), "inner")
    inner = outer.at("inner")
    datmo(inner, "init")
    inner.write("more/x", "x")
    datmo(inner, "add-data", "more")
    assert inner.git("status", "--porcelain") == ""
    assert states(inner)["more"] == "unchanged"


GONE = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'


@pytest.mark.parametrize(
    "words", [("git-datmo", "status"), ("git-remote-datmo", "origin", "datmo::../hub.git")]
)
def test_removed_working_folder_gives_the_message_of_git(
    make_repo: Callable[..., Shell], words: tuple[str, ...]
) -> None:
    repo = make_repo("repo")
    git = repo.run("sh", "-c", GONE, "sh", "git", "status", ok=False)
    ours = repo.run("sh", "-c", GONE, "sh", *words, ok=False)
    assert git.returncode == ours.returncode == 128
    assert ours.stderr.splitlines()[0] == git.stderr.splitlines()[0]
