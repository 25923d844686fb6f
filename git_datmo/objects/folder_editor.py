"""Edit stored folders, and rewrite only the trees on changed paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from git_datmo.git.object_encoding import TreeEntry, parse_tree
from git_datmo.model import ObjectFormat, Oid
from git_datmo.objects.stored_folders import (
    digit_of,
    parts_of,
    unite_parts,
    write_folder,
    write_parts,
)
from git_datmo.objects.tree_nodes import Node, NodeKind, WriteTree, decode_entry


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
        united = unite_parts(parts, self._read, prefix)
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
