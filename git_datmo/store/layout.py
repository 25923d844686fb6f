"""Files and folders as git trees, and back: pure functions over a reader and a writer of trees.

A folder is a tree that mirrors it. A file above `WHOLE_LIMIT` is a tree of chunks; a folder of more than `PART_LIMIT`
entries is split by the hash of their names. `docs/FORMAT.md` gives the encoding in full.
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
from git_datmo.git.objects import BLOB, EXECUTABLE, LINK, TREE, Entry, encode_tree, parse_tree
from git_datmo.git.paths import show
from git_datmo.model import Content, Form, ObjectFormat, Oid
from git_datmo.store import names
from git_datmo.store.chunks import MAX_SIZE, WHOLE_LIMIT

# A folder's tree holds at most this many entries; a larger folder is split in sixteen by each further hex digit of the
# SHA-256 of the entries' real names.
PART_LIMIT = 256

# A node of a chunk tree ends after an entry whose id's last byte has its low bits all zero, but holds at least
# NODE_MIN entries (the last node excepted) and at most NODE_MAX.
NODE_MIN = 16
NODE_MAX = 512
NODE_MASK = 0x7F

# Up to so many names are looked for one by one in a folder; for more it is read whole.
FEW = 4

_OFFSET = re.compile(rb"[0-9a-f]{16}\Z")

ReadTree = Callable[[Oid], Iterable[Entry]]
WriteTree = Callable[[bytes], Oid]


class Kind(Enum):
    """What a name in a folder is."""

    FILE = "file", BLOB
    EXECUTABLE = "executable", EXECUTABLE
    LINK = "link", LINK
    FOLDER = "folder", TREE

    mode: int

    def __new__(cls, value: str, mode: int) -> Kind:
        """`mode` is that of a tree's entry."""
        kind = object.__new__(cls)
        kind._value_, kind.mode = value, mode
        return kind


@dataclass(frozen=True, slots=True)
class Node:
    """What a folder holds under a name; a file is a blob, or a tree of chunks where `chunked`."""

    kind: Kind
    oid: Oid
    chunked: bool = False


_KINDS = {kind.mode: kind for kind in Kind}
_CHUNKED = {Kind.FILE: names.CHUNKED_FILE, Kind.EXECUTABLE: names.CHUNKED_EXECUTABLE}


def encode_entry(name: bytes, node: Node) -> Entry:
    """The tree entry for `node` under the real `name`."""
    if node.chunked:
        return Entry(names.escape(name) + _CHUNKED[node.kind], TREE, node.oid)
    return Entry(names.escape(name), node.kind.mode, node.oid)


def decode_entry(entry: Entry) -> tuple[bytes, Node]:
    """The real name and node of a tree entry; raises `Damaged` for an entry that `encode_entry` never makes."""
    if entry.mode == TREE:
        for kind, suffix in _CHUNKED.items():
            if entry.name.endswith(suffix):
                return names.unescape(entry.name[: -len(suffix)]), Node(kind, entry.oid, chunked=True)
    if entry.mode not in _KINDS:
        raise Damaged(f"the entry {show(entry.name)} of a payload is neither a file nor a folder")
    return names.unescape(entry.name), Node(_KINDS[entry.mode], entry.oid)


def digit_of(name: bytes, depth: int) -> str:
    """Which part of a split folder holds a name, `depth` parts down."""
    return hashlib.sha256(name).hexdigest()[depth]


def write_folder(nodes: dict[bytes, Node], write: WriteTree, depth: int = 0) -> Oid:
    """The object of a folder, or of the part of one that shares `depth` hex digits."""
    if len(nodes) <= PART_LIMIT:
        return write(encode_tree(encode_entry(name, node) for name, node in nodes.items()))
    parts: dict[str, dict[bytes, Node]] = {}
    for name, node in nodes.items():
        parts.setdefault(digit_of(name, depth), {})[name] = node
    return write_parts({digit: write_folder(part, write, depth + 1) for digit, part in parts.items()}, write)


def write_parts(parts: dict[str, Oid], write: WriteTree) -> Oid:
    """The object of a folder, or of a part of one, that is split into `parts` by their digits."""
    return write(encode_tree(Entry(digit.encode() + names.PART, TREE, oid) for digit, oid in parts.items()))


def parts_of(entries: list[Entry]) -> dict[str, Oid] | None:
    """The parts of a split folder, or None for a tree that holds its entries itself."""
    if not entries or not entries[0].name.endswith(names.PART):
        return None
    parts = {}
    for entry in entries:
        digit = entry.name[:1].decode("ascii", "replace")
        if entry.mode != TREE or entry.name[1:] != names.PART or digit not in "0123456789abcdef" or digit in parts:
            raise Damaged(f"the entry {show(entry.name)} does not belong in a split folder")
        parts[digit] = entry.oid
    return parts


def read_folder(oid: Oid, read: ReadTree, prefix: str = "") -> Iterator[tuple[bytes, Node]]:
    """The names and nodes of a folder; raises `Damaged` where a name stands in the wrong part or twice."""
    entries = list(read(oid))
    parts = parts_of(entries)
    return _nodes(entries, parts, read, prefix)


