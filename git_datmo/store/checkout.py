"""From objects to the working tree: only what differs is written, and nothing that is not stored is overwritten.

A change is planned first, with every conflict found before the first byte is written. Each file is placed whole, so a
process that is killed leaves files of the old version or the new; running again takes both for its own.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.paths import show
from git_datmo.progress import Progress
from git_datmo.store.arrival import Arrival
from git_datmo.store.cacheedit import CacheEdit
from git_datmo.store.chunks import BLOCK
from git_datmo.store.crew import Crew
from git_datmo.store.ingest import Ingest, Taken
from git_datmo.store.layout import Difference, Kind, Node, compare, find_path, find_paths, read_chunks
from git_datmo.store.placer import Placer, Placing, writing
from git_datmo.store.statcache import Differences
from git_datmo.store.steps import is_file, parents, path_at, steps_to
from git_datmo.store.store import HashOnly, Store

# Steps that are held in memory, at some hundred bytes each.
FEW = 50_000
# What the system says of a path that does not exist, or cannot exist on this file system.
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)


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
    """What has to be done to one payload; `keep` are files found in place, `blocking` those in the way of a folder.

    There can be millions of `steps`, so more than some are found anew each time: each path with what it was and will
    be. `folders` are those in which something is written, `removes` says whether anything is taken away. `forget` are
    files that are gone, as they should be, but still known to the stat cache.
    """

    steps: Callable[[], Iterator[tuple[bytes, Difference]]]
    folders: frozenset[bytes]
    removes: bool
    keep: Mapping[bytes, Taken]
    blocking: frozenset[bytes]
    forget: tuple[bytes, ...]

    def removed(self) -> Iterator[tuple[bytes, bool]]:
        """What is taken away before anything is written, and whether it is a folder; a folder stands behind what is
        in it."""
        for path, step in self.steps() if self.removes else ():
            if path in self.keep:
                continue
            if path in self.blocking or (is_file(step.old) and not is_file(step.new)):
                yield path, False
            elif step.old is not None and not is_file(step.old):
                yield path, True

    def written(self) -> Iterator[tuple[bytes, Node]]:
        """Files and folders that come, each folder before what is in it."""
        return ((path, step.new) for path, step in self.steps() if step.new is not None and path not in self.keep)

    @property
    def changes_files(self) -> bool:
        """Return whether anything is written, or a file removed."""
        return any(True for _ in self.written()) or any(not is_folder for _, is_folder in self.removed())

    def __bool__(self) -> bool:
        return any(True for _ in self.written()) or any(True for _ in self.removed())


class Checkout:
    """Places payloads below `root`; `edit` gets the stat cache's new entries.

    The files `leave` are somebody else's, and are neither written nor removed. `links` are the symbolic links that
    were placed.
    """

    def __init__(
        self, store: Store, root: Path, edit: CacheEdit, progress: Progress, leave: Collection[bytes] = frozenset()
    ) -> None:
        self._store, self._root, self._edit, self._progress = store, os.fsencode(root), edit, progress
        self._leave = leave
        self.links: list[bytes] = []
        self._real_folders: set[bytes] = set()

    def _full(self, path: bytes) -> bytes:
        return os.path.join(self._root, path)

    def plan(
        self,
        path: str,
        old: Node | None,
        new: Node | None,
        found: Differences,
        *,
        force: bool = False,
        arrived: Node | None = None,
    ) -> Placement:
        """What leads from `old` (as `found` differs from it) to `new`; raises `Conflict` unless `force`.

        `arrived` is what a checkout that is given up was to place: what had come of that goes, too.
        """
        top = os.fsencode(path)
        files, inner = self._below(found.folders)
        unknown = {*found.added, *files}
        # Files that the new version has as the old one did, but the working tree has not, or the cache knows not.
        gone = (folder for folder in found.folders if not os.path.lexists(self._full(folder)))
        sought = sorted({steps_to(path, top) for path in (*found.missing, *found.changed, *unknown, *gone)})
        there = {path_at(top, steps): (steps, node) for steps, node in find_paths(new, sought, self._store.read_tree)}

        def compared() -> Iterator[tuple[bytes, Difference]]:
            pairs = ((path_at(top, each.path), each) for each in compare(old, new, self._store.read_tree))
            return (pair for pair in pairs if pair[0] not in self._leave) if self._leave else pairs

        touched = {each for each, _ in compared() if each in there} if there else set()
        same = [(each, Difference(*at, at[1])) for each, at in there.items() if each not in touched]

        came: list[tuple[bytes, Difference]] = []
        if arrived is not None:
            arrival = Arrival(arrived, top, self._store.read_tree, self._hash)
            came = arrival.removals(unknown - there.keys(), inner, keep_top=new is not None)
        steps = _held_if_few(lambda: chain(compared(), same, came))
        doubtful = {*found.changed, *unknown}
        suspects: dict[bytes, Difference] = {}
        # Folders that can hold what a checkout that was killed had half written.
        folders = {each if not is_file(step.old) else each.rpartition(b"/")[0] for each, step in came}
        absent: set[bytes] = set()
        removes = False
        for each, step in steps():
            folder = each.rpartition(b"/")[0]
            if (each in doubtful or not is_file(step.old)) and folder not in absent and self._is_there(each, absent):
                suspects[each] = step
            if step.new is not None:
                folders.add(folder)
            if step.old is not None and not (is_file(step.old) and is_file(step.new)):
                removes = True
        held = self._hash(suspects)
        keep, lost = _settle(suspects, held)
        conflicts = [*_in_the_way(steps(), found), *lost]
        if conflicts and not force:
            raise Conflict(sorted(set(conflicts)))
        blocking = frozenset(each for each, difference in suspects.items() if not is_file(difference.new))
        forget = tuple(each for each in found.missing if each not in there or not is_file(there[each][1]))
        return Placement(steps, frozenset(folders), removes or bool(blocking), keep, blocking, forget)

    def _below(self, folders: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return the files below `folders`, and the folders, these with themselves."""
        files, inner = [], []
        for folder in folders:
            full = self._full(folder)
            if not os.path.isdir(full) or os.path.islink(full):
                continue
            for base, subfolders, names in os.walk(full):
                inner.append(os.path.relpath(base, self._root))
                links = (name for name in subfolders if os.path.islink(os.path.join(base, name)))
                files += [os.path.join(inner[-1], name) for name in (*names, *links)]
        return files, inner

    def find(self, root: Node | None, steps: tuple[bytes, ...]) -> Node | None:
        """The node at `steps` below `root`."""
        return find_path(root, steps, self._store.read_tree)

    def _is_there(self, path: bytes, absent: set[bytes]) -> bool:
        """Return whether there is something but a folder; `absent` collects folders that are not there."""
        try:
            return not stat.S_ISDIR(os.lstat(self._full(path)).st_mode)
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            folder = path.rpartition(b"/")[0]
            if not os.path.lexists(self._full(folder)):
                absent.add(folder)
            return False

    def _hash(self, paths: Iterable[bytes]) -> dict[bytes, Taken]:
        """What the files at `paths` hold, as nodes; sockets and their like are left out."""
        regular = [
            path for path in paths if stat.S_IFMT(os.lstat(self._full(path)).st_mode) in (stat.S_IFREG, stat.S_IFLNK)
        ]
        found: dict[bytes, Taken] = {}
        with Ingest(Path(os.fsdecode(self._root)), HashOnly(self._store), self._store.format, self._progress) as ingest:
            ingest.take(regular, lambda taken: found.__setitem__(taken.path, taken))
        return found

    def apply(self, placement: Placement) -> None:
        """Carry out a plan."""
        for path in placement.forget:
            self._edit.forget(path)
        for path, is_folder in placement.removed():
            if is_folder:
                with suppress(OSError):
                    # A folder that still holds something unknown stays: nothing unknown is deleted.
                    os.rmdir(self._full(path))
                continue
            # What a checkout that was cut off had put in its place already is no file.
            with writing(path), suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                if self._parent_is_real(path):
                    os.unlink(self._full(path))
            self._edit.forget(path)
        self._place(placement.written())
        for taken in placement.keep.values():
            self._edit.record(taken)

    def _place(self, written: Iterable[tuple[bytes, Node]]) -> None:
        """Make folders and files, these by a crew where there is much to do."""
        placer = Placer(self._store, self._root)
        with (
            Crew({"files": placer.whole_files, "chunks": placer.chunks}, BLOCK) as crew,
            closing(Placing(crew, self._edit, self._progress)) as placing,
        ):
            for path, node in written:
                if node.kind is Kind.FOLDER:
                    self._make_folder(path)
                    continue
                self._make_folder(path.rpartition(b"/")[0])
                if node.kind is Kind.LINK:
                    self.links.append(path)
                if node.chunked:
                    placing.large(placer.begin(path, node), read_chunks(node.oid, self._store.read_tree))
                else:
                    placing.whole(path, node)
            placing.finish()

    def _parent_is_real(self, path: bytes) -> bool:
        """Return whether every folder above `path` is a folder, not a link that leads elsewhere."""
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
        with writing(path):
            try:
                os.mkdir(self._full(path))
            except FileExistsError:
                if not stat.S_ISDIR(os.lstat(self._full(path)).st_mode):
                    raise DatmoError(f"{show(path)} is in the way of a folder", "move it away") from None
        self._real_folders.add(path)


