"""Find files that an interrupted checkout had placed.

They must be removed when the checkout is abandoned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from git_datmo.errors import Damaged, Incomplete
from git_datmo.objects.ingest import FileRead
from git_datmo.objects.stored_folders import find_paths
from git_datmo.objects.tree_differences import TreeDifference
from git_datmo.objects.tree_nodes import Node, ReadTree
from git_datmo.worktree.path_steps import is_file, parents, path_at, steps_to


@dataclass(frozen=True, slots=True)
class Arrival:
    """Target of an interrupted checkout: the payload `root` at the path `top`.

    `read_files` returns the current content of files as nodes.
    """

    root: Node
    top: bytes
    read_tree: ReadTree
    read_files: Callable[[Iterable[bytes]], dict[bytes, FileRead]]

    def removals(
        self, unknown: set[bytes], folders: Iterable[bytes], *, keep_top: bool
    ) -> list[tuple[bytes, TreeDifference]]:
        """Return the steps that remove the placed files, then their folders.

        `unknown` are the files to examine. Folders come innermost first. A folder is removed only
        if it is empty by then. With `keep_top`, the folder `top` stays. If a tree of the payload is
        missing, files below it count as the user's own and stay.
        """
        # Folders are candidates too, since the checkout may have made them.
        above = {parent for path in unknown for parent in parents(path)} | set(folders)
        inside = {path for path in above if path.startswith(self.top + b"/")}
        if not keep_top:
            inside.add(self.top)
        nodes = self._nodes({*unknown, *inside})
        files = {path for path, (_, node) in nodes.items() if is_file(node)}
        # A file is removed only if it has the content that the checkout placed.
        held = self.read_files(unknown & files)
        placed = [path for path, found in held.items() if found.node == nodes[path][1]]
        # In reverse order, a folder comes after everything in it.
        emptied = sorted((path for path in inside - files if path in nodes), reverse=True)
        return [(path, TreeDifference(*nodes[path], None)) for path in (*placed, *emptied)]

    def _nodes(self, paths: Iterable[bytes]) -> dict[bytes, tuple[tuple[bytes, ...], Node]]:
        """Return the steps and node of each path that the payload contains.

        Paths below a missing tree are left out.
        """
        sought = sorted({steps_to(path, self.top) for path in paths})
        nodes: dict[bytes, tuple[tuple[bytes, ...], Node]] = {}
        with suppress(Incomplete, Damaged):
            for steps, node in find_paths(self.root, sought, self.read_tree):
                nodes[path_at(self.top, steps)] = steps, node
        return nodes