def _nodes(
    entries: Iterable[Entry], parts: Mapping[str, Oid] | None, read: ReadTree, prefix: str
) -> Iterator[tuple[bytes, Node]]:
    """What a tree's `entries` stand for; in a split folder, all that is in its `parts`."""
    if parts is not None:
        for digit, part in parts.items():
            yield from read_folder(part, read, prefix + digit)
        return
    seen: set[bytes] = set()
    for entry in entries:
        name, node = decode_entry(entry)
        if name in seen or (prefix and not hashlib.sha256(name).hexdigest().startswith(prefix)):
            raise Damaged(f"the name {show(name)} stands twice or in the wrong part of a folder")
        seen.add(name)
        yield name, node


def read_folders(oid: Oid, read: ReadTree) -> Iterator[tuple[bytes, Oid]]:
    """The folders in a folder, by name, without a look at its files."""
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
    """What a folder holds under `name`, reading only the part that can hold it."""
    entries = list(read(oid))
    parts = parts_of(entries)
    if parts is not None:
        part = parts.get(digit_of(name, depth))
        return find_name(part, name, read, depth + 1) if part is not None else None
    return next((node for real, node in map(decode_entry, entries) if real == name), None)


def find_path(root: Node | None, steps: Iterable[bytes], read: ReadTree) -> Node | None:
    """What stands at the path `steps` below `root`."""
    node = root
    for name in steps:
        if node is None or node.kind is not Kind.FOLDER:
            return None
        node = find_name(node.oid, name, read)
    return node


def find_paths(
    root: Node | None, paths: Sequence[tuple[bytes, ...]], read: ReadTree, above: tuple[bytes, ...] = ()
) -> Iterator[tuple[tuple[bytes, ...], Node]]:
    """What stands at each of the sorted `paths` below `root`, where something does; each tree is read once.

    `above` is what comes before `paths` in what is returned.
    """
    if root is not None and () in paths[:1]:
        yield above, root
    if root is None or root.kind is not Kind.FOLDER:
        return
    groups = {name: list(group) for name, group in groupby(filter(None, paths), key=itemgetter(0))}
    if len(groups) > FEW:
        nodes = ((name, node) for name, node in read_folder(root.oid, read) if name in groups)
    else:
        found = ((name, find_name(root.oid, name, read)) for name in groups)
        nodes = ((name, node) for name, node in found if node is not None)
    for name, node in nodes:
        yield from find_paths(node, [path[1:] for path in groups[name]], read, (*above, name))


def write_chunks(chunks: Iterable[tuple[Oid, int]], write: WriteTree) -> Oid:
    """The tree of a chunked file, from the ids and sizes of its chunks in order.

    Entries are named by their offset within their own tree, so equal stretches of two files share whole subtrees.
    """
    level = [(Entry(b"", BLOB, oid), size) for oid, size in chunks]
    while True:
        level = [_write_node(group, write) for group in _groups(level)]
        if len(level) == 1:
            return level[0][0].oid


def _groups(level: list[tuple[Entry, int]]) -> Iterator[list[tuple[Entry, int]]]:
    group: list[tuple[Entry, int]] = []
    for item in level:
        group.append(item)
        if (len(group) >= NODE_MIN and item[0].oid[-1] & NODE_MASK == 0) or len(group) == NODE_MAX:
            yield group
            group = []
    if group:
        yield group


def _write_node(group: list[tuple[Entry, int]], write: WriteTree) -> tuple[Entry, int]:
    offset, entries = 0, []
    for entry, size in group:
        entries.append(Entry(b"%016x" % offset, entry.mode, entry.oid))
        offset += size
    return Entry(b"", TREE, write(encode_tree(entries))), offset


def is_chunked(entry: Entry) -> bool:
    """Return whether an entry of a folder leads to a chunk tree."""
    return entry.mode == TREE and entry.name.endswith(tuple(_CHUNKED.values()))


def chunk_sizes(entries: Sequence[Entry]) -> list[int]:
    """The bytes of each chunk that a chunk tree names, by the names; 0 for the last, and where they tell nothing."""
    if not all(_OFFSET.match(entry.name) for entry in entries):
        return [0] * len(entries)
    offsets = [int(entry.name, 16) for entry in entries]
    sizes = (end - start for start, end in pairwise(offsets))
    return [size if 0 < size <= MAX_SIZE else 0 for size in sizes] + [0] * bool(offsets)


def read_chunks(oid: Oid, read: ReadTree) -> Iterator[Oid]:
    """The chunks of a file in order; raises `Damaged` where an entry is no chunk."""
    for entry in read(oid):
        if not _OFFSET.match(entry.name) or entry.mode not in (BLOB, TREE):
            raise Damaged(f"the entry {show(entry.name)} does not belong in a file's chunk tree")
        if entry.mode == TREE:
            yield from read_chunks(entry.oid, read)
        else:
            yield entry.oid


@dataclass(slots=True)
class Change:
    """What becomes of a name: a new node, its removal, or changes below it; an emptied folder goes unless `node`
    says that it stays."""

    node: Node | None = None
    removed: bool = False
    below: dict[bytes, Change] = field(default_factory=dict)

    def at(self, path: Iterable[bytes]) -> Change:
        """The change at `path` below this one."""
        change = self
        for name in path:
            change = change.below.setdefault(name, Change())
        return change


