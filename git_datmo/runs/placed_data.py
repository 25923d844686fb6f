"""Write a payload of any experiment, or a part of it, beside the working tree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.object_encoding import TreeEntry
from git_datmo.history.experiments import History
from git_datmo.model import Oid, Payload
from git_datmo.objects.stored_folders import find_path
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.checkout_target import find_experiment
from git_datmo.payloads.record_claims import ClaimedContent, refuse_false_claims
from git_datmo.progress import QUIET, Progress
from git_datmo.remotes.fetch_objects import obtain_trees
from git_datmo.remotes.required_objects import require
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_inputs import place


def place_data(
    ws: Workspace, path: str, name: str, folder: Path, *, progress: Progress = QUIET
) -> Path:
    """Write what the experiment `name` has at `path` below `folder`; return its path there.

    A path that was written before is not written again. Raises `DatmoError` if no payload has it.
    """
    found = find_experiment(ws, History(ws), name, progress=progress)
    wanted = ws.relative(path)
    payload = _holder(found.snapshot.payloads, wanted)
    if payload is None:
        paths = ", ".join(each.path for each in found.snapshot.payloads) or "none"
        raise DatmoError(
            f"experiment '{str(found.id)[:10]}' has no payload '{wanted}'",
            f"its payloads: {paths}",
        )
    root = root_node(payload.content)
    rest = wanted[len(payload.path) :].strip("/")
    steps = [os.fsencode(step) for step in rest.split("/") if step]

    def read(tree: Oid) -> Iterator[TreeEntry]:
        if tree not in ws.store:
            obtain_trees(ws, [tree], progress=progress)
        return ws.store.read_tree(tree)

    node = find_path(root, steps, read)
    if node is None:
        raise DatmoError(f"experiment '{str(found.id)[:10]}' has no file '{wanted}'")
    # The id keeps the versions of one path apart, and shows that a path holds this content.
    target = folder / str(node.oid) / wanted
    if not target.exists():
        require(ws, [(wanted, node)], progress=progress)
        content = payload.content
        refuse_false_claims(ws, [ClaimedContent(wanted, node, content.files, content.size)])
        target.parent.mkdir(parents=True, exist_ok=True)
        place(ws, [(wanted, node)], folder / str(node.oid), progress)
    return target


def _holder(payloads: tuple[Payload, ...], path: str) -> Payload | None:
    """Return the payload that is, or contains, a path."""
    for payload in payloads:
        if f"{path}/".startswith(f"{payload.path}/"):
            return payload
    return None
