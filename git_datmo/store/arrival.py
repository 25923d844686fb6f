"""Files that a checkout had placed when it was cut off, and that go when it is given up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from git_datmo.errors import Damaged, Incomplete
from git_datmo.store.ingest import Taken
from git_datmo.store.layout import Difference, Node, ReadTree, find_paths
from git_datmo.store.steps import is_file, parents, path_at, steps_to


@dataclass(frozen=True, slots=True)
class Arrival:
    """The payload `root`, at the path `top`, of which some files had come; `read_files` tells what files hold."""

    root: Node
    top: bytes
    read_tree: ReadTree
    read_files: Callable[[Iterable[bytes]], dict[bytes, Taken]]

    def removals(
        self, unknown: set[bytes], folders: Iterable[bytes], *, keep_top: bool
    ) -> list[tuple[bytes, Difference]]:
        """Return the steps that remove the `unknown` files that came, and then the folders that they came with.

        Of the folders only those go that are empty by then. Without the payload's trees nothing is known to be its own.
        """
        above = {parent for path in unknown for parent in parents(path)} | set(folders)
        inside = {path for path in above if path.startswith(self.top + b"/")} | (set() if keep_top else {self.top})
        nodes = self._nodes({*unknown, *inside})
        held = self.read_files(path for path in unknown if path in nodes and is_file(nodes[path][1]))
        came = [path for path, taken in held.items() if taken.node == nodes[path][1]]
        came += sorted((path for path in inside if path in nodes and not is_file(nodes[path][1])), reverse=True)
        return [(path, Difference(*nodes[path], None)) for path in came]

    def _nodes(self, paths: Iterable[bytes]) -> dict[bytes, tuple[tuple[bytes, ...], Node]]:
        sought = sorted({steps_to(path, self.top) for path in paths})
        nodes: dict[bytes, tuple[tuple[bytes, ...], Node]] = {}
        with suppress(Incomplete, Damaged):
            for steps, node in find_paths(self.root, sought, self.read_tree):
                nodes[path_at(self.top, steps)] = steps, node
        return nodes
