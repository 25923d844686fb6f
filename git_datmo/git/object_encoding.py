"""Git's object encodings as pure functions (gitformat-pack, hash-function-transition)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from git_datmo.errors import Damaged
from git_datmo.model import ObjectFormat, Oid

BLOB, EXECUTABLE, LINK, TREE, GITLINK = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000
MODES = frozenset({BLOB, EXECUTABLE, LINK, TREE, GITLINK})
# By the length of an id: the pattern of an entry whose mode is valid.
_ENTRIES = {
    size: re.compile(rb"([^ ]{0,6}) ([^\0]*)\0(.{%d})" % size, re.DOTALL) for size in (20, 32)
}
_NAMING = frozenset(b"%o" % mode for mode in (BLOB, EXECUTABLE, LINK, TREE))
_SPELT = {b"%o" % mode: mode for mode in MODES}


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a tree: raw name, mode and object id."""

    name: bytes
    mode: int
    oid: Oid


def sort_key(name: bytes, mode: int) -> bytes:
    """Return the key by which git sorts tree entries: a folder's name ends in '/'
    (`base_name_compare`)."""
    return name + b"/" if mode == TREE else name


def encode_tree(entries: Iterable[TreeEntry]) -> bytes:
    """Encode a tree; entries are put in git's order."""
    ordered = sorted(entries, key=lambda entry: sort_key(entry.name, entry.mode))
    return b"".join(b"%o %b\0%b" % (entry.mode, entry.name, entry.oid) for entry in ordered)


def parse_tree(content: bytes, form: ObjectFormat) -> Iterator[TreeEntry]:
    """Yield the entries of a tree in order; raise `Damaged` if the content is no tree."""
    offset = 0
    for found in _ENTRIES[form.size].finditer(content):
        # `finditer` skips bytes that are no entry, so each must begin where the last one ended.
        if found.start() != offset:
            break
        offset = found.end()
        spelt, name, oid = found.groups()
        mode = _SPELT.get(spelt)
        if mode is None:
            raise Damaged(f"a tree has an entry of unknown mode {spelt!r}")
        yield TreeEntry(name, mode, Oid(oid))
    if offset < len(content):
        raise Damaged("a tree is cut off or malformed", "'git datmo fsck' names what is damaged")


def ids_in_tree(content: bytes, form: ObjectFormat) -> list[bytes]:
    """Return the ids of a tree's entries, without submodules; raise `Damaged` if it is no tree.

    Faster than `parse_tree`: names are not read.
    """
    found = _ENTRIES[form.size].findall(content)
    size = sum(len(spelt) + len(name) for spelt, name, _ in found) + len(found) * (form.size + 2)
    # `findall` skips bytes that are no entry; then the sizes do not add up, and the slow way
    # reports it.
    if size != len(content) or not {spelt for spelt, _, _ in found} <= _NAMING:
        return [entry.oid for entry in parse_tree(content, form) if entry.mode != GITLINK]
    return [oid for _, _, oid in found]


def encode_commit(
    tree: Oid, parents: Iterable[Oid], identity: str, seconds: int, message: str
) -> bytes:
    """Encode a commit by `identity` ('Name <mail>') at `seconds` since 1970, UTC."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"{who} {identity} {seconds} +0000" for who in ("author", "committer")]
    return ("\n".join(lines) + f"\n\n{message}\n").encode("utf-8", "surrogateescape")


def commit_tree(content: bytes) -> Oid:
    """Return the tree of an encoded commit."""
    first = content.partition(b"\n")[0]
    if not first.startswith(b"tree "):
        raise Damaged("a commit is malformed")
    return Oid.parse(first[5:].decode("ascii", "replace"))


def commit_parents(content: bytes) -> tuple[Oid, ...]:
    """Return the parents of an encoded commit, in order."""
    head = content.partition(b"\n\n")[0].split(b"\n")
    return tuple(
        Oid.parse(line[7:].decode("ascii", "replace"))
        for line in head
        if line.startswith(b"parent ")
    )
