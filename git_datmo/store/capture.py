"""From the working tree to objects: a path for the first time, or only what changed of one that is stored."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.git.paths import is_dotgit, is_safe, show
from git_datmo.model import Content, Form
from git_datmo.progress import Progress
from git_datmo.store import names
from git_datmo.store.ingest import Ingest, Taken
from git_datmo.store.layout import Change, FolderEditor, Kind, Node, read_chunks, write_folder
from git_datmo.store.statcache import Differences, StatCache
from git_datmo.store.store import Store, StoreWriter


@dataclass(frozen=True, slots=True)
class Captured:
    """A payload as it was just stored: its content, the stat cache's new entries, its empty folders."""

    content: Content
    entries: dict[bytes, bytes | None]
    empty_folders: frozenset[bytes]


@dataclass(slots=True)
class _Gathered:
    """What the pipeline delivered so far."""

    cache: StatCache
    nodes: dict[bytes, Node] = field(default_factory=dict)
    entries: dict[bytes, bytes | None] = field(default_factory=dict)
    size: int = 0

    def add(self, file: Taken) -> None:
        self.nodes[file.path] = file.node
        self.entries[file.path] = self.cache.encode(file)
        self.size += file.stat.st_size


class Capturer:
    """Captures payloads of the working tree at `root` into a store."""

    def __init__(self, store: Store, root: Path, cache: StatCache, progress: Progress) -> None:
        self._store, self._root, self._cache, self._progress = store, root, cache, progress

    def whole(self, path: str, writer: StoreWriter) -> Captured:
        """Read a file or folder from end to end."""
        top = os.fsencode(path)
        info = inspect(self._root, top)
        self._progress.begin("Storing", 0 if stat.S_ISDIR(info.st_mode) else info.st_size)
        if not stat.S_ISDIR(info.st_mode):
            return self._listed([top], top, writer, form_of(info))
        folders: list[bytes] = []
        gathered = self._take(walk(self._root, top, folders), writer)
        return self._assemble(top, folders, gathered, writer)

    def files(self, top: bytes, paths: Iterable[bytes], writer: StoreWriter) -> Captured:
        """Read just these files, as a folder whose root is `top` ('' is the working tree's)."""
        gathered = self._take(paths, writer)
        return self._assemble(top, [], gathered, writer)

    def _listed(self, paths: list[bytes], top: bytes, writer: StoreWriter, form: Form) -> Captured:
        gathered = self._take(paths, writer)
        content = Content(gathered.nodes[top].oid, form, gathered.size, 1)
        return Captured(content, gathered.entries, frozenset())

    def _take(self, paths: Iterable[bytes], writer: StoreWriter) -> _Gathered:
        gathered = _Gathered(self._cache)
        with Ingest(self._root, writer, self._store.format, self._progress) as ingest:
            ingest.take(paths, gathered.add)
        return gathered

    def _assemble(self, top: bytes, folders: Iterable[bytes], gathered: _Gathered, writer: StoreWriter) -> Captured:
        """Write the folders' trees from the leaves up."""
        content: dict[bytes, dict[bytes, Node]] = {top: {}}
        for folder in folders:
            content.setdefault(folder, {})
        for path, node in gathered.nodes.items():
            parent, name = _split(path)
            content.setdefault(parent, {})[name] = node
        for folder in list(content):
            for parent in parents(folder, top):
                content.setdefault(parent, {})
        empty = set()
        for folder in sorted(content, key=lambda path: path.count(b"/") if path else -1, reverse=True):
            if folder != top:
                parent, name = _split(folder)
                if not content[folder]:
                    empty.add(folder)
                content[parent][name] = Node(Kind.FOLDER, write_folder(content.pop(folder), writer.put_tree))
        oid = write_folder(content[top], writer.put_tree)
        files = len(gathered.nodes)
        return Captured(Content(oid, Form.FOLDER, gathered.size, files), gathered.entries, frozenset(empty))

    def changes(
        self, path: str, old: Content, empty: frozenset[bytes], found: Differences, writer: StoreWriter
    ) -> Captured:
        """Read only what differs from `old`, and rewrite only the trees that lead there."""
        top = os.fsencode(path)
        info = inspect(self._root, top)
        if (form_of(info) is Form.FOLDER) != (old.form is Form.FOLDER) or old.form is not Form.FOLDER:
            anew = self.whole(path, writer)
            return replace(anew, entries={**dict.fromkeys(found.missing), **anew.entries})
        folders: list[bytes] = []
        added = list(found.added)
        for folder in found.folders:
            if os.path.isdir(os.path.join(os.fsencode(self._root), folder)):
                added += walk(self._root, folder, folders)
        gathered = self._take([*found.changed, *added], writer)
        root = Change()
        for gone in found.missing:
            root.at(_below(gone, top)).removed = True
        now_empty = self._empty_folders(top, empty, folders, found.missing)
        for folder in empty - now_empty:
            root.at(_below(folder, top)).removed = True
        for folder in now_empty:
            root.at(_below(folder, top)).node = Node(Kind.FOLDER, write_folder({}, writer.put_tree))
        for file, node in gathered.nodes.items():
            root.at(_below(file, top)).node = node
        editor = FolderEditor(self._store.read_tree, writer.put_tree, self._store.format)
        oid, _ = editor.edit(old.object, root.below)
        try:
            size = old.size - sum(node_size(self._store, node) for node in editor.replaced) + gathered.size
        except Incomplete:
            # What was replaced is not here any more; what is in its folder now tells the same.
            size = sum(
                os.lstat(os.path.join(os.fsencode(self._root), path)).st_size for path in walk(self._root, top, [])
            )
        files = old.files - len(editor.replaced) + len(gathered.nodes)
        content = Content(oid, Form.FOLDER, size, files)
        return Captured(content, {**dict.fromkeys(found.missing), **gathered.entries}, frozenset(now_empty))

    def _empty_folders(
        self, top: bytes, known: frozenset[bytes], scanned: list[bytes], missing: Iterable[bytes]
    ) -> set[bytes]:
        """The folders that are empty now, among those that were, came, or lost something."""
        suspects = {*known, *scanned}
        for path in missing:
            suspects.update(parents(path, top))
        root = os.fsencode(self._root)
        return {path for path in suspects if path != top and _is_empty_folder(os.path.join(root, path))}


