"""Plan and apply checkouts from objects to the working tree.

A checkout writes only differences and never overwrites content that is not stored. All conflicts
are found during planning, before the first byte is written. Each file is renamed to its path when
it is complete. So a killed process leaves files of the old or the new version, and a second run
accepts both.
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
from git_datmo.git.safe_paths import show
from git_datmo.objects.chunk_trees import read_chunks
from git_datmo.objects.chunks import BLOCK
from git_datmo.objects.ingest import FileRead, Ingest
from git_datmo.objects.store import HashOnly, Store
from git_datmo.objects.stored_folders import find_path, find_paths
from git_datmo.objects.tree_differences import TreeDifference, compare
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.objects.worker_pool import WorkerPool
from git_datmo.progress import Progress
from git_datmo.worktree.file_placer import Placer, Placing, writing
from git_datmo.worktree.interrupted_checkout import Arrival
from git_datmo.worktree.path_steps import is_file, parents, path_at, steps_to
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.stat_cache_edit import CacheEdit

# Maximum number of steps held in memory, at some hundred bytes each.
FEW = 50_000
# Error numbers for a path that does not exist or cannot exist on this file system.
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)


class CheckoutConflict(DatmoError):
    """Error for files that are not stored and would be overwritten.

    `paths` lists them.
    """

    def __init__(self, paths: list[bytes]) -> None:
        """Build the message from the first three paths."""
        shown = ", ".join(show(path) for path in paths[:3]) + (", …" if len(paths) > 3 else "")
        super().__init__(
            f"{len(paths)} file{'s' if len(paths) > 1 else ''} would be overwritten: {shown}",
            "store them with 'git datmo snapshot', or give them up with 'git datmo checkout"
            " --force'",
        )
        self.paths = tuple(paths)


@dataclass(frozen=True, slots=True)
class Placement:
    """Plan for a single payload.

    `steps` yields each path with its old and new node. A plan can have millions of steps, so a long
    list is computed again on each call. `folders` are the folders that receive files. `removes` is
    True if any path is removed. `keep` are new files that the working tree already has. `blocking`
    are existing files at paths where the new version has no file. `forget` are files that are
    correctly missing but still in the stat cache.
    """

    steps: Callable[[], Iterator[tuple[bytes, TreeDifference]]]
    folders: frozenset[bytes]
    removes: bool
    keep: Mapping[bytes, FileRead]
    blocking: frozenset[bytes]
    forget: tuple[bytes, ...]

    def removed(self) -> Iterator[tuple[bytes, bool]]:
        """Yield each path to remove before the first write, with True for a folder.

        A folder comes after its content.
        """
        for path, step in self.steps() if self.removes else ():
            if path in self.keep:
                continue
            if path in self.blocking or (is_file(step.old) and not is_file(step.new)):
                yield path, False
            elif step.old is not None and not is_file(step.old):
                yield path, True

    def written(self) -> Iterator[tuple[bytes, Node]]:
        """Return an iterator over files and folders to create, folders before their content."""
        return (
            (path, step.new)
            for path, step in self.steps()
            if step.new is not None and path not in self.keep
        )

    @property
    def changes_files(self) -> bool:
        """Return True if the plan writes anything or removes a file."""
        return any(True for _ in self.written()) or any(
            not is_folder for _, is_folder in self.removed()
        )

    def __bool__(self) -> bool:
        """Return True if the plan changes anything in the working tree."""
        return any(True for _ in self.written()) or any(True for _ in self.removed())


class Checkout:
    """Checkout of payloads below `root`; `edit` receives the new entries of the stat cache.

    Files in `leave` belong to git and are neither written nor removed. With `most`, a plan that
    writes more bytes fails.
    """

    def __init__(
        self,
        store: Store,
        root: Path,
        edit: CacheEdit,
        progress: Progress,
        leave: Collection[bytes] = frozenset(),
        most: int | None = None,
    ) -> None:
        self._store, self._root, self._edit, self._progress = (
            store,
            os.fsencode(root),
            edit,
            progress,
        )
        self._leave, self._most = leave, most
        self.links: list[bytes] = []
        self._real_folders: set[bytes] = set()

    def _full(self, path: bytes) -> bytes:
        """Return the full path of a file."""
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
        """Return the plan that changes a payload from `old` to `new`.

        `found` has the differences of the working tree from `old`. `arrived` is the target of an
        abandoned checkout. The plan also removes the files that it had placed. Raises
        `CheckoutConflict` if files would be lost, unless `force` is set.
        """
        top = os.fsencode(path)
        # A folder that the cache does not know may have files where the new version has some.
        files, inner = self._below(found.folders)
        unknown = {*found.added, *files}
        there = self._find_in_new(new, top, found, unknown)

        def compared() -> Iterator[tuple[bytes, TreeDifference]]:
            """Return the differences from `old` to `new` by path, without `leave`."""
            pairs = (
                (path_at(top, each.path), each) for each in compare(old, new, self._store.read_tree)
            )
            return (pair for pair in pairs if pair[0] not in self._leave) if self._leave else pairs

        # The two versions do not differ in these files, but the working tree does: placing them
        # again is a difference from the node to itself.
        touched = {each for each, _ in compared() if each in there} if there else set()
        same = [
            (each, TreeDifference(*at, at[1])) for each, at in there.items() if each not in touched
        ]

        came: list[tuple[bytes, TreeDifference]] = []
        if arrived is not None:
            arrival = Arrival(arrived, top, self._store.read_tree, self._hash)
            came = arrival.removals(unknown - there.keys(), inner, keep_top=new is not None)
        steps = _held_if_few(lambda: chain(compared(), same, came))
        # Other files are as recorded, so their content is stored and may be replaced.
        doubtful = {*found.changed, *unknown}
        suspects: dict[bytes, TreeDifference] = {}
        # Folders that can contain half-written files of a killed checkout.
        folders = {
            each if not is_file(step.old) else each.rpartition(b"/")[0] for each, step in came
        }
        absent: set[bytes] = set()
        removes = False
        for each, step in steps():
            folder = each.rpartition(b"/")[0]
            # Where the old version has no file, an unknown file may be.
            may_hold_other = each in doubtful or not is_file(step.old)
            if may_hold_other and folder not in absent and self._is_there(each, absent):
                suspects[each] = step
            if step.new is not None:
                folders.add(folder)
            replaces_file = is_file(step.old) and is_file(step.new)
            if step.old is not None and not replaces_file:
                removes = True
        # Only doubtful files are read, and all of them in one pass.
        held = self._hash(suspects)
        keep, lost = _settle(suspects, held)
        conflicts = [*_in_the_way(steps(), found), *lost]
        if conflicts and not force:
            raise CheckoutConflict(sorted(set(conflicts)))
        blocking = frozenset(
            each for each, difference in suspects.items() if not is_file(difference.new)
        )
        forget = tuple(
            each for each in found.missing if each not in there or not is_file(there[each][1])
        )
        return Placement(
            steps, frozenset(folders), removes or bool(blocking), keep, blocking, forget
        )

    def _find_in_new(
        self, new: Node | None, top: bytes, found: Differences, unknown: Iterable[bytes]
    ) -> dict[bytes, tuple[tuple[bytes, ...], Node]]:
        """Return the paths of `found` that the new version has, with their steps and nodes.

        They are missing, changed or unknown to the stat cache in the working tree, whether or not
        the two versions differ in them.
        """
        gone = [folder for folder in found.folders if not os.path.lexists(self._full(folder))]
        paths = (*found.missing, *found.changed, *unknown, *gone)
        # `find_paths` walks down the trees once, so its paths come in order.
        sought = sorted({steps_to(path, top) for path in paths})
        return {
            path_at(top, steps): (steps, node)
            for steps, node in find_paths(new, sought, self._store.read_tree)
        }

    def _below(self, folders: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return the files below `folders`, and the folders themselves with all subfolders."""
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
        """Return the node at the path `steps` below `root`, or None."""
        return find_path(root, steps, self._store.read_tree)

    def _is_there(self, path: bytes, absent: set[bytes]) -> bool:
        """Return True if a path exists and is not a folder.

        `absent` collects parent folders that do not exist, so that the caller can skip other paths
        in them.
        """
        try:
            return not stat.S_ISDIR(os.lstat(self._full(path)).st_mode)
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            folder = path.rpartition(b"/")[0]
            if not os.path.lexists(self._full(folder)):
                absent.add(folder)
            return False

    def _hash(self, paths: Iterable[bytes]) -> dict[bytes, FileRead]:
        """Return the nodes of the files at `paths`, computed without storing them.

        Special files are skipped.
        """
        regular = [
            path
            for path in paths
            if stat.S_IFMT(os.lstat(self._full(path)).st_mode) in (stat.S_IFREG, stat.S_IFLNK)
        ]
        found: dict[bytes, FileRead] = {}
        with Ingest(
            Path(os.fsdecode(self._root)), HashOnly(self._store), self._store.format, self._progress
        ) as ingest:
            ingest.take(regular, lambda taken: found.__setitem__(taken.path, taken))
        return found

    def apply(self, placement: Placement) -> None:
        """Carry out a plan: remove files and folders, then write, then record the new stats."""
        for path in placement.forget:
            self._edit.forget(path)
        # Removals come first, since a file may take the place of a folder, and the other way round.
        for path, is_folder in placement.removed():
            if is_folder:
                with suppress(OSError):
                    # A folder with unknown content stays: a checkout never deletes unknown files.
                    os.rmdir(self._full(path))
                continue
            # An interrupted checkout may already have replaced the file with a folder.
            with writing(path), suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                # Through a link, a file outside of the payload would be removed.
                if self._parent_is_real(path):
                    os.unlink(self._full(path))
            self._edit.forget(path)
        self._place(placement.written())
        # These files have the new content already, and only their stats are recorded.
        for taken in placement.keep.values():
            self._edit.record(taken)

    def _place(self, written: Iterable[tuple[bytes, Node]]) -> None:
        """Create folders and files. The worker pool writes the files."""
        placer = Placer(self._store, self._root)
        with (
            WorkerPool({"files": placer.whole_files, "chunks": placer.chunks}, BLOCK) as crew,
            closing(Placing(crew, self._edit, self._progress, self._most)) as placing,
        ):
            for path, node in written:
                if node.kind is NodeKind.FOLDER:
                    self._make_folder(path)
                    continue
                self._make_folder(path.rpartition(b"/")[0])
                if node.kind is NodeKind.LINK:
                    self.links.append(path)
                if node.chunked:
                    placing.large(
                        placer.begin(path, node), read_chunks(node.oid, self._store.read_tree)
                    )
                else:
                    placing.whole(path, node)
            placing.finish()

    def _parent_is_real(self, path: bytes) -> bool:
        """Return True if every parent of `path` is a real folder, not a link."""
        parent = path.rpartition(b"/")[0]
        if not parent or parent in self._real_folders:
            return True
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(os.lstat(self._full(parent)).st_mode) and self._parent_is_real(parent):
                self._real_folders.add(parent)
                return True
        return False

    def _make_folder(self, path: bytes) -> None:
        """Create the folder `path` and its parents.

        Raise `DatmoError` if another kind of file is in the way.
        """
        if not path or path in self._real_folders:
            return
        self._make_folder(path.rpartition(b"/")[0])
        with writing(path):
            try:
                os.mkdir(self._full(path))
            except FileExistsError:
                # `exist_ok` would accept a link to a folder outside of the payload.
                if not stat.S_ISDIR(os.lstat(self._full(path)).st_mode):
                    raise DatmoError(
                        f"{show(path)} is in the way of a folder", "move it away"
                    ) from None
        self._real_folders.add(path)


