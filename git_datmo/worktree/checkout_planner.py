"""Plan checkouts from objects to the working tree.

A checkout writes only differences and never overwrites content that is not stored. All conflicts
are found during planning, before the first byte is written.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from git_datmo.objects.ingest import FileRead, Ingest
from git_datmo.objects.store import HashOnly, Store
from git_datmo.objects.stored_folders import find_paths
from git_datmo.objects.tree_differences import TreeDifference, compare
from git_datmo.objects.tree_nodes import Node
from git_datmo.progress import Progress
from git_datmo.worktree.checkout_plan import CheckoutConflict, Placement, Step
from git_datmo.worktree.interrupted_checkout import Arrival
from git_datmo.worktree.path_steps import is_file, parents, path_at, steps_to
from git_datmo.worktree.stat_cache import Differences

# Maximum number of steps held in memory, at some hundred bytes each.
FEW = 50_000
# Error numbers for a path that does not exist or cannot exist on this file system.
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)
# The steps below a payload to a path of its new version, and the node of the path.
_InNew = tuple[tuple[bytes, ...], Node]


@dataclass(frozen=True, slots=True)
class _Survey:
    """Existing files to examine, the folders that receive files, and True if a path is removed."""

    suspects: Mapping[bytes, TreeDifference]
    folders: set[bytes]
    removes: bool


class CheckoutPlanner:
    """Planner of checkouts of payloads below `root`. Nothing is written.

    No plan has the files in `leave`, which belong to git.
    """

    def __init__(
        self, store: Store, root: bytes, progress: Progress, leave: Collection[bytes]
    ) -> None:
        self._store, self._root, self._progress, self._leave = store, root, progress, leave

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
        present = self._find_in_new(new, top, found, unknown)
        same = self._place_again(top, old, new, present)
        came: list[Step] = []
        if arrived is not None:
            arrival = Arrival(arrived, top, self._store.read_tree, self._hash)
            came = arrival.removals(unknown - present.keys(), inner, keep_top=new is not None)
        steps = _held_if_few(lambda: chain(self._compare(top, old, new), same, came))
        # Other files are as recorded, so their content is stored and may be replaced.
        survey = self._survey(steps(), {*found.changed, *unknown})
        # Folders that can contain half-written files of a killed checkout.
        leftover = {
            each if not is_file(step.old) else each.rpartition(b"/")[0] for each, step in came
        }
        suspects = survey.suspects
        # Only doubtful files are read, and all of them in one pass.
        keep, lost = _settle(suspects, self._hash(suspects))
        conflicts = [*_in_the_way(steps(), found), *lost]
        if conflicts and not force:
            raise CheckoutConflict(sorted(set(conflicts)))
        blocking = frozenset(each for each, step in suspects.items() if not is_file(step.new))
        return Placement(
            steps,
            folders=frozenset(survey.folders | leftover),
            removes=survey.removes or bool(blocking),
            keep=keep,
            blocking=blocking,
            forget=_missing_in_both(found.missing, present),
        )

    def _compare(self, top: bytes, old: Node | None, new: Node | None) -> Iterator[Step]:
        """Return the differences from `old` to `new` by path, without `leave`."""
        pairs = (
            (path_at(top, each.path), each) for each in compare(old, new, self._store.read_tree)
        )
        return (pair for pair in pairs if pair[0] not in self._leave) if self._leave else pairs

    def _place_again(
        self, top: bytes, old: Node | None, new: Node | None, present: Mapping[bytes, _InNew]
    ) -> list[Step]:
        """Return the steps to paths that are equal in both versions, but not in the working tree.

        Such a step is a difference from the node to itself.
        """
        if not present:
            return []
        touched = {each for each, _ in self._compare(top, old, new) if each in present}
        return [
            (each, TreeDifference(steps, node, node))
            for each, (steps, node) in present.items()
            if each not in touched
        ]

    def _survey(self, steps: Iterable[Step], doubtful: Collection[bytes]) -> _Survey:
        """Walk the steps once, and find existing files whose content may not be stored.

        `doubtful` are the files that are not as recorded.
        """
        suspects: dict[bytes, TreeDifference] = {}
        folders: set[bytes] = set()
        absent: set[bytes] = set()
        removes = False
        for each, step in steps:
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
        return _Survey(suspects, folders, removes)

    def _find_in_new(
        self, new: Node | None, top: bytes, found: Differences, unknown: Iterable[bytes]
    ) -> dict[bytes, _InNew]:
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


def _missing_in_both(
    missing: Iterable[bytes], present: Mapping[bytes, _InNew]
) -> tuple[bytes, ...]:
    """Return the missing files that the new version does not have as files either."""
    return tuple(each for each in missing if each not in present or not is_file(present[each][1]))


def _held_if_few(
    steps: Callable[[], Iterator[Step]],
) -> Callable[[], Iterator[Step]]:
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


def _in_the_way(steps: Iterable[Step], found: Differences) -> Iterator[bytes]:
    """Yield unknown files in the way of the plan.

    These are files at the path of a new folder, and all paths below the path of a new file.
    """
    unknown, files = set(found.added), set()
    listed = (*found.added, *found.folders)
    if not listed:
        return
    above = set(chain.from_iterable(map(parents, listed)))
    for path, step in steps:
        if step.new is not None:
            yield from unknown.intersection(parents(path))
        if path in above and is_file(step.new):
            files.add(path)
    yield from (path for path in listed if not files.isdisjoint(parents(path)))