def _is_empty_folder(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode) and not any(os.scandir(path))
    except (FileNotFoundError, NotADirectoryError):
        return False


def parents(path: bytes, top: bytes) -> Iterator[bytes]:
    """The folders above `path`, up to `top`, which may be b''."""
    while path != top:
        path = _split(path)[0]
        yield path


def _split(path: bytes) -> tuple[bytes, bytes]:
    parent, _, name = path.rpartition(b"/")
    return parent, name


def _below(path: bytes, top: bytes) -> list[bytes]:
    return path[len(top) + 1 :].split(b"/")


def form_of(info: os.stat_result) -> Form:
    if stat.S_ISDIR(info.st_mode):
        return Form.FOLDER
    return Form.EXECUTABLE if info.st_mode & 0o100 else Form.FILE


def inspect(root: Path, path: bytes) -> os.stat_result:
    """The stat of a payload's own path; raises `DatmoError` for what no payload can be."""
    try:
        info = os.lstat(os.path.join(os.fsencode(root), path))
    except OSError as error:
        raise DatmoError(f"cannot read {show(path)}: {error.strerror}") from error
    if stat.S_ISLNK(info.st_mode):
        raise DatmoError(f"{show(path)} is a symbolic link", "add the file or folder that it points to")
    if not (stat.S_ISDIR(info.st_mode) or stat.S_ISREG(info.st_mode)):
        raise DatmoError(
            f"{show(path)} is neither a file nor a folder", "only files, folders and symbolic links can be stored"
        )
    return info


def walk(root: Path, top: bytes, folders: list[bytes]) -> Iterator[bytes]:
    """Every file below the folder `top`, in order; `folders` receives every folder that is met."""
    folders.append(top)
    try:
        with os.scandir(os.path.join(os.fsencode(root), top)) as listing:
            entries = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing)
    except OSError as error:
        raise DatmoError(f"cannot read {show(top)}: {error.strerror}", "make it readable") from error
    for name, is_folder in entries:
        path = top + b"/" + name
        if is_dotgit(name):
            raise DatmoError(
                f"{show(top)} is a git repository of its own", "move its '.git' away, or add its parts one by one"
            )
        if not is_safe(name):
            raise DatmoError(f"the name {show(path)} cannot be stored safely", "rename it")
        if is_folder:
            yield from walk(root, path, folders)
        elif not name.startswith(names.TEMPORARY):
            yield path


def node_size(store: Store, node: Node) -> int:
    """The bytes of a stored file."""
    if not node.chunked:
        return store.size(node.oid)
    return sum(store.size(oid) for oid in read_chunks(node.oid, store.read_tree))
