"""What a store lacks of what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat

from git_datmo.git.objects import TREE
from git_datmo.model import Oid
from git_datmo.store.layout import Kind, Node, chunk_sizes, is_chunked
from git_datmo.store.store import Store


@dataclass(frozen=True, slots=True)
class Missing:
    """What a store lacks of some nodes: trees, whose content is unknown as long, and blobs; of blobs it has `here`.

    The blobs stand in the order of their content, each with its bytes, 0 where nothing tells them.
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
        """About how many bytes are missing of `size` in all; 0 where that cannot be told."""
        if self.trees and self.here:
            return 0
        return size * len(self.blobs) // (len(self.blobs) + self.here) if self.blobs and not self.trees else size


def find_missing(store: Store, nodes: Iterable[Node]) -> Missing:
    """Walk what is here of `nodes` and collect what is not."""
    trees: set[Oid] = set()
    blobs: dict[Oid, int] = {}
    seen: set[Oid] = set()
    here = 0
    # Each with whether it is a tree, one of chunks, and its bytes.
    stack = [(node.oid, node.kind is Kind.FOLDER or node.chunked, node.chunked, 0) for node in nodes]
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
                (e.oid, e.mode == TREE, chunked or is_chunked(e), size) for e, size in zip(entries, sizes, strict=False)
            ]
            below.reverse()
            stack += below
    return Missing(frozenset(trees), blobs, here)