def _held_if_few(
    steps: Callable[[], Iterator[tuple[bytes, Difference]]],
) -> Callable[[], Iterator[tuple[bytes, Difference]]]:
    few = list(islice(steps(), FEW + 1))
    return few.__iter__ if len(few) <= FEW else steps


def _settle(
    suspects: Mapping[bytes, Difference], held: Mapping[bytes, Taken]
) -> tuple[dict[bytes, Taken], list[bytes]]:
    """Return the suspects that are in place already, and those that hold what is stored nowhere."""
    keep: dict[bytes, Taken] = {}
    lost = []
    for suspect, difference in suspects.items():
        taken = held.get(suspect)
        if taken is not None and difference.new == taken.node and is_file(difference.new):
            keep[suspect] = taken
        elif taken is None or taken.node != difference.old:
            lost.append(suspect)
    return keep, lost


def _in_the_way(steps: Iterable[tuple[bytes, Difference]], found: Differences) -> Iterator[bytes]:
    """Unknown files where a folder is to be, and below what is to become a file."""
    unknown, files = set(found.added), set()
    above = {parent for path in (*found.added, *found.folders) for parent in parents(path)}
    for path, step in steps if unknown or above else ():
        if step.new is not None:
            yield from (parent for parent in parents(path) if parent in unknown)
        if path in above and is_file(step.new):
            files.add(path)
    yield from (path for path in (*found.added, *found.folders) if not files.isdisjoint(parents(path)))
