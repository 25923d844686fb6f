"""Find the wanted objects that a store does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat

from git_datmo.git.object_encoding import TREE
from git_datmo.model import Oid
from git_datmo.objects.chunk_trees import chunk_sizes
from git_datmo.objects.store import Store
from git_datmo.objects.tree_nodes import Node, NodeKind, is_chunked


@dataclass(frozen=True, slots=True)
class Missing:
    """The missing objects of some nodes: trees, whose content is unknown, and blobs.

    `blobs` are in the order of content, with their sizes (0 if unknown). `here` counts the blobs
    that the store has.
    """

    trees: frozenset[Oid]
    blobs: Mapping[Oid, int]
    here: int = 0

    def __bool__(self) -> bool:
        return bool(self.trees or self.blobs)

    @property
    def all(self) -> frozenset[Oid]:
        return self.trees | self.blobs.keys()

    def part_of(self, size: int) -> int:
        """Return about how many of `size` bytes are missing; 0 if that is unknown."""
        # The content below missing trees is unknown, and so is their share of the whole.
        if self.trees and self.here:
            return 0
        return (
            size * len(self.blobs) // (len(self.blobs) + self.here)
            if self.blobs and not self.trees
            else size
        )


def find_missing(store: Store, nodes: Iterable[Node]) -> Missing:
    """Walk the local objects of `nodes` and collect the missing ones."""
    trees: set[Oid] = set()
    blobs: dict[Oid, int] = {}
    seen: set[Oid] = set()
    here = 0
    # Each with whether it is a tree, whether it is a chunked file, and its size.
    stack = [
        (node.oid, node.kind is NodeKind.FOLDER or node.chunked, node.chunked, 0) for node in nodes
    ]
    # The last item is taken first, so reversed lists give the order of content.
    stack.reverse()
    objects, empty = store.objects, store.empty_tree
    while stack:
        oid, is_tree, chunked, size = stack.pop()
        if oid in seen:
            continue
        seen.add(oid)
        if not is_tree:
            if oid in objects:
                here += 1
            else:
                blobs[oid] = size
        elif oid != empty and oid not in objects:
            trees.add(oid)
        else:
            entries = tuple(store.read_tree(oid))
            sizes = chunk_sizes(entries) if chunked else repeat(0)
            below = [
                (e.oid, e.mode == TREE, chunked or is_chunked(e), size)
                for e, size in zip(entries, sizes, strict=False)
            ]
            below.reverse()
            stack += below
    return Missing(frozenset(trees), blobs, here)