class FolderEditor:
    """Applies changes to a folder, rewriting only the trees that they touch.

    `replaced` collects the file nodes that a change took the place of.
    """

    def __init__(self, read: Callable[[Oid], Iterable[Entry]], write: WriteTree, form: ObjectFormat) -> None:
        self._stored, self._store, self._format = read, write, form
        self._written: dict[Oid, bytes] = {}
        self.replaced: list[Node] = []

    def _write(self, content: bytes) -> Oid:
        oid = self._store(content)
        self._written[oid] = content
        return oid

    def _read(self, oid: Oid) -> Iterable[Entry]:
        content = self._written.get(oid)
        return self._stored(oid) if content is None else parse_tree(content, self._format)

    def edit(self, oid: Oid | None, changes: dict[bytes, Change]) -> tuple[Oid, bool]:
        """The changed folder's object, and whether the folder is empty; `oid` None is a folder not there yet."""
        result = self._part(oid, changes, "")
        return (result, False) if result is not None else (write_folder({}, self._write), True)

    def _part(self, oid: Oid | None, changes: dict[bytes, Change], prefix: str) -> Oid | None:
        """The changed part of the names whose hashes begin with the digits `prefix`; None for an empty one."""
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
        by_digit: dict[str, dict[bytes, Change]] = {}
        for name, change in changes.items():
            by_digit.setdefault(digit_of(name, depth), {})[name] = change
        for digit, part in by_digit.items():
            changed = self._part(parts.pop(digit, None), part, prefix + digit)
            if changed is not None:
                parts[digit] = changed
        if not parts:
            return None
        united = self._few(parts, prefix)
        return write_folder(united, self._write, depth) if united is not None else write_parts(parts, self._write)

    def _node(self, old: Node | None, change: Change) -> Node | None:
        if old is not None and old.kind is not Kind.FOLDER and (change.removed or change.node or change.below):
            self.replaced.append(old)
        if change.below:
            base = old.oid if old is not None and old.kind is Kind.FOLDER else None
            oid, empty = self.edit(base, change.below)
            if not empty:
                return Node(Kind.FOLDER, oid)
            return change.node
        return change.node if change.node is not None or change.removed else old

    def _few(self, parts: dict[str, Oid], prefix: str) -> dict[bytes, Node] | None:
        """The nodes of all `parts` when they fit one tree again."""
        nodes: dict[bytes, Node] = {}
        for digit, part in parts.items():
            for name, node in read_folder(part, self._read, prefix + digit):
                nodes[name] = node
                if len(nodes) > PART_LIMIT:
                    return None
        return nodes


@dataclass(frozen=True, slots=True)
class Difference:
    """A path below a payload (() is the payload itself) whose node is another in the new version than in the old."""

    path: tuple[bytes, ...]
    old: Node | None
    new: Node | None


def root_node(content: Content) -> Node:
    """A payload's content as a node: a file above the limit, and no other, is chunked."""
    if content.form is Form.FOLDER:
        return Node(Kind.FOLDER, content.object)
    return Node(Kind[content.form.name], content.object, chunked=content.size > WHOLE_LIMIT)


def compare(old: Node | None, new: Node | None, read: ReadTree, path: tuple[bytes, ...] = ()) -> Iterator[Difference]:
    """What differs between two versions, reading only trees that differ.

    A folder that comes stands before what is in it; one that goes stands behind.
    """
    if old == new:
        return
    old_folder = old is not None and old.kind is Kind.FOLDER
    new_folder = new is not None and new.kind is Kind.FOLDER
    if new_folder and not old_folder:
        yield Difference(path, old, new)
    if old_folder or new_folder:
        below = _compare_folders(old.oid if old and old_folder else None, new.oid if new and new_folder else None, read)
        for name, was, now in below:
            if (was is None or was.kind is not Kind.FOLDER) and (now is None or now.kind is not Kind.FOLDER):
                yield Difference((*path, name), was, now)
            else:
                yield from compare(was, now, read, (*path, name))
    if not new_folder:
        yield Difference(path, old, new)


def _compare_folders(
    old: Oid | None, new: Oid | None, read: ReadTree, prefix: str = ""
) -> Iterator[tuple[bytes, Node | None, Node | None]]:
    if old == new:
        return
    # A folder that is not there goes along with the parts of the other, so that only one of them is held at a time.
    before_entries = list(read(old)) if old is not None else []
    after_entries = list(read(new)) if new is not None else []
    old_parts = parts_of(before_entries) if old is not None else {}
    new_parts = parts_of(after_entries) if new is not None else {}
    if old_parts is not None and new_parts is not None:
        for digit in sorted(old_parts.keys() | new_parts.keys()):
            yield from _compare_folders(old_parts.get(digit), new_parts.get(digit), read, prefix + digit)
        return
    before = dict(_nodes(before_entries, old_parts, read, prefix))
    after = dict(_nodes(after_entries, new_parts, read, prefix))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)
