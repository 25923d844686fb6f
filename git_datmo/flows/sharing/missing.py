"""What a store lacks of what is wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.git.objects import TREE
from git_datmo.model import Oid
from git_datmo.store.layout import Kind, Node
from git_datmo.store.store import Store


@dataclass(frozen=True, slots=True)
class Missing:
    """What a store lacks of some nodes: trees, whose content is unknown as long, and blobs; of blobs it has `here`."""

    trees: frozenset[Oid]
    blobs: frozenset[Oid]
    here: int = 0

    def __bool__(self) -> bool:
        return bool(self.trees or self.blobs)

    @property
    def all(self) -> frozenset[Oid]:
        return self.trees | self.blobs

    def part_of(self, size: int) -> int:
        """About how many bytes are missing of `size` in all; 0 where that cannot be told."""
        if self.trees and self.here:
            return 0
        return size * len(self.blobs) // (len(self.blobs) + self.here) if self.blobs and not self.trees else size


def find_missing(store: Store, nodes: Iterable[Node]) -> Missing:
    """Walk what is here of `nodes` and collect what is not."""
    trees: set[Oid] = set()
    blobs: set[Oid] = set()
    seen: set[Oid] = set()
    here = 0
    stack = [(node.oid, node.kind is Kind.FOLDER or node.chunked) for node in nodes]
    while stack:
        oid, is_tree = stack.pop()
        if oid in seen:
            continue
        seen.add(oid)
        if not is_tree:
            if oid in store:
                here += 1
            else:
                blobs.add(oid)
        elif oid != store.empty_tree and oid not in store:
            trees.add(oid)
        else:
            stack += [(entry.oid, entry.mode == TREE) for entry in store.read_tree(oid)]
    return Missing(frozenset(trees), frozenset(blobs), here)
