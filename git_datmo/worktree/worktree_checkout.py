"""Carry out checkouts: remove files and folders of the working tree, and write others.

Each file is renamed to its path when it is complete. So a killed process leaves files of the old or
the new version, and a second run accepts both.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable
from contextlib import closing, suppress
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.safe_paths import show
from git_datmo.objects.chunk_trees import read_chunks
from git_datmo.objects.chunks import BLOCK
from git_datmo.objects.store import Store
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.objects.worker_pool import WorkerPool
from git_datmo.progress import Progress
from git_datmo.worktree.checkout_plan import Placement
from git_datmo.worktree.checkout_planner import CheckoutPlanner
from git_datmo.worktree.file_placer import Placer, Placing, writing
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.stat_cache_edit import CacheEdit


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
        self._most = most
        self._planner = CheckoutPlanner(store, self._root, progress, leave)
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
        """Return the plan that changes a payload from `old` to `new`: `CheckoutPlanner.plan`."""
        return self._planner.plan(path, old, new, found, force=force, arrived=arrived)

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
