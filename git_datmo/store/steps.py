"""Paths of the working tree, and the steps to them in a payload whose path is `top`."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.store.layout import Kind, Node


def parents(path: bytes) -> Iterator[bytes]:
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def path_at(top: bytes, steps: tuple[bytes, ...]) -> bytes:
    return b"/".join((top, *steps) if top else steps)


def steps_to(path: bytes, top: bytes) -> tuple[bytes, ...]:
    if path == top:
        return ()
    return tuple(path[len(top) + 1 if top else 0 :].split(b"/"))


def is_file(node: Node | None) -> bool:
    return node is not None and node.kind is not Kind.FOLDER
