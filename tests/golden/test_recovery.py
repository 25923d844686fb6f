"""Test that stock git and a shell restore every file from the remote alone, as `docs/FORMAT.md`
promises."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from random import Random

import pytest

from tests.support.commands import datmo, picture
from tests.support.format_document import section
from tests.support.independent_objects import stream
from tests.support.recovery import ATTRIBUTES, find_snapshot, recipe
from tests.support.shell import Shell

MIB = 1 << 20
# With this seed, the chunk tree of 12 MiB has two levels in both object formats.
TWO_LEVELS = 23

NAMES = [
    *(
        b"x.datmo-file",
        b"x.datmo-exec",
        b"0.datmo-part",
        b"x.datmo-name",
        b".gitattributes",
        b".gitmodules",
        b"git x",
    ),
    *(
        b"two words",
        b" lead",
        b"-rf",
        b"a\nb",
        b"a\tb",
        b"\xff\xfe",
        b"\xc3\xa4",
        b"\xc3\xa4" * 60,
        b"\xff" * 200,
    ),
    *(b"q'\"$(x)`\\", b"*?[x]", b"%s", b"new\n", b"..."),
    # Escaped, each of them has the name of the next.
    *(b"f~7", b"f~7.datmo-name", b"f~7.datmo-name.datmo-name"),
]


def put(folder: bytes, name: bytes, content: bytes, mode: int = 0o644) -> None:
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def fill(folder: bytes) -> None:
    """Write an entry of every kind that a payload can hold."""
    for number, name in enumerate(NAMES):
        put(
            folder,
            b"files/" + name,
            ATTRIBUTES + b"$Id$ $Format:%H$\r\n\n",
            0o755 if number % 2 else 0o644,
        )
        put(folder, b"folders/" + name + b"/in", b"\0\r\n")
        os.symlink(name, folder + b"/folders/" + name + b"/link")
        os.makedirs(folder + b"/hollow/" + name)
    for number, name in enumerate([*NAMES[:12], *NAMES[-3:]]):
        put(
            folder,
            b"large/" + name,
            stream(f"large-{number}", MIB + 1),
            0o755 if number % 2 else 0o644,
        )
    put(folder, b"two levels", Random(TWO_LEVELS).randbytes(12 * MIB))
    put(folder, b"tool", stream("tool", 2 * MIB), 0o755)
    put(folder, b"empty", b"")
    for number in range(5_000):
        put(folder, b"many/%d.txt" % number, b"%d\n" % number)
    # A split folder whose names look like its parts, files and folders among them.
    for number in range(300):
        put(
            folder,
            b"parts/%x.datmo-part" % number + (b"/in" if number % 3 else b""),
            b"%d" % number,
        )
    os.symlink(b"../nowhere", folder + b"/broken")
    os.symlink(b"/etc", folder + b"/away")


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_files_are_restored_without_git_datmo(
    make_repo: Callable[..., Shell], stock: Shell, object_format: str
) -> None:
    hub = make_repo("hub.git", bare=True, object_format=object_format)
    alex = make_repo("alex", object_format=object_format)
    alex.write(".gitattributes", ATTRIBUTES.decode())
    alex.git("add", ".gitattributes")
    commit = alex.commit("code.py", "pass\n")
    alex.git("remote", "add", "origin", str(hub.cwd))
    alex.git("push", "-q", "-u", "origin", "main")
    datmo(alex, "init")
    fill(os.fsencode(alex.cwd / "data"))
    (alex.cwd / "hollow").mkdir()
    alex.write("small", "x")
    alex.write("large", stream("single", 2 * MIB))
    alex.write("model", stream("model", 3 * MIB)).chmod(0o755)
    alex.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    paths = ["data", "hollow", "large", "model", "run.sh", "small"]
    datmo(alex, "add-data", *paths)
    datmo(alex, "snapshot", "-m", "all of it")
    alex.git("push", "-q")

    document = find_snapshot(stock, hub.cwd, commit)
    assert [payload["path"] for payload in document["payloads"]] == paths
    stock.write("restore.sh", recipe()[1])
    for payload in [*document["payloads"], {"path": "code", **document["code"]}]:
        target = f"back/{payload['path']}"
        (stock.cwd / "back").mkdir(exist_ok=True)
        stock.run("sh", "restore.sh", "mirror.git", payload["form"], payload["object"], target)
        if payload["path"] in paths:
            assert picture(stock.cwd / target) == picture(alex.cwd / payload["path"])
    assert (stock.cwd / "back" / "code" / "code.py").read_text() == "pass\n"
    assert sorted(os.listdir(stock.cwd / "back")) == sorted([*paths, "code"])

    # The data had all special forms: chunk trees of two levels, parts in parts, every marker.
    listed = stock.git(
        "--git-dir=mirror.git",
        "ls-tree",
        "-r",
        "-t",
        "--name-only",
        document["payloads"][0]["object"],
    )
    assert re.search(r"^two levels\.datmo-file/[0-9a-f]{16}/[0-9a-f]{16}$", listed, re.MULTILINE)
    assert re.search(r"^many/[0-9a-f]\.datmo-part/[0-9a-f]\.datmo-part/", listed, re.MULTILINE)
    assert re.search(
        r"^parts/[0-9a-f]\.datmo-part/[0-9a-f]+\.datmo-part\.datmo-name", listed, re.MULTILINE
    )


def test_tip_of_keep_chain_is_fetched_alone_by_stock_git(
    make_repo: Callable[..., Shell], stock: Shell
) -> None:
    hub, alex = make_repo("hub.git", bare=True), make_repo("alex")
    alex.commit("code.py", "pass\n")
    alex.git("remote", "add", "origin", str(hub.cwd))
    alex.git("push", "-q", "-u", "origin", "main")
    datmo(alex, "init")
    for text in ("one", "two"):
        alex.write("data/x", text)
        datmo(alex, "add-data", "data")
        datmo(alex, "snapshot", "-m", text)
        alex.git("push", "-q")
    (fetch,) = re.findall(r"`git (fetch --depth=1 URL [^`]*)`", section(10))
    stock.git("init", "-q", "--bare", "chain.git")
    stock.git("--git-dir=chain.git", *fetch.replace("URL", f"file://{hub.cwd}").split())
    every = stock.git(
        "--git-dir=chain.git", "cat-file", "--batch-all-objects", "--batch-check"
    ).splitlines()
    tip, empty = (
        hub.git("rev-parse", "refs/datmo/keep/1"),
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    )
    assert {line.split()[0] for line in every} == {tip, empty}
    text = stock.git("--git-dir=chain.git", "cat-file", "commit", tip)
    keeps = [line for line in text.splitlines() if line.startswith("parent ")][1:]
    assert keeps
    assert all("datmo: keep" in hub.git("cat-file", "commit", line.split()[1]) for line in keeps)


def test_payload_with_missing_objects_is_not_restored_in_part(
    make_repo: Callable[..., Shell], stock: Shell
) -> None:
    hub = make_repo("hub.git", bare=True)
    blob = hub.git("hash-object", "-w", "--stdin", stdin=b"x")
    tree = hub.git(
        "mktree", "--missing", stdin=f"100644 blob {blob}\ta\n100644 blob {'1' * 40}\tb\n".encode()
    )
    stock.write("restore.sh", recipe()[1])
    assert stock.run("sh", "restore.sh", "hub.git", "folder", tree, "back", ok=False).returncode
    assert stock.run("sh", "restore.sh", "hub.git", "file", tree, "back", ok=False).returncode
    assert stock.run("sh", "restore.sh", "hub.git", "folder", blob, "back", ok=False).returncode
    assert not (stock.cwd / "back").exists()
