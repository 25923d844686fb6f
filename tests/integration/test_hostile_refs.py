"""Test that code is pushed and pulled in bounded memory, whatever git-datmo's refs on the remote
hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.bounded_memory import bounded
from tests.support.commands import datmo
from tests.support.forged_records import put, put_tree
from tests.support.pair import Pair
from tests.support.shell import Shell

BLOB, TREE = "100644", "40000"


def bomb(hub: Shell, name: Callable[[int], bytes]) -> str:
    """Make a tree of a few objects with 256^4 names."""
    blob = put(hub, "blob", b"x")
    tree = put_tree(hub, *((BLOB, name(number), blob) for number in range(256)))
    for _ in range(3):
        tree = put_tree(hub, *((TREE, name(number), tree) for number in range(256)))
    return tree


def hexed(number: int) -> bytes:
    return b"%02x" % number


def commit_of(hub: Shell, tree: str) -> str:
    return hub.git("commit-tree", "-m", "x", tree)


def beside(hub: Shell, ref: str, name: bytes, mode: str, oid: str) -> str:
    """Make a commit on `ref` with one more entry."""
    listed = hub.git("ls-tree", ref).splitlines() if hub.git("for-each-ref", ref) else []
    entries = [
        (line.split()[0].lstrip("0"), line.split("\t")[1].encode(), line.split()[2])
        for line in listed
    ]
    return commit_of(
        hub, put_tree(hub, *sorted([*entries, (mode, name, oid)], key=lambda entry: entry[1]))
    )


def many(hub: Shell, name: Callable[[int], bytes]) -> str:
    blob = put(hub, "blob", b"x")
    raw = bytes.fromhex(blob)
    content = b"".join(b"100644 %s\0%s" % (name(number), raw) for number in range(1_000_000))
    return put(hub, "tree", content)


PLANTED: dict[str, Callable[[Shell, str], str]] = {
    "a bomb beside": lambda hub, ref: beside(
        hub, ref, b"zz", TREE, bomb(hub, lambda number: b"n%03d" % number)
    ),
    "a bomb of hexadecimal names": lambda hub, _: commit_of(hub, bomb(hub, hexed)),
    "a million names": lambda hub, _: commit_of(hub, many(hub, lambda number: b"%07d" % number)),
    "a million notes": lambda hub, _: commit_of(hub, many(hub, lambda number: b"%040x" % number)),
    "a blob": lambda hub, _: put(hub, "blob", b"no commit"),
    "a tree": lambda hub, _: put_tree(hub, (BLOB, b"x", put(hub, "blob", b"x"))),
    "a tag": lambda hub, _: hub.git("mktag", stdin=_tag(hub)),
    "a folder that is a file": lambda hub, ref: beside(
        hub, ref, b"00", BLOB, put(hub, "blob", b"x")
    ),
    "a malformed tree": lambda hub, _: commit_of(hub, put(hub, "tree", b"40000 00\0short")),
}


def _tag(hub: Shell) -> bytes:
    return f"object {hub.git('rev-parse', 'main')}\ntype commit\ntag x\ntagger t <t@example.com> 1 +0000\n\nx\n".encode()


@pytest.mark.parametrize("ref", ["refs/datmo/records", "refs/notes/datmo", "refs/datmo/keep/1"])
@pytest.mark.parametrize("planted", PLANTED)
def test_code_is_pushed_and_pulled_whatever_refs_hold(pair: Pair, planted: str, ref: str) -> None:
    alex, hub = pair.alex, pair.hub
    alex.write("data/x", "1")
    datmo(alex, "add-data", "data")
    datmo(alex, "snapshot", "-m", "one")
    alex.git("push", "-q")
    bob = pair.clone("bob")
    hub.git("config", "core.logAllRefUpdates", "false")
    (hub.cwd / "packed-refs").write_text("")
    oid = PLANTED[planted](hub, ref)
    full = hub.cwd / ref
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_text(f"{oid}\n")
    alex.write("data/x", "2")
    bounded(alex, "git", "datmo", "commit", "-qm", "two")
    pushed = bounded(alex, "git", "push", "-q")
    assert hub.git("rev-parse", "main") == alex.git("rev-parse", "HEAD")
    assert sum(line.startswith("warning: ") for line in pushed.stderr.splitlines()) <= 1, (
        pushed.stderr
    )
    # Of a malformed tree the server itself, and so git's own fetch of the refs, would die.
    bounded(bob, "git", "pull", "-q", "origin", "main") if "malformed" in planted else bounded(
        bob, "git", "pull", "-q"
    )
    assert bob.git("rev-parse", "HEAD") == alex.git("rev-parse", "HEAD")
    for words in (("status",), ("log",)):
        bounded(bob, "git", "datmo", *words)
