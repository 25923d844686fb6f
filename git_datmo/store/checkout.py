"""From objects to the working tree: only what differs is written, and nothing that is not stored is overwritten.

A change is planned first, with every conflict found before the first byte is written. Each file is written beside its
place and renamed into it, so a process that is killed leaves whole files of the old version or the new; running again
takes both for its own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.git.paths import show
from git_datmo.model import Oid
from git_datmo.progress import Progress
from git_datmo.store import names
from git_datmo.store.ingest import Ingest, Taken, new_digest
from git_datmo.store.layout import Difference, Kind, Node, compare, find_path, find_paths, read_chunks
from git_datmo.store.statcache import CacheEdit, Differences
from git_datmo.store.store import HashOnly, Store


class Conflict(DatmoError):
    """Files of the working tree that hold what is stored nowhere."""

    def __init__(self, paths: list[bytes]) -> None:
        shown = ", ".join(show(path) for path in paths[:3]) + (", …" if len(paths) > 3 else "")
        super().__init__(
            f"{len(paths)} file{'s' if len(paths) > 1 else ''} would be overwritten: {shown}",
            "store them with 'git datmo snapshot', or give them up with 'git datmo checkout --force'",
        )
        self.paths = tuple(paths)


@dataclass(frozen=True, slots=True)
class Placement:
    """What has to be done to one payload: `write` in order, then folders removed; `keep` are files found in place.

    `forget` are files that are gone, as they should be, but still known to the stat cache.
    """

    write: tuple[tuple[bytes, Node], ...]
    remove: tuple[bytes, ...]
    rmdir: tuple[bytes, ...]
    keep: tuple[Taken, ...]
    forget: tuple[bytes, ...] = ()


class Checkout:
    """Places payloads below `root`; `edit` gets the stat cache's new entries."""

    def __init__(self, store: Store, root: Path, edit: CacheEdit, progress: Progress) -> None:
        self._store, self._root, self._edit, self._progress = store, os.fsencode(root), edit, progress
        self._real_folders: set[bytes] = set()

    def _full(self, path: bytes) -> bytes:
        return os.path.join(self._root, path)

    def plan(
        self, path: str, old: Node | None, new: Node | None, found: Differences, *, force: bool = False
    ) -> Placement:
        """What leads from `old` (as `found` differs from it) to `new`; raises `Conflict` unless `force`."""
        top = os.fsencode(path)
        differences = list(compare(old, new, self._store.read_tree))
        touched = {_join(top, difference.path) for difference in differences}
        unknown = {*found.added, *(path for folder in found.folders for path in self._files_below(folder))}
        # Files that the new version has as the old one did, but the working tree has not, or the cache knows not.
        sought = sorted({_steps(path, top) for path in (*found.missing, *found.changed, *unknown)})
        there = {_join(top, steps): (steps, node) for steps, node in find_paths(new, sought, self._store.read_tree)}
        differences += [Difference(steps, node, node) for path, (steps, node) in there.items() if path not in touched]
        forget = [path for path in found.missing if path not in there or not _is_file(there[path][1])]
        doubtful = {*found.changed, *unknown}
        base = {_join(top, d.path): d for d in differences}
        suspects = [p for p, d in base.items() if p in doubtful or not _is_file(d.old)]
        suspects = [p for p in suspects if self._is_there(p)]
        held = self._hash(suspects)
        conflicts, keep = [], []
        for suspect in suspects:
            node = held.get(suspect)
            difference = base[suspect]
            if node is not None and difference.new == node.node and _is_file(difference.new):
                keep.append(node)
            elif node is None or node.node != difference.old:
                conflicts.append(suspect)
        conflicts += _in_the_way(base, found)
        if conflicts and not force:
            raise Conflict(sorted(set(conflicts)))
        blocking = {path for path in suspects if not _is_file(base[path].new)}
        return replace(_order(base, blocking, keep), forget=tuple(forget))

    def _files_below(self, folder: bytes) -> list[bytes]:
        full = self._full(folder)
        if not os.path.isdir(full) or os.path.islink(full):
            return []
        return [
            os.path.relpath(os.path.join(base, name), self._root) for base, _, names in os.walk(full) for name in names
        ]

    def find(self, root: Node | None, steps: tuple[bytes, ...]) -> Node | None:
        """The node at `steps` below `root`."""
        return find_path(root, steps, self._store.read_tree)

    def _is_there(self, path: bytes) -> bool:
        with suppress(FileNotFoundError, NotADirectoryError):
            return not stat.S_ISDIR(os.lstat(self._full(path)).st_mode)
        return False

    def _hash(self, paths: list[bytes]) -> dict[bytes, Taken]:
        """What the files at `paths` hold, as nodes; sockets and their like are left out."""
        regular = [
            path for path in paths if stat.S_IFMT(os.lstat(self._full(path)).st_mode) in (stat.S_IFREG, stat.S_IFLNK)
        ]
        found: dict[bytes, Taken] = {}
        with Ingest(Path(os.fsdecode(self._root)), HashOnly(self._store), self._store.format, self._progress) as ingest:
            ingest.take(regular, lambda taken: found.__setitem__(taken.path, taken))
        return found

    def missing(self, placement: Placement) -> list[Oid]:
        """The objects that the store lacks for `placement`, chunk trees and blobs."""
        lacking = []
        for _, node in placement.write:
            if node.kind is Kind.FOLDER:
                continue
            if node.oid not in self._store:
                lacking.append(node.oid)
            elif node.chunked:
                lacking += self._missing_chunks(node.oid)
        return lacking

    def _missing_chunks(self, oid: Oid) -> list[Oid]:
        try:
            return [chunk for chunk in read_chunks(oid, self._store.read_tree) if chunk not in self._store]
        except Incomplete as error:
            return [Oid.parse(text) for text in error.missing]

    def apply(self, placement: Placement) -> None:
        """Carry out a plan."""
        for path in placement.forget:
            self._edit.forget(path)
        for path in placement.remove:
            # What a checkout that was cut off had put in its place already is no file.
            with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                if self._parent_is_real(path):
                    os.unlink(self._full(path))
            self._edit.forget(path)
        for path in placement.rmdir:
            with suppress(OSError):
                # A folder that still holds something unknown stays: nothing unknown is deleted.
                os.rmdir(self._full(path))
        for path, node in placement.write:
            if node.kind is Kind.FOLDER:
                self._make_folder(path)
                continue
            self._edit.record(self._write(path, node))
        for taken in placement.keep:
            self._edit.record(taken)

    def _parent_is_real(self, path: bytes) -> bool:
        """Whether every folder above `path` is a folder, not a link that leads elsewhere."""
        parent = path.rpartition(b"/")[0]
        if not parent or parent in self._real_folders:
            return True
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(os.lstat(self._full(parent)).st_mode) and self._parent_is_real(parent):
                self._real_folders.add(parent)
                return True
        return False

    def _make_folder(self, path: bytes) -> None:
        if not path or path in self._real_folders:
            return
        self._make_folder(path.rpartition(b"/")[0])
        try:
            os.mkdir(self._full(path))
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(self._full(path)).st_mode):
                raise DatmoError(f"{show(path)} is in the way of a folder", "move it away") from None
        self._real_folders.add(path)

    def _write(self, path: bytes, node: Node) -> Taken:
        parent, _, _ = path.rpartition(b"/")
        self._make_folder(parent)
        temporary = os.path.join(self._full(parent), names.TEMPORARY + b"%d" % os.getpid())
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        digest = new_digest()
        if node.kind is Kind.LINK:
            os.symlink(self._store.read(node.oid, "blob"), temporary)
        else:
            mode = 0o777 if node.kind is Kind.EXECUTABLE else 0o666
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            try:
                for content in self._contents(node):
                    _write_all(fd, content)
                    digest.update(content)
                    self._progress.advance(len(content))
            finally:
                os.close(fd)
        self._rename(temporary, path)
        return Taken(path, node, os.lstat(self._full(path)), digest.digest())

    def _rename(self, temporary: bytes, path: bytes) -> None:
        try:
            os.replace(temporary, self._full(path))
        except (IsADirectoryError, NotADirectoryError):
            try:
                os.rmdir(self._full(path))
            except OSError as error:
                os.unlink(temporary)
                raise DatmoError(f"the folder {show(path)} is in the way of a file", "move it away") from error
            os.replace(temporary, self._full(path))

    def _contents(self, node: Node) -> Iterator[bytes]:
        oids = read_chunks(node.oid, self._store.read_tree) if node.chunked else iter((node.oid,))
        return (self._store.read(oid, "blob") for oid in oids)


