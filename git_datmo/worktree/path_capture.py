"""Capture paths of the working tree as objects.

A path is captured as a whole, or only its changes since the last capture.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from git_datmo.errors import Incomplete
from git_datmo.model import Content, Form
from git_datmo.objects.chunk_trees import read_chunks
from git_datmo.objects.folder_editor import FolderEditor, TreeChange
from git_datmo.objects.ingest import Deliver, FileRead, Ingest, Recall, StoredFile
from git_datmo.objects.store import Store, StoreWriter
from git_datmo.objects.stored_folders import find_path, write_folder
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.progress import Progress
from git_datmo.worktree.folder_assembly import FolderAssembly
from git_datmo.worktree.folder_walk import walk
from git_datmo.worktree.outside_links import LinkCheck
from git_datmo.worktree.path_steps import folders_up_to, steps_to
from git_datmo.worktree.payload_stat import form_of, inspect
from git_datmo.worktree.stat_cache import Differences, RecordedMarks
from git_datmo.worktree.stat_cache_edit import CacheEdit

# If more files than this changed, read the whole path in order. Then memory holds the names of a
# single folder at a time, instead of all changes.
MANY = 100_000


@dataclass(frozen=True, slots=True)
class Captured:
    """Payload that was just stored: its content and its empty folders."""

    content: Content
    empty_folders: frozenset[bytes]


class Capturer:
    """Reader that captures payloads of the working tree at `root` into a store.

    `edit` receives the new entries of the stat cache. `marks` reads the entries that the stat cache
    has. `links` receives every link that is stored. Files in `leave` are inside a payload but are
    not captured: git tracks them, or they cannot be read.
    """

    def __init__(
        self,
        store: Store,
        root: Path,
        edit: CacheEdit,
        progress: Progress,
        marks: Callable[[], RecordedMarks] | None = None,
        links: LinkCheck | None = None,
        leave: Collection[bytes] = frozenset(),
    ) -> None:
        self._leave = leave
        self._store, self._root, self._edit, self._progress, self._marks = (
            store,
            root,
            edit,
            progress,
            marks,
        )
        self._links = links

    def whole(self, path: str, writer: StoreWriter, old: Content | None = None) -> Captured:
        """Read a whole file or folder. `old` is its content at the last capture.

        Raises `DatmoError` if the path cannot be a payload, and `Unreadable` if a file in it cannot
        be stored.
        """
        top = os.fsencode(path)
        info = inspect(self._root, top)
        self._progress.begin("Storing", 0 if stat.S_ISDIR(info.st_mode) else info.st_size)
        if not stat.S_ISDIR(info.st_mode):
            return self._single(top, form_of(info), writer, old)
        folders: deque[bytes] = deque()
        return self._folder(top, self._walk(top, folders), folders, writer, old)

    def _walk(self, top: bytes, folders: deque[bytes]) -> Iterator[bytes]:
        """Return the files below `top`, except those in `leave`."""
        return (path for path in walk(self._root, top, folders) if path not in self._leave)

    def files(self, top: bytes, paths: Iterable[bytes], writer: StoreWriter) -> Captured:
        """Read only the files `paths`, in index order, as a folder with the root `top`.

        An empty `top` is the root of the working tree.
        """
        return self._folder(top, paths, deque(), writer, None)

    def _single(
        self, path: bytes, form: Form, writer: StoreWriter, old: Content | None
    ) -> Captured:
        """Capture a payload that is a single file."""
        files: list[FileRead] = []
        self._take([path], files.append, writer, path, old)
        return Captured(Content(files[0].node.oid, form, files[0].stat.st_size, 1), frozenset())

    def _folder(
        self,
        top: bytes,
        paths: Iterable[bytes],
        folders: deque[bytes],
        writer: StoreWriter,
        old: Content | None,
    ) -> Captured:
        """Capture the files `paths` as a folder."""
        assembly = FolderAssembly(top, folders, writer.put_tree)
        self._take(paths, assembly.add, writer, top, old)
        content = Content(assembly.finish(), Form.FOLDER, assembly.size, assembly.files)
        return Captured(content, frozenset(assembly.empty))

    def _take(
        self,
        paths: Iterable[bytes],
        deliver: Deliver,
        writer: StoreWriter,
        top: bytes,
        old: Content | None,
    ) -> None:
        """Store the files `paths`; record each in the stat cache, then pass it to `deliver`."""

        def record(file: FileRead) -> None:
            self._edit.record(file)
            if file.node.kind is NodeKind.LINK:
                self._check_link(file, top, old)
            deliver(file)

        recall = self._recall(top, old)
        with Ingest(self._root, writer, self._store.format, self._progress, recall) as ingest:
            ingest.take(paths, record)

    def _check_link(self, file: FileRead, top: bytes, old: Content | None) -> None:
        """Check a stored link, unless `old` has it.

        A link that did not change is read again if its entry of the stat cache is racy.
        """
        if self._links is None:
            return
        if old is None or self._old_node(file.path, top, old) != file.node:
            self._links.look(file.path, top)

    def _old_node(self, path: bytes, top: bytes, old: Content) -> Node | None:
        """Return the node of `path` in `old`; None without one, or if its trees are missing."""
        with suppress(Incomplete):
            return find_path(root_node(old), steps_to(path, top), self._store.read_tree)
        return None

    def _recall(self, top: bytes, old: Content | None) -> Recall:
        """Return a function that looks up the last capture of a file.

        It uses the stat cache and the payload `old`. The function reads the stat cache at its first
        call, and returns None for a file whose earlier state is unknown.
        """
        if old is None or self._marks is None:
            return lambda _: None
        read = self._marks
        known: list[RecordedMarks] = []

        # Only large files are looked up, so most captures never read the cache.
        def recall(path: bytes) -> StoredFile | None:
            if not known:
                known.append(read())
            found = known[0].get(path)
            if found is None:
                return None
            node = self._old_node(path, top, old)
            return StoredFile(node, *found) if node is not None else None

        return recall

    def changes(
        self,
        path: str,
        old: Content,
        empty: frozenset[bytes],
        found: Differences,
        writer: StoreWriter,
    ) -> Captured:
        """Capture a payload by reading only its differences from `old`.

        Only the trees on changed paths are rewritten. `empty` is the set of empty folders at the
        last capture, and `found` has the differences. The whole payload is read if it is not a
        folder or if more than `MANY` files changed.
        """
        top = os.fsencode(path)
        info = inspect(self._root, top)
        # A capture of the whole path does not see missing files, so they are forgotten first.
        for gone in found.missing:
            self._edit.forget(gone)
        is_folder = form_of(info) is Form.FOLDER and old.form is Form.FOLDER
        if not is_folder or len(found.changed) + len(found.added) > MANY:
            return self.whole(path, writer, old)
        folders: deque[bytes] = deque()
        added = list(found.added)
        # Git lists a new folder by its name only, so its files are looked for.
        for folder in found.folders:
            if os.path.isdir(os.path.join(os.fsencode(self._root), folder)):
                added += self._walk(folder, folders)
        nodes: dict[bytes, Node] = {}
        sizes = 0

        def gather(file: FileRead) -> None:
            nonlocal sizes
            nodes[file.path] = file.node
            sizes += file.stat.st_size

        changed = [path for path in (*found.changed, *added) if path not in self._leave]
        self._take(changed, gather, writer, top, old)
        root = TreeChange()
        for gone in found.missing:
            root.at(steps_to(gone, top)).removed = True
        now_empty = self._empty_folders(top, empty, folders, found.missing)
        for folder in empty - now_empty:
            root.at(steps_to(folder, top)).removed = True
        for folder in now_empty:
            root.at(steps_to(folder, top)).node = Node(
                NodeKind.FOLDER, write_folder({}, writer.put_tree)
            )
        for file, node in nodes.items():
            root.at(steps_to(file, top)).node = node
        editor = FolderEditor(self._store.read_tree, writer.put_tree, self._store.format)
        oid, _ = editor.edit(old.object, root.below)
        size = self._size(top, old.size + sizes, editor.replaced)
        content = Content(oid, Form.FOLDER, size, old.files - len(editor.replaced) + len(nodes))
        return Captured(content, frozenset(now_empty))

    def _size(self, top: bytes, size: int, replaced: Iterable[Node]) -> int:
        """Return `size` minus the size of the nodes `replaced`.

        If a replaced object is missing from the store, sum the sizes of all files in the folder
        instead.
        """
        try:
            return size - sum(node_size(self._store, node) for node in replaced)
        except Incomplete:
            root = os.fsencode(self._root)
            return sum(
                os.lstat(os.path.join(root, path)).st_size
                for path in walk(self._root, top, deque())
            )

    def _empty_folders(
        self,
        top: bytes,
        known: frozenset[bytes],
        scanned: Iterable[bytes],
        missing: Iterable[bytes],
    ) -> set[bytes]:
        """Return the folders that are empty now.

        Candidates are the folders that were empty, the folders that were scanned, and the parents
        of missing files.
        """
        suspects = {*known, *scanned}
        for path in missing:
            suspects.update(folders_up_to(path, top))
        return {path for path in suspects if path != top and self._is_empty_folder(path)}

    def _is_empty_folder(self, path: bytes) -> bool:
        """Return True for a folder that has nothing, or only files in `leave`, as a walk finds."""
        full = os.path.join(os.fsencode(self._root), path)
        try:
            if not stat.S_ISDIR(os.lstat(full).st_mode):
                return False
            with os.scandir(full) as listing:
                return all(path + b"/" + entry.name in self._leave for entry in listing)
        except (FileNotFoundError, NotADirectoryError):
            return False


def node_size(store: Store, node: Node) -> int:
    """Return the size of a stored file in bytes."""
    if not node.chunked:
        return store.size(node.oid)
    return sum(store.size(oid) for oid in read_chunks(node.oid, store.read_tree))
