"""Write and read folders, given as dictionaries, as trees."""

from __future__ import annotations

from git_datmo.model import Oid
from git_datmo.objects.layout import (
    Node,
    NodeKind,
    read_folder,
    write_folder,
)
from tests.support.strategies import Trees

# A folder as a test thinks of it.
Folder = dict[bytes, "Node | Folder"]


def write(folder: Folder, trees: Trees) -> Oid:
    nodes = {name: as_node(item, trees) for name, item in folder.items()}
    return write_folder(nodes, trees.write)


def as_node(item: Node | Folder, trees: Trees) -> Node:
    return item if isinstance(item, Node) else Node(NodeKind.FOLDER, write(item, trees))


def read(oid: Oid, trees: Trees) -> Folder:
    return {
        name: read(node.oid, trees) if node.kind is NodeKind.FOLDER else node
        for name, node in read_folder(oid, trees.read)
    }
