"""Encode files and folders as git trees and decode them again.

Every function is pure and works over a reader and a writer of trees. A folder is a tree with the
same names. A file larger than `WHOLE_LIMIT` is a tree of chunks. A folder with more than
`PART_LIMIT` entries is split by the hash of the entry names. `docs/FORMAT.md` specifies the
encoding.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import groupby, pairwise
from operator import itemgetter

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import (
    BLOB,
    EXECUTABLE,
    LINK,
    TREE,
    TreeEntry,
    encode_tree,
    parse_tree,
)
from git_datmo.git.safe_paths import show
from git_datmo.model import Content, Form, ObjectFormat, Oid
from git_datmo.objects import stored_names
from git_datmo.objects.chunks import MAX_SIZE, WHOLE_LIMIT

# Maximum number of entries in the tree of a folder. A larger folder is split into 16 parts by each
# further hex digit of the SHA-256 of the real names.
PART_LIMIT = 256

# A node of a chunk tree ends after an entry whose id's last byte has all `NODE_MASK` bits zero. A
# node has at least NODE_MIN entries (except the last) and at most NODE_MAX. Part of the format.
NODE_MIN = 16
NODE_MAX = 512
NODE_MASK = 0x7F

# Look up at most this many names individually in a folder; for more, read the whole folder.
FEW = 4

_OFFSET = re.compile(rb"[0-9a-f]{16}\Z")

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
    return _nodes(entries, parts, read, prefix)


def _nodes(
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


def write_chunks(chunks: Iterable[tuple[Oid, int]], write: WriteTree) -> Oid:
    """Write the tree of a chunked file and return its id.

    `chunks` are the ids and sizes of its chunks, in order. Each entry is named by its offset within
    its own tree. So equal regions of two files share whole subtrees.
    """
    level = [(TreeEntry(b"", BLOB, oid), size) for oid, size in chunks]
    while True:
        # At least one node is made, so a file of one chunk is a tree too.
        level = [_write_node(group, write) for group in _groups(level)]
        if len(level) == 1:
            return level[0][0].oid


def _groups(level: list[tuple[TreeEntry, int]]) -> Iterator[list[tuple[TreeEntry, int]]]:
    """Cut a level of a chunk tree into nodes. The boundaries depend only on the entry ids."""
    group: list[tuple[TreeEntry, int]] = []
    for item in level:
        group.append(item)
        # The id is a hash, so on average every 128th entry after the least number ends a node.
        if (len(group) >= NODE_MIN and item[0].oid[-1] & NODE_MASK == 0) or len(group) == NODE_MAX:
            yield group
            group = []
    if group:
        yield group


def _write_node(group: list[tuple[TreeEntry, int]], write: WriteTree) -> tuple[TreeEntry, int]:
    """Write a node of a chunk tree; return its unnamed entry and its size in bytes."""
    offset, entries = 0, []
    for entry, size in group:
        entries.append(TreeEntry(b"%016x" % offset, entry.mode, entry.oid))
        offset += size
    return TreeEntry(b"", TREE, write(encode_tree(entries))), offset


def is_chunked(entry: TreeEntry) -> bool:
    """Return True if an entry of a folder is the root of a chunk tree."""
    return entry.mode == TREE and entry.name.endswith(tuple(_CHUNKED.values()))


def chunk_sizes(entries: Sequence[TreeEntry]) -> list[int]:
    """Return the size in bytes of each entry of a chunk tree.

    The sizes are computed from the offsets in the names. The size of the last entry is 0, since no
    offset follows it. Sizes outside 1 to `MAX_SIZE`, and all sizes of a tree with invalid names,
    are 0 too.
    """
    if not all(_OFFSET.match(entry.name) for entry in entries):
        return [0] * len(entries)
    offsets = [int(entry.name, 16) for entry in entries]
    sizes = (end - start for start, end in pairwise(offsets))
    return [size if 0 < size <= MAX_SIZE else 0 for size in sizes] + [0] * bool(offsets)


def read_chunks(oid: Oid, read: ReadTree) -> Iterator[Oid]:
    """Yield the ids of the chunks of a file, in order.

    Raises `Damaged` if an entry does not belong in a chunk tree.
    """
    for entry in read(oid):
        if not _OFFSET.match(entry.name) or entry.mode not in (BLOB, TREE):
            raise Damaged(f"the entry {show(entry.name)} does not belong in a file's chunk tree")
        if entry.mode == TREE:
            yield from read_chunks(entry.oid, read)
        else:
            yield entry.oid


@dataclass(slots=True)
class TreeChange:
    """Change at a name: a new node, a removal, or changes below it.

    A folder that becomes empty is removed unless `node` contains its replacement.
    """

    node: Node | None = None
    removed: bool = False
    below: dict[bytes, TreeChange] = field(default_factory=dict)

    def at(self, path: Iterable[bytes]) -> TreeChange:
        """Return the change at `path` below this change; create it if necessary."""
        change = self
        for name in path:
            change = change.below.setdefault(name, TreeChange())
        return change


class FolderEditor:
    """Editor for folders that rewrites only the trees on changed paths.

    `replaced` collects the file nodes that a change replaced or removed. The editor keeps the trees
    that it wrote, since the store cannot read an unfinished pack.
    """

    def __init__(
        self, read: Callable[[Oid], Iterable[TreeEntry]], write: WriteTree, form: ObjectFormat
    ) -> None:
        self._stored, self._store, self._format = read, write, form
        self._written: dict[Oid, bytes] = {}
        self.replaced: list[Node] = []

    def _write(self, content: bytes) -> Oid:
        """Write a tree and remember it for `_read`."""
        oid = self._store(content)
        self._written[oid] = content
        return oid

    def _read(self, oid: Oid) -> Iterable[TreeEntry]:
        """Return the entries of a tree; trees that the editor wrote come from memory."""
        content = self._written.get(oid)
        return self._stored(oid) if content is None else parse_tree(content, self._format)

    def edit(self, oid: Oid | None, changes: dict[bytes, TreeChange]) -> tuple[Oid, bool]:
        """Apply changes to a folder; return its new tree id, and True if it is now empty.

        If `oid` is None, the folder is new.
        """
        result = self._part(oid, changes, "")
        return (result, False) if result is not None else (write_folder({}, self._write), True)

    def _part(self, oid: Oid | None, changes: dict[bytes, TreeChange], prefix: str) -> Oid | None:
        """Apply changes to the part whose name hashes begin with the hex digits `prefix`.

        Return the new tree id, or None if the part is now empty.
        """
        depth = len(prefix)
        entries = list(self._read(oid)) if oid is not None else []
        parts = parts_of(entries)
        if parts is None:
            nodes = dict(map(decode_entry, entries))
            for name, change in changes.items():
                node = self._node(nodes.pop(name, None), change)
                if node is not None:
                    nodes[name] = node
            return write_folder(nodes, self._write, depth) if nodes else None
        by_digit: dict[str, dict[bytes, TreeChange]] = {}
        for name, change in changes.items():
            by_digit.setdefault(digit_of(name, depth), {})[name] = change
        for digit, part in by_digit.items():
            changed = self._part(parts.pop(digit, None), part, prefix + digit)
            if changed is not None:
                parts[digit] = changed
        if not parts:
            return None
        # A folder that shrinks to the limit is one tree again, as if it were written new.
        united = self._few(parts, prefix)
        return (
            write_folder(united, self._write, depth)
            if united is not None
            else write_parts(parts, self._write)
        )

    def _node(self, old: Node | None, change: TreeChange) -> Node | None:
        """Return the node that replaces `old` after `change`, or None if the name is removed."""
        if (
            old is not None
            and old.kind is not NodeKind.FOLDER
            and (change.removed or change.node or change.below)
        ):
            self.replaced.append(old)
        if change.below:
            base = old.oid if old is not None and old.kind is NodeKind.FOLDER else None
            oid, empty = self.edit(base, change.below)
            if not empty:
                return Node(NodeKind.FOLDER, oid)
            return change.node
        return change.node if change.node is not None or change.removed else old

    def _few(self, parts: dict[str, Oid], prefix: str) -> dict[bytes, Node] | None:
        """Return the nodes of all `parts` if they fit in a single tree, else None."""
        nodes: dict[bytes, Node] = {}
        for digit, part in parts.items():
            for name, node in read_folder(part, self._read, prefix + digit):
                nodes[name] = node
                if len(nodes) > PART_LIMIT:
                    return None
        return nodes


@dataclass(frozen=True, slots=True)
class TreeDifference:
    """Path below a payload whose node differs between two versions.

    The path () is the payload itself.
    """

    path: tuple[bytes, ...]
    old: Node | None
    new: Node | None


def root_node(content: Content) -> Node:
    """Return the root node of a payload's content.

    Exactly the files larger than `WHOLE_LIMIT` are chunked.
    """
    if content.form is Form.FOLDER:
        return Node(NodeKind.FOLDER, content.object)
    return Node(NodeKind[content.form.name], content.object, chunked=content.size > WHOLE_LIMIT)


def compare(
    old: Node | None, new: Node | None, read: ReadTree, path: tuple[bytes, ...] = ()
) -> Iterator[TreeDifference]:
    """Yield the differences between two versions; read only trees that differ.

    An added folder comes before its content, a removed folder after its content.
    """
    if old == new:
        return
    old_folder, new_folder = _folder_id(old), _folder_id(new)
    if new_folder is not None and old_folder is None:
        yield TreeDifference(path, old, new)
    if old_folder is not None or new_folder is not None:
        for name, was, now in _compare_folders(old_folder, new_folder, read):
            if _folder_id(was) is None and _folder_id(now) is None:
                yield TreeDifference((*path, name), was, now)
            else:
                yield from compare(was, now, read, (*path, name))
    if new_folder is None:
        yield TreeDifference(path, old, new)


def _folder_id(node: Node | None) -> Oid | None:
    """Return the id of a folder's tree; None for a file, a link, and nothing."""
    return node.oid if node is not None and node.kind is NodeKind.FOLDER else None


def _compare_folders(
    old: Oid | None, new: Oid | None, read: ReadTree, prefix: str = ""
) -> Iterator[tuple[bytes, Node | None, Node | None]]:
    """Yield the names that differ between two folders, each with the old and the new node."""
    if old == new:
        return
    # Treat a missing folder as split like the other folder, so that memory holds a single part at a
    # time.
    before_entries = list(read(old)) if old is not None else []
    after_entries = list(read(new)) if new is not None else []
    old_parts = parts_of(before_entries) if old is not None else {}
    new_parts = parts_of(after_entries) if new is not None else {}
    if old_parts is not None and new_parts is not None:
        for digit in sorted(old_parts.keys() | new_parts.keys()):
            yield from _compare_folders(
                old_parts.get(digit), new_parts.get(digit), read, prefix + digit
            )
        return
    before = dict(_nodes(before_entries, old_parts, read, prefix))
    after = dict(_nodes(after_entries, new_parts, read, prefix))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)
