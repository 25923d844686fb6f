"""Encode the nodes of folders as entries of git trees and decode them again.

A node is a file, a link or a folder. `docs/FORMAT.md` specifies the encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import BLOB, EXECUTABLE, LINK, TREE, TreeEntry
from git_datmo.git.safe_paths import show
from git_datmo.model import Content, Form, Oid
from git_datmo.objects import stored_names
from git_datmo.objects.chunks import WHOLE_LIMIT

ReadTree = Callable[[Oid], Iterable[TreeEntry]]
WriteTree = Callable[[bytes], Oid]


class NodeKind(Enum):
    """Kind of a node in a folder: file, executable, link or folder."""

    FILE = "file", BLOB
    EXECUTABLE = "executable", EXECUTABLE
    LINK = "link", LINK
    FOLDER = "folder", TREE

    mode: int

    def __new__(cls, value: str, mode: int) -> NodeKind:
        """Create a member with the mode of its git tree entry."""
        kind = object.__new__(cls)
        kind._value_, kind.mode = value, mode
        return kind


@dataclass(frozen=True, slots=True)
class Node:
    """Object behind a name in a folder.

    The object of a file is a blob, or a tree of chunks if `chunked` is set.
    """

    kind: NodeKind
    oid: Oid
    chunked: bool = False


_KINDS = {kind.mode: kind for kind in NodeKind}

_CHUNKED = {
    NodeKind.FILE: stored_names.CHUNKED_FILE,
    NodeKind.EXECUTABLE: stored_names.CHUNKED_EXECUTABLE,
}


def encode_entry(name: bytes, node: Node) -> TreeEntry:
    """Return the tree entry for `node` under the real name `name`."""
    if node.chunked:
        return TreeEntry(stored_names.escape(name) + _CHUNKED[node.kind], TREE, node.oid)
    return TreeEntry(stored_names.escape(name), node.kind.mode, node.oid)


def decode_entry(entry: TreeEntry) -> tuple[bytes, Node]:
    """Return the real name and the node of a tree entry.

    Raises `Damaged` for an entry that `encode_entry` never produces.
    """
    # A marker counts only on a tree. A file whose name ends like one is escaped.
    if entry.mode == TREE:
        for kind, suffix in _CHUNKED.items():
            if entry.name.endswith(suffix):
                return stored_names.unescape(entry.name[: -len(suffix)]), Node(
                    kind, entry.oid, chunked=True
                )
    if entry.mode not in _KINDS:
        raise Damaged(f"the entry {show(entry.name)} of a payload is neither a file nor a folder")
    return stored_names.unescape(entry.name), Node(_KINDS[entry.mode], entry.oid)


def is_chunked(entry: TreeEntry) -> bool:
    """Return True if an entry of a folder is the root of a chunk tree."""
    return entry.mode == TREE and entry.name.endswith(tuple(_CHUNKED.values()))


def root_node(content: Content) -> Node:
    """Return the root node of a payload's content.

    Exactly the files larger than `WHOLE_LIMIT` are chunked.
    """
    if content.form is Form.FOLDER:
        return Node(NodeKind.FOLDER, content.object)
    return Node(NodeKind[content.form.name], content.object, chunked=content.size > WHOLE_LIMIT)
