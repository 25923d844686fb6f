"""Build the trees of a folder from its files in git index order."""

from __future__ import annotations

from collections import deque

from git_datmo.model import Oid
from git_datmo.objects.ingest import FileRead
from git_datmo.objects.stored_folders import write_folder
from git_datmo.objects.tree_nodes import Node, NodeKind, WriteTree


class FolderAssembly:
    """Builder for the trees of a folder from files in git index order.

    Each tree is written as soon as it is complete. `folders` is a queue of the folders that the
    walk found, each before its content. Folders without files are known only from this queue.
    """

    def __init__(self, top: bytes, folders: deque[bytes], write: WriteTree) -> None:
        self._folders, self._write = folders, write
        self._open: list[tuple[bytes, dict[bytes, Node]]] = [(top, {})]
        self.empty: set[bytes] = set()
        self.size = self.files = 0

    def add(self, file: FileRead) -> None:
        """Add the next file."""
        # Folders that come before the file are entered first, since they may be empty.
        while self._folders and self._folders[0] + b"/" < file.path:
            self._enter(self._folders.popleft())
        parent, name = _split(file.path)
        self._enter(parent)
        self._open[-1][1][name] = file.node
        self.size += file.stat.st_size
        self.files += 1

    def _enter(self, folder: bytes) -> None:
        """Make `folder` the innermost open folder; write the folders that are complete."""
        while not _lies_in(folder, self._open[-1][0]):
            self._leave()
        path = self._open[-1][0]
        while path != folder:
            rest = folder[len(path) + 1 if path else 0 :]
            path = folder[: len(folder) - len(rest)] + rest.partition(b"/")[0]
            self._open.append((path, {}))

    def _leave(self) -> None:
        """Write the tree of the innermost open folder and add it to its parent."""
        path, nodes = self._open.pop()
        if not nodes:
            self.empty.add(path)
        self._open[-1][1][_split(path)[1]] = Node(NodeKind.FOLDER, write_folder(nodes, self._write))

    def finish(self) -> Oid:
        """Write the remaining trees and return the id of the top folder."""
        # The folders after the last file are empty.
        while self._folders:
            self._enter(self._folders.popleft())
        while len(self._open) > 1:
            self._leave()
        return write_folder(self._open[0][1], self._write)


def _split(path: bytes) -> tuple[bytes, bytes]:
    """Return the parent folder of a path and its last name."""
    parent, _, name = path.rpartition(b"/")
    return parent, name


def _lies_in(path: bytes, folder: bytes) -> bool:
    """Return True if `path` is `folder` or below it."""
    return not folder or path == folder or path.startswith(folder + b"/")
