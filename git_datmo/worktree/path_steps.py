"""Convert between working tree paths and steps below the payload at `top`."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.objects.tree_nodes import Node, NodeKind


def parents(path: bytes) -> Iterator[bytes]:
    """Yield the parent folders of a path, innermost first, without the root."""
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def folders_up_to(path: bytes, top: bytes) -> Iterator[bytes]:
    """Yield the folders above `path` up to and including `top`, innermost first.

    `top` may be b''.
    """
    while path != top:
        path = path.rpartition(b"/")[0]
        yield path


def path_at(top: bytes, steps: tuple[bytes, ...]) -> bytes:
    """Return the path of the node at `steps` below `top`."""
    return b"/".join((top, *steps) if top else steps)


def steps_to(path: bytes, top: bytes) -> tuple[bytes, ...]:
    """Return the steps from `top` to `path`, which must be `top` or below it."""
    if path == top:
        return ()
    return tuple(path[len(top) + 1 if top else 0 :].split(b"/"))


def is_file(node: Node | None) -> bool:
    """Return True if `node` exists and is not a folder."""
    return node is not None and node.kind is not NodeKind.FOLDER