def sweep(root: Path, folders: Iterator[bytes]) -> None:
    """Remove the half-written files that a killed checkout left in `folders`."""
    for folder in folders:
        with suppress(OSError), os.scandir(os.path.join(os.fsencode(root), folder)) as listing:
            for entry in listing:
                if entry.name.startswith(names.TEMPORARY):
                    os.unlink(entry.path)


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def _in_the_way(wanted: dict[bytes, Difference], found: Differences) -> Iterator[bytes]:
    """Unknown files where a folder is to be, and below what is to become a file."""
    coming = {path for path, difference in wanted.items() if difference.new is not None}
    files = {path for path in coming if _is_file(wanted[path].new)}
    for path in (*found.added, *found.folders):
        if any(parent in files for parent in _parents(path)):
            yield path
    unknown = set(found.added)
    if unknown:
        yield from {parent for path in coming for parent in _parents(path) if parent in unknown}


def _order(wanted: dict[bytes, Difference], blocking: set[bytes], keep: list[Taken]) -> Placement:
    """The steps in an order that never needs what is not there yet."""
    write, remove, rmdir = [], [], []
    in_place = {taken.path for taken in keep}
    for path, difference in wanted.items():
        if path in in_place:
            continue
        if difference.old is not None and difference.old.kind is Kind.FOLDER:
            rmdir.append(path)
        elif path in blocking or (_is_file(difference.old) and not _is_file(difference.new)):
            remove.append(path)
        if difference.new is not None:
            write.append((path, difference.new))
    return Placement(tuple(write), tuple(remove), tuple(rmdir), tuple(keep))


def _parents(path: bytes) -> Iterator[bytes]:
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def _join(top: bytes, steps: tuple[bytes, ...]) -> bytes:
    return b"/".join((top, *steps) if top else steps)


def _steps(path: bytes, top: bytes) -> tuple[bytes, ...]:
    if path == top:
        return ()
    return tuple(path[len(top) + 1 if top else 0 :].split(b"/"))


def _is_file(node: Node | None) -> bool:
    return node is not None and node.kind is not Kind.FOLDER
