"""Write and read folders, given as dictionaries, as trees."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st

from git_datmo.model import SHA1, ObjectFormat, Oid
from git_datmo.objects.stored_folders import read_folder, write_folder
from git_datmo.objects.tree_nodes import Node, NodeKind
from tests.support.strategies import Trees, oids, safe_names

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


fewer = settings(max_examples=max(1, settings().max_examples // 3))


def files(form: ObjectFormat = SHA1) -> st.SearchStrategy[Node]:
    chunked = st.builds(
        Node, st.sampled_from([NodeKind.FILE, NodeKind.EXECUTABLE]), oids(form), st.just(True)
    )
    return (
        st.builds(
            Node, st.sampled_from([NodeKind.FILE, NodeKind.EXECUTABLE, NodeKind.LINK]), oids(form)
        )
        | chunked
    )


def folders(size: int = 6) -> st.SearchStrategy[Folder]:
    few = st.dictionaries(safe_names, files(), max_size=size)
    return st.recursive(
        few, lambda inner: st.dictionaries(safe_names, files() | inner, max_size=size), max_leaves=4
    )


def flat(
    item: Node | Folder | None, path: tuple[bytes, ...] = ()
) -> Iterator[tuple[tuple[bytes, ...], Node | None]]:
    """Yield every path with its node, None for a folder."""
    if isinstance(item, dict):
        yield path, None
        for name, inner in item.items():
            yield from flat(inner, (*path, name))
    elif item is not None:
        yield path, item
