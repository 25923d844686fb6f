"""Write folders as git trees, read them, and find paths in them.

A folder is a tree with the same names. A folder with more than `PART_LIMIT` entries is split by the
hash of the entry names. Every function is pure and works over a reader or a writer of trees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import TREE, TreeEntry, encode_tree
from git_datmo.git.safe_paths import show
from git_datmo.model import Oid
from git_datmo.objects import stored_names
from git_datmo.objects.tree_nodes import (
    Node,
    NodeKind,
    ReadTree,
    WriteTree,
    decode_entry,
    encode_entry,
    is_chunked,
)

# Maximum number of entries in the tree of a folder. A larger folder is split into 16 parts by each
# further hex digit of the SHA-256 of the real names.
PART_LIMIT = 256

# Look up at most this many names individually in a folder; for more, read the whole folder.
FEW = 4


def digit_of(name: bytes, depth: int) -> str:
    """Return the hex digit of the part that has `name` at level `depth` of a split folder."""
    return hashlib.sha256(name).hexdigest()[depth]


def write_folder(nodes: dict[bytes, Node], write: WriteTree, depth: int = 0) -> Oid:
    """Write a folder and return its tree id.

    With `depth` greater than 0, `nodes` is a part of a split folder: the hashes of its names share
    the first `depth` hex digits.
    """
    if len(nodes) <= PART_LIMIT:
        return write(encode_tree(encode_entry(name, node) for name, node in nodes.items()))
    parts: dict[str, dict[bytes, Node]] = {}
    for name, node in nodes.items():
        parts.setdefault(digit_of(name, depth), {})[name] = node
    return write_parts(
        {digit: write_folder(part, write, depth + 1) for digit, part in parts.items()}, write
    )


def write_parts(parts: dict[str, Oid], write: WriteTree) -> Oid:
    """Write the tree of a split folder from its parts by digit.

    The folder may itself be a part of a split folder.
    """
    return write(
        encode_tree(
            TreeEntry(digit.encode() + stored_names.PART, TREE, oid) for digit, oid in parts.items()
        )
    )


def parts_of(entries: list[TreeEntry]) -> dict[str, Oid] | None:
    """Return the parts of a split folder by hex digit.

    Return None for a tree that holds its entries itself. Raises `Damaged` if a split folder has any
    other entry.
    """
    # Escaped names never end like a part, so the first entry decides.
    if not entries or not entries[0].name.endswith(stored_names.PART):
        return None
    parts = {}
    for entry in entries:
        digit = entry.name[:1].decode("ascii", "replace")
        if (
            entry.mode != TREE
            or entry.name[1:] != stored_names.PART
            or digit not in "0123456789abcdef"
            or digit in parts
        ):
            raise Damaged(f"the entry {show(entry.name)} does not belong in a split folder")
        parts[digit] = entry.oid
    return parts


def read_folder(oid: Oid, read: ReadTree, prefix: str = "") -> Iterator[tuple[bytes, Node]]:
    """Return an iterator over the names and nodes of a folder.

    The tree `oid` is read at once, its parts later. Iteration raises `Damaged` if a name is in the
    wrong part of a split folder or occurs twice.
    """
    entries = list(read(oid))
    parts = parts_of(entries)
    return decode_nodes(entries, parts, read, prefix)


def decode_nodes(
    entries: Iterable[TreeEntry], parts: Mapping[str, Oid] | None, read: ReadTree, prefix: str
) -> Iterator[tuple[bytes, Node]]:
    """Yield the names and nodes of a tree.

    If it is split, yield those of all its `parts`.
    """
    if parts is not None:
        for digit, part in parts.items():
            below = read_folder(part, read, prefix + digit)
            first = next(below, None)
            # Trees of empty parts would take forever.
            if first is None:
                raise Damaged(f"the part '{prefix + digit}' of a folder is empty")
            yield first
            yield from below
        return
    seen: set[bytes] = set()
    for entry in entries:
        name, node = decode_entry(entry)
        if name in seen or (prefix and not hashlib.sha256(name).hexdigest().startswith(prefix)):
            raise Damaged(f"the name {show(name)} occurs twice or is in the wrong part of a folder")
        seen.add(name)
        yield name, node


def unite_parts(parts: Mapping[str, Oid], read: ReadTree, prefix: str) -> dict[bytes, Node] | None:
    """Return the nodes of all `parts` of a folder if they fit in a single tree, else None."""
    nodes: dict[bytes, Node] = {}
    for digit, part in parts.items():
        for name, node in read_folder(part, read, prefix + digit):
            nodes[name] = node
            if len(nodes) > PART_LIMIT:
                return None
    return nodes


def read_folders(oid: Oid, read: ReadTree) -> Iterator[tuple[bytes, Oid]]:
    """Yield the name and tree id of each subfolder, without decoding the entries of files."""
    trees = [entry for entry in read(oid) if entry.mode == TREE and not is_chunked(entry)]
    parts = parts_of(trees)
    if parts is not None:
        for part in parts.values():
            yield from read_folders(part, read)
        return
    for entry in trees:
        name, node = decode_entry(entry)
        yield name, node.oid


def find_name(oid: Oid, name: bytes, read: ReadTree, depth: int = 0) -> Node | None:
    """Return the node `name` of a folder, or None. Read only the part that can contain it."""
    entries = list(read(oid))
    parts = parts_of(entries)
    if parts is not None:
        part = parts.get(digit_of(name, depth))
        return find_name(part, name, read, depth + 1) if part is not None else None
    return next((node for real, node in map(decode_entry, entries) if real == name), None)


def find_path(root: Node | None, steps: Iterable[bytes], read: ReadTree) -> Node | None:
    """Return the node at the path `steps` below `root`, or None."""
    node = root
    for name in steps:
        if node is None or node.kind is not NodeKind.FOLDER:
            return None
        node = find_name(node.oid, name, read)
    return node


def find_paths(
    root: Node | None,
    paths: Sequence[tuple[bytes, ...]],
    read: ReadTree,
    above: tuple[bytes, ...] = (),
) -> Iterator[tuple[tuple[bytes, ...], Node]]:
    """Yield each of the sorted `paths` below `root` that exists, with its node.

    Each tree is read once. `above` is the prefix of every path that is returned.
    """
    if root is not None and () in paths[:1]:
        yield above, root
    if root is None or root.kind is not NodeKind.FOLDER:
        return
    # `()` is the path of `root` itself and names nothing below it.
    groups = {name: list(group) for name, group in groupby(filter(None, paths), key=itemgetter(0))}
    if len(groups) > FEW:
        nodes = ((name, node) for name, node in read_folder(root.oid, read) if name in groups)
    else:
        found = ((name, find_name(root.oid, name, read)) for name in groups)
        nodes = ((name, node) for name, node in found if node is not None)
    for name, node in nodes:
        yield from find_paths(node, [path[1:] for path in groups[name]], read, (*above, name))
