"""Limit a rerun to the files that the recorded run read, if the recorded reads are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from git_datmo.errors import Incomplete
from git_datmo.model import Form, Payload
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.progress import Progress
from git_datmo.records.snapshot_record import Read
from git_datmo.remotes.fetch_objects import obtain_trees, obtain_way
from git_datmo.remotes.object_source import TREES
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_parts import Parts


def narrow(ws: Workspace, parts: Parts, read: Read | None, progress: Progress) -> Parts | None:
    """Return `parts` with only the files that were read; fetch the trees that lead to them.

    Returns None if the recorded reads are incomplete, if all data were read, or if a tree is
    missing.
    """
    if read is None or not read.complete:
        return None
    try:
        files = [
            each
            for payload in parts.data
            for each in _find_read(ws, parts, payload, read.paths, progress)
        ]
        _fetch_output_trees(ws, parts, progress)
    except Incomplete:
        return None
    return replace(parts, files=tuple(files)) if files != list(parts.placed()) else None


def _find_read(
    ws: Workspace, parts: Parts, payload: Payload, read: Sequence[str], progress: Progress
) -> Iterator[tuple[str, Node]]:
    """Yield the files of a payload that were read.

    A payload that overlaps an output is needed as a whole.
    """
    whole = (payload.path, root_node(payload.content))
    if payload.path in read or any(_overlap(payload.path, output) for output in parts.outputs):
        yield whole
        return
    inside = [path for path in read if path.startswith(f"{payload.path}/")]
    for path in inside:
        steps = [os.fsencode(name) for name in path[len(payload.path) + 1 :].split("/")]
        node = obtain_way(ws, payload.content, steps, progress=progress)
        if node is None:
            raise Incomplete(f"'{path}' was read, and is not in payload '{payload.path}'")
        yield path, node


def _overlap(one: str, other: str) -> bool:
    """Return True if the paths are equal or if either contains the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _fetch_output_trees(ws: Workspace, parts: Parts, progress: Progress) -> None:
    """Fetch the trees of recorded output folders, which the renaming of timed files needs."""
    folders = [output.object for output in parts.recorded if output.content.form is Form.FOLDER]
    missing = [oid for oid in folders if oid not in ws.store]
    if missing:
        obtain_trees(ws, missing, levels=TREES, progress=progress)