def _held_if_few(
    steps: Callable[[], Iterator[tuple[bytes, TreeDifference]]],
) -> Callable[[], Iterator[tuple[bytes, TreeDifference]]]:
    """Return a function that yields the steps from memory if they are few.

    For more than `FEW` steps, return `steps` itself.
    """
    few = list(islice(steps(), FEW + 1))
    return few.__iter__ if len(few) <= FEW else steps


def _settle(
    suspects: Mapping[bytes, TreeDifference], held: Mapping[bytes, FileRead]
) -> tuple[dict[bytes, FileRead], list[bytes]]:
    """Return the suspects with the new content, and those whose content is not stored.

    A suspect with the old content is in neither group, since its content is stored.
    """
    keep: dict[bytes, FileRead] = {}
    lost = []
    for suspect, difference in suspects.items():
        taken = held.get(suspect)
        if taken is not None and difference.new == taken.node and is_file(difference.new):
            keep[suspect] = taken
        elif taken is None or taken.node != difference.old:
            lost.append(suspect)
    return keep, lost


def _in_the_way(
    steps: Iterable[tuple[bytes, TreeDifference]], found: Differences
) -> Iterator[bytes]:
    """Yield unknown files in the way of the plan.

    These are files at the path of a new folder, and all paths below the path of a new file.
    """
    unknown, files = set(found.added), set()
    above = {parent for path in (*found.added, *found.folders) for parent in parents(path)}
    for path, step in steps if unknown or above else ():
        if step.new is not None:
            yield from (parent for parent in parents(path) if parent in unknown)
        if path in above and is_file(step.new):
            files.add(path)
    yield from (
        path for path in (*found.added, *found.folders) if not files.isdisjoint(parents(path))
    )
