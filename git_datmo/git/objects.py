"""Git's object encodings as pure functions (gitformat-pack, hash-function-transition)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from git_datmo.errors import Damaged
from git_datmo.model import ObjectFormat, Oid

BLOB, EXECUTABLE, LINK, TREE, GITLINK = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000
MODES = frozenset({BLOB, EXECUTABLE, LINK, TREE, GITLINK})
# By the length of an id: what stands for an entry, if its mode is one.
_ENTRIES = {size: re.compile(rb"([^ ]{0,6}) ([^\0]*)\0(.{%d})" % size, re.DOTALL) for size in (20, 32)}
_FILES = frozenset(b"%o" % mode for mode in (BLOB, EXECUTABLE, LINK))
_SPELT = {b"%o" % mode: mode for mode in MODES}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a tree: a raw name, a mode, an object."""

    name: bytes
    mode: int
    oid: Oid


def sort_key(name: bytes, mode: int) -> bytes:
    """Git sorts a tree's entries as if a folder's name ended in '/' (git's `base_name_compare`)."""
    return name + b"/" if mode == TREE else name


def encode_tree(entries: Iterable[Entry]) -> bytes:
    """The tree that has `entries`, in git's order."""
    ordered = sorted(entries, key=lambda entry: sort_key(entry.name, entry.mode))
    return b"".join(b"%o %b\0%b" % (entry.mode, entry.name, entry.oid) for entry in ordered)


def parse_tree(content: bytes, form: ObjectFormat) -> Iterator[Entry]:
    """The entries of a tree in their order; raises `Damaged` where it is none."""
    place = 0
    for found in _ENTRIES[form.size].finditer(content):
        if found.start() != place:
            break
        place = found.end()
        spelt, name, oid = found.groups()
        mode = _SPELT.get(spelt)
        if mode is None:
            raise Damaged(f"a tree has an entry of unknown mode {spelt!r}")
        yield Entry(name, mode, Oid(oid))
    if place < len(content):
        raise Damaged("a tree is cut off or malformed", "'git datmo fsck' names what is damaged")


def split_tree(content: bytes, form: ObjectFormat) -> tuple[list[bytes], list[bytes]]:
    """Return the ids of a tree's folders, and those of its files and links; raises `Damaged` where it is no tree.

    It is quicker than `parse_tree`, and takes no account of names.
    """
    found = _ENTRIES[form.size].findall(content)
    if sum(len(spelt) + len(name) for spelt, name, _ in found) + len(found) * (form.size + 2) != len(content):
        return _split_slowly(content, form)
    trees = [oid for spelt, _, oid in found if spelt == b"40000"]
    files = [oid for spelt, _, oid in found if spelt in _FILES]
    return (trees, files) if len(trees) + len(files) == len(found) else _split_slowly(content, form)


def _split_slowly(content: bytes, form: ObjectFormat) -> tuple[list[bytes], list[bytes]]:
    trees: list[bytes] = []
    files: list[bytes] = []
    for entry in parse_tree(content, form):
        if entry.mode != GITLINK:
            (trees if entry.mode == TREE else files).append(entry.oid)
    return trees, files


def encode_commit(tree: Oid, parents: Iterable[Oid], identity: str, seconds: int, message: str) -> bytes:
    """A commit by `identity` ('Name <mail>') at `seconds` since 1970, UTC."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"{who} {identity} {seconds} +0000" for who in ("author", "committer")]
    return ("\n".join(lines) + f"\n\n{message}\n").encode("utf-8", "surrogateescape")


def commit_tree(content: bytes) -> Oid:
    """The tree of an encoded commit."""
    first = content.partition(b"\n")[0]
    if not first.startswith(b"tree "):
        raise Damaged("a commit is malformed")
    return Oid.parse(first[5:].decode("ascii", "replace"))


def commit_parents(content: bytes) -> tuple[Oid, ...]:
    """The parents of an encoded commit, in order."""
    head = content.partition(b"\n\n")[0].split(b"\n")
    return tuple(Oid.parse(line[7:].decode("ascii", "replace")) for line in head if line.startswith(b"parent "))
