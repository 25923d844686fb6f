"""Test the recovery recipe of `docs/FORMAT.md` against hostile trees: it writes nothing outside and
overwrites nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import datmo, picture
from tests.support.recovery import find_snapshot, recipe
from tests.support.shell import Shell

OUTSIDE = "kept as it was\n"


class Forge:
    """Make objects in a repository as a foreign program can."""

    def __init__(self, hub: Shell, outside: Path) -> None:
        self.hub = hub
        self.outside = outside

    def blob(self, content: bytes) -> str:
        return self.hub.git("hash-object", "-w", "--stdin", stdin=content)

    def file(self, name: bytes, content: bytes = b"x") -> bytes:
        return f"100644 blob {self.blob(content)}\t".encode() + name

    def link(self, name: bytes, target: bytes) -> bytes:
        return f"120000 blob {self.blob(target)}\t".encode() + name

    def folder(self, name: bytes, *entries: bytes) -> bytes:
        return f"040000 tree {self.tree(*entries)}\t".encode() + name

    def tree(self, *entries: bytes) -> str:
        return self.hub.git("mktree", "-z", stdin=b"".join(entry + b"\0" for entry in entries))


CHUNK, NEXT = b"0" * 16, b"0" * 15 + b"1"
CASES: dict[str, Callable[[Forge], str]] = {
    "a name and its escaped form": lambda f: f.tree(
        f.file(b"f~7", b"one"), f.file(b"f~7.datmo-name", b"two")
    ),
    "a folder and its escaped form": lambda f: f.tree(
        f.folder(b"f~7", f.file(b"in")), f.folder(b"f~7.datmo-name", f.file(b"in"))
    ),
    "a file into a folder of its name": lambda f: f.tree(
        f.folder(b"f~7", f.file(b"in")), f.file(b"f~7.datmo-name")
    ),
    "chunks over a file": lambda f: f.tree(
        f.file(b"x", b"one"), f.folder(b"x.datmo-file", f.file(CHUNK))
    ),
    "chunks through a link": lambda f: f.tree(
        f.link(b"x", os.fsencode(f.outside)), f.folder(b"x.datmo-file", f.file(CHUNK))
    ),
    "a program through a link": lambda f: f.tree(
        f.link(b"x", os.fsencode(f.outside)), f.folder(b"x.datmo-exec", f.file(CHUNK))
    ),
    "two kinds of chunks": lambda f: f.tree(
        f.folder(b"x.datmo-exec", f.file(CHUNK)), f.folder(b"x.datmo-file", f.file(CHUNK))
    ),
    "a name into a linked folder": lambda f: f.tree(
        f.link(b"f~7", os.fsencode(f.outside.parent)), f.file(b"f~7.datmo-name", b"two")
    ),
    "a part that is a link": lambda f: f.tree(
        f.link(b"a.datmo-part", os.fsencode(f.outside.parent))
    ),
    "chunks that are a link": lambda f: f.tree(
        f.link(b"x.datmo-file", os.fsencode(f.outside.parent))
    ),
    "chunks that are a file": lambda f: f.tree(f.file(b"x.datmo-file")),
    "a chunk that is a link": lambda f: f.tree(
        f.folder(b"x.datmo-file", f.link(CHUNK, os.fsencode(f.outside)))
    ),
    "a chunk of another name": lambda f: f.tree(f.folder(b"x.datmo-file", f.file(b"name"))),
    "parts that meet": lambda f: f.tree(
        f.folder(b"a.datmo-part", f.file(b"x", b"one")),
        f.folder(b"b.datmo-part", f.file(b"x", b"two")),
    ),
    "a part beside what it holds": lambda f: f.tree(
        f.folder(b"a.datmo-part", f.file(b"x")), f.file(b"x", b"two")
    ),
    "the folder above": lambda f: f.tree(f.file(b"...datmo-name")),
    "the folder itself": lambda f: f.tree(f.file(b"..datmo-name")),
    "chunks as the folder above": lambda f: f.tree(f.folder(b"...datmo-file", f.file(CHUNK))),
    "no name": lambda f: f.tree(f.file(b".datmo-name")),
    "chunks without a name": lambda f: f.tree(f.folder(b".datmo-file", f.file(CHUNK))),
    "a repository": lambda f: f.tree(f.folder(b".git.datmo-name", f.file(b"config"))),
    "a repository in capitals": lambda f: f.tree(f.folder(b".GIT.datmo-name", f.file(b"config"))),
}


@pytest.fixture
def forge(make_repo: Callable[..., Shell], tmp_path: Path) -> Forge:
    outside = tmp_path / "outside" / "file"
    outside.parent.mkdir()
    outside.write_text(OUTSIDE)
    return Forge(make_repo("hub.git", bare=True), outside)


@pytest.mark.parametrize("make", CASES.values(), ids=CASES.keys())
def test_tree_that_would_overwrite_or_lead_out_is_refused(
    stock: Shell, forge: Forge, make: Callable[[Forge], str]
) -> None:
    tree = make(forge)
    stock.write("restore.sh", recipe()[1])
    before = picture(stock.cwd / "outside")
    done = stock.run("sh", "restore.sh", "hub.git", "folder", tree, "back", ok=False)
    assert done.returncode, str(done)
    assert not (stock.cwd / "back").exists()
    assert picture(stock.cwd / "outside") == before


def test_odd_trees_that_are_allowed_are_restored(stock: Shell, forge: Forge) -> None:
    entries = [
        *(forge.file(b"f~7.datmo-name", b"1"), forge.file(b"f~7.datmo-name.datmo-name", b"2")),
        forge.folder(b"f~7.datmo-name.datmo-name.datmo-name", forge.file(b"in", b"3")),
        *(forge.link(b"away", os.fsencode(forge.outside)), forge.link(b"up", b"..")),
        *(forge.folder(b"hollow"), forge.folder(b"deep", forge.folder(b"hollow"))),
        forge.folder(
            b"a.datmo-file.datmo-name.datmo-file",
            forge.file(CHUNK, b"4"),
            forge.file(b"0" * 15 + b"1", b"5"),
        ),
    ]
    stock.write("restore.sh", recipe()[1])
    stock.run("sh", "restore.sh", "hub.git", "folder", forge.tree(*entries), "back")
    assert picture(stock.cwd / "back") == {
        b"": ("folder", b""),
        b"a.datmo-file": ("file", b"45"),
        b"away": ("link", os.fsencode(forge.outside)),
        b"deep": ("folder", b""),
        b"deep/hollow": ("folder", b""),
        b"f~7": ("file", b"1"),
        b"f~7.datmo-name": ("file", b"2"),
        b"f~7.datmo-name.datmo-name": ("folder", b""),
        b"f~7.datmo-name.datmo-name/in": ("file", b"3"),
        b"hollow": ("folder", b""),
        b"up": ("link", b".."),
    }


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_target_that_exists_is_left_alone(stock: Shell, forge: Forge, what: str) -> None:
    target = stock.cwd / "back"
    if what == "link":
        target.symlink_to(forge.outside.parent)
    elif what == "folder":
        target.mkdir()
    else:
        target.write_text(OUTSIDE)
    stock.write("restore.sh", recipe()[1])
    tree = forge.tree(forge.file(b"x"))
    assert stock.run("sh", "restore.sh", "hub.git", "folder", tree, "back", ok=False).returncode
    assert sorted(path.name for path in forge.outside.parent.iterdir()) == ["file"]
    assert what != "folder" or not list(target.iterdir())


@pytest.mark.parametrize("name", [b"..", b".git", b"a"])
def test_trees_that_git_finds_harmful_do_not_get_into_the_mirror(
    stock: Shell, forge: Forge, name: bytes
) -> None:
    blob = bytes.fromhex(forge.blob(b"x"))
    raw = b"".join(
        b"100644 " + each + b"\0" + blob for each in (name, name)[: 2 if name == b"a" else 1]
    )
    hub = forge.hub
    tree = hub.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    commit = hub.git("commit-tree", tree, "-m", "x")
    hub.git("update-ref", "refs/heads/main", commit)
    assert stock.run(*recipe()[0][0].replace("URL", str(hub.cwd)).split(), ok=False).returncode
    hub.git("repack", "-adq")
    (pack,) = (hub.cwd / "objects" / "pack").glob("*.pack")
    stock.git("init", "-q", "--bare", "mirror.git")
    assert stock.run(*recipe()[2].split(), stdin=pack.read_bytes(), ok=False).returncode


@pytest.mark.parametrize("namespace", ["refs/notes/git-datmo", "refs/heads/git-datmo"])
def test_records_are_found_in_every_namespace(
    make_repo: Callable[..., Shell], stock: Shell, namespace: str
) -> None:
    hub, alex = make_repo("hub.git", bare=True), make_repo("alex")
    commit = alex.commit("code.py", "pass\n")
    alex.git("remote", "add", "origin", str(hub.cwd))
    alex.git("config", "datmo.origin.namespace", namespace)
    alex.git("push", "-q", "-u", "origin", "main")
    datmo(alex, "init")
    alex.write("data", "x")
    datmo(alex, "add-data", "data")
    datmo(alex, "snapshot")
    alex.git("push", "-q")
    (payload,) = find_snapshot(stock, hub.cwd, commit)["payloads"]
    stock.write("restore.sh", recipe()[1])
    stock.run("sh", "restore.sh", "mirror.git", payload["form"], payload["object"], "back")
    assert (stock.cwd / "back").read_text() == "x"


def test_payload_of_a_store_elsewhere_is_restored(
    make_repo: Callable[..., Shell], stock: Shell
) -> None:
    hub, alex = make_repo("hub.git", bare=True), make_repo("alex")
    place = stock.cwd / "place"
    place.mkdir()
    commit = alex.commit("code.py", "pass\n")
    alex.git("remote", "add", "origin", str(hub.cwd))
    alex.git("config", "datmo.origin.store", str(place))
    alex.git("push", "-q", "-u", "origin", "main")
    datmo(alex, "init")
    alex.write("data/x", "x")
    datmo(alex, "add-data", "data")
    datmo(alex, "snapshot")
    alex.git("push", "-q")
    (payload,) = find_snapshot(stock, hub.cwd, commit)["payloads"]
    for pack in (place / "sha1").glob("*.pack"):
        stock.run(*recipe()[2].split(), stdin=pack.read_bytes())
    stock.write("restore.sh", recipe()[1])
    stock.run("sh", "restore.sh", "mirror.git", payload["form"], payload["object"], "back")
    assert picture(stock.cwd / "back") == picture(alex.cwd / "data")
