"""Refuse payloads with names that a case-insensitive file system cannot tell apart."""

from __future__ import annotations

import os
from collections.abc import Iterable

from git_datmo.errors import DatmoError
from git_datmo.git.safe_paths import show
from git_datmo.objects.tree_differences import compare
from git_datmo.objects.tree_nodes import Node
from git_datmo.repository.workspace import Workspace


def refuse_collisions(ws: Workspace, coming: Iterable[tuple[str, Node]]) -> None:
    """Raise `DatmoError` if two files of a payload would be one on this file system.

    `git init` and `git clone` test the file system, and set core.ignoreCase.
    """
    if not ws.repo.config.flag("core.ignorecase"):
        return
    seen: dict[str, bytes] = {}
    for path, node in coming:
        for each in compare(None, node, ws.store.read_tree):
            _refuse_same(seen, b"/".join((os.fsencode(path), *each.path)))


def _refuse_same(seen: dict[str, bytes], path: bytes) -> None:
    """Take note of a path; raise `DatmoError` where another one is the same but for case."""
    # `casefold` approximates the tables of file systems, which differ.
    other = seen.setdefault(path.decode("utf-8", "surrogateescape").casefold(), path)
    if other != path:
        raise DatmoError(
            f"{show(other)} and {show(path)} are one file on this file system, which ignores case",
            "take the files that you need, one by one: git datmo checkout REV -- PATH",
        )


def refuse_other_case(ws: Workspace, paths: Iterable[str]) -> None:
    """Raise `DatmoError` if a path would meet a file or folder that is there under a name which
    differs in case."""
    if not ws.repo.config.flag("core.ignorecase"):
        return
    for path in paths:
        folder = ""
        for name in path.split("/"):
            there = os.listdir(ws.root / folder) if (ws.root / folder).is_dir() else []
            other = next(
                (each for each in there if each != name and each.casefold() == name.casefold()),
                None,
            )
            # If the exact name exists too, the file system can tell both names apart.
            if other is not None and name not in there:
                present, wanted = (os.fsencode(f"{folder}{each}") for each in (other, name))
                raise DatmoError(
                    f"{show(wanted)} would be the same file as {show(present)}, which is here:"
                    " this file system ignores case",
                    "move that one away first",
                )
            folder += f"{name}/"
