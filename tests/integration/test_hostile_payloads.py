"""Test that a checkout writes no more than the record states, whatever its trees contain."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.bounded_memory import bounded
from tests.support.commands import datmo, picture, states
from tests.support.forged_records import genuine, plant, put, put_tree
from tests.support.pair import Pair
from tests.support.shell import Shell

BLOB, TREE = "100644", "40000"


def nested(hub: Shell, leaf: str, levels: int, width: int = 250) -> str:
    for _ in range(levels):
        leaf = put_tree(hub, *((TREE, b"d%03d" % number, leaf) for number in range(width)))
    return leaf


def shared_files(hub: Shell) -> str:
    blob = put(hub, "blob", b"x")
    return nested(
        hub, put_tree(hub, *((BLOB, b"f%03d" % number, blob) for number in range(250))), 3
    )


def shared_chunks(hub: Shell) -> str:
    chunk = put(hub, "blob", bytes(1 << 20))
    node = put_tree(hub, *((BLOB, b"%016x" % (number << 20), chunk) for number in range(400)))
    return chunk_file(hub, node)


def chunk_file(hub: Shell, node: str) -> str:
    return put_tree(hub, (TREE, b"big.datmo-file", node))


def chunk_tower(hub: Shell, leaf: str) -> str:
    for _ in range(4):
        leaf = put_tree(hub, *((TREE, b"%016x" % (number << 20), leaf) for number in range(400)))
    return leaf


def empty_chunks(hub: Shell) -> str:
    chunk = put(hub, "blob", b"")
    names = (b"%016x" % (number << 20) for number in range(400))
    leaf = put_tree(hub, *((BLOB, name, chunk) for name in names))
    return chunk_file(hub, chunk_tower(hub, leaf))


def empty_parts(hub: Shell) -> str:
    tree = put_tree(hub)
    for _ in range(10):
        tree = put_tree(hub, *((TREE, b"%x.datmo-part" % digit, tree) for digit in range(16)))
    return tree


def deep(hub: Shell) -> str:
    return nested(hub, put_tree(hub, (BLOB, b"x", put(hub, "blob", b"x"))), 520, 1)


def million(hub: Shell) -> str:
    raw = bytes.fromhex(put(hub, "blob", b"x"))
    return put(
        hub, "tree", b"".join(b"100644 %07d\0%s" % (number, raw) for number in range(1_000_000))
    )


def deflated(hub: Shell) -> str:
    """Make a blob that inflates to 400 MiB. Git accepts it, since its id is right."""
    size = 400 << 20
    head = b"blob %d\0" % size
    digest, machine = hashlib.sha1(head), zlib.compressobj(1)
    block = bytes(16 << 20)
    pieces = [machine.compress(head)]
    for _ in range(size // len(block)):
        digest.update(block)
        pieces.append(machine.compress(block))
    oid = digest.hexdigest()
    path = hub.cwd / "objects" / oid[:2] / oid[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join([*pieces, machine.flush()]))
    return put_tree(hub, (BLOB, b"x", oid))


def more_files(hub: Shell) -> str:
    blob = put(hub, "blob", b"x")
    return put_tree(hub, *((BLOB, b"f%03d" % number, blob) for number in range(200)))


def larger_files(hub: Shell) -> str:
    return put_tree(
        hub, *((BLOB, b"f%d" % number, put(hub, "blob", bytes(1 << 20))) for number in range(2))
    )


BOMBS: dict[str, Callable[[Shell], str]] = {
    "shared files": shared_files,
    "shared empty folders": lambda hub: nested(hub, put_tree(hub), 4),
    "shared chunks": shared_chunks,
    "shared empty parts": empty_parts,
    "shared empty chunk trees": lambda hub: chunk_file(hub, chunk_tower(hub, put_tree(hub))),
    "shared empty chunks": empty_chunks,
    "deep": deep,
    "a million names in one tree": million,
    "an object that inflates to 400 MiB": deflated,
    "more files than said": more_files,
    "larger files than said": larger_files,
}


@pytest.fixture
def shared(pair: Pair) -> Pair:
    pair.alex.write("data/x", "good")
    datmo(pair.alex, "add-data", "data")
    datmo(pair.alex, "snapshot", "-m", "good")
    # So that the server packs a large blob in little memory.
    pair.hub.git("config", "core.bigFileThreshold", "1m")
    pair.alex.git("push", "-q", "origin", "main")
    return pair


def forge(pair: Pair, tree: str) -> str:
    """Share a snapshot of a new commit whose payload `data` is `tree`; return its id."""
    document: dict[str, Any] = genuine(pair.alex)
    before = json.loads(datmo(pair.alex, "show", "--json").stdout)["id"]
    pair.alex.commit("code.py", "2\n")
    pair.alex.git("push", "-q", "--no-verify", "origin", "main")
    said = {"object": tree, "size": 1000, "files": 10}
    document["payloads"][0].update(said)
    for kept in document["objects"]:
        if kept["name"].startswith("payload-"):
            kept.update(said)
    document.update(
        commit=pair.alex.git("rev-parse", "HEAD"), tree=pair.alex.git("rev-parse", "HEAD^{tree}")
    )
    document.update(parents=[before], created="2030-01-01T00:00:00.000000Z")
    pair.hub.git("update-ref", "refs/heads/keep", pair.hub.git("commit-tree", "-m", "x", tree))
    return plant(pair.hub, json.dumps(document).encode(), document["commit"])


@pytest.mark.parametrize("bomb", BOMBS)
def test_payload_beyond_its_record_is_refused(shared: Pair, bomb: str) -> None:
    bob = shared.clone("bob")
    only_main = "+refs/heads/main:refs/remotes/origin/main"
    bob.git("config", "--replace-all", "remote.origin.fetch", only_main, r"^\+refs/heads/")
    datmo(bob, "checkout")
    before = picture(bob.cwd / "data")
    oid = forge(shared, BOMBS[bomb](shared.hub))
    bounded(bob, "git", "pull", "-q")
    done = bounded(bob, "git", "datmo", "checkout", ok=False)
    assert done.returncode, str(done)
    assert weight(bob.cwd / "data") < 300 << 20
    said = ("is refused", ", more than", "more than datmo.folderLimit", "cannot fetch")
    assert any(words in done.stderr for words in said), str(done)
    # Nothing was written, so other commands go on.
    assert picture(bob.cwd / "data") == before
    bounded(bob, "git", "datmo", "status")
    bob.write("data/x", "mine")
    assert states(bob) == {"data": "modified"}
    datmo(bob, "checkout", "--force", "HEAD~1")
    assert picture(bob.cwd / "data") == before
    assert states(bob) == {"data": "unchanged"}
    datmo(bob, "drop", oid)
    bounded(bob, "git", "datmo", "snapshot", "-m", "mine")


def weight(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def test_checkout_above_the_limit_is_refused_and_the_hint_lets_it_go_on(shared: Pair) -> None:
    bob = shared.clone("bob")
    bob.git("config", "datmo.checkoutLimit", "2")
    said = datmo(bob, "checkout", code=128).stderr
    command = said.partition("to allow it, run '")[2].strip().rstrip("'")
    assert command == "git config datmo.checkoutLimit 4"
    bob.run("sh", "-c", command)
    datmo(bob, "checkout")
    assert (bob.cwd / "data/x").read_text() == "good"
