"""Read the files of stored folders, such as the code and the log of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.model import Content
from git_datmo.objects.chunk_trees import read_chunks
from git_datmo.objects.stored_folders import read_folder
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.progress import Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_inputs import require_objects

# A file with one of these bytes in its beginning is shown by its size alone, as git does.
_BINARY, _LOOKED_AT = b"\0", 8000


@dataclass(frozen=True, slots=True)
class FileInFolder:
    """A file of a stored folder; `path` is relative to the folder."""

    path: str
    node: Node


def read_blobs(ws: Workspace, node: Node) -> Iterator[bytes]:
    """Yield the content of a file piece by piece; raise `Incomplete` if one is missing."""
    blobs = read_chunks(node.oid, ws.store.read_tree) if node.chunked else iter([node.oid])
    return (ws.store.read(blob, "blob") for blob in blobs)


def list_files(ws: Workspace, content: Content) -> Iterator[FileInFolder]:
    """Yield the files and links of stored content, in order of their paths."""
    return iter(sorted(_walk(ws, root_node(content), b""), key=lambda file: file.path))


def _walk(ws: Workspace, node: Node, path: bytes) -> Iterator[FileInFolder]:
    if node.kind is not NodeKind.FOLDER:
        yield FileInFolder(os.fsdecode(path), node)
        return
    for name, below in read_folder(node.oid, ws.store.read_tree):
        yield from _walk(ws, below, path + b"/" + name if path else name)


def run_log(ws: Workspace, found: Found, progress: Progress) -> Iterator[bytes]:
    """Yield the log of an experiment's run; raise `DatmoError` if it has none."""
    run = found.snapshot.run
    if run is None or run.log is None:
        raise DatmoError(
            f"snapshot '{str(found.id)[:10]}' has no log",
            "only an experiment that 'git datmo run' made has one",
        )
    node = root_node(run.log)
    require_objects(ws, [node], found.id, progress, size=run.log.size)
    return read_blobs(ws, node)


def code_files(
    ws: Workspace, found: Found, paths: Sequence[str], progress: Progress
) -> Iterator[tuple[FileInFolder, bytes | None]]:
    """Yield the code files of an experiment, at or below `paths` if there are any.

    The content of a binary file is None. Raises `DatmoError` for an experiment without code, and
    for paths that its code does not have.
    """
    code = found.snapshot.code
    if code is None:
        raise DatmoError(
            f"snapshot '{str(found.id)[:10]}' has no code", "its commit has the committed code"
        )
    require_objects(ws, [root_node(code)], found.id, progress, size=code.size)
    files = list(list_files(ws, code))
    for path in paths:
        if not any(_is_at(file.path, path) for file in files):
            raise DatmoError(
                f"the code of snapshot '{str(found.id)[:10]}' has no '{path}'",
                "'git datmo show --code' shows all of it",
            )
    for file in files:
        if not paths or any(_is_at(file.path, path) for path in paths):
            yield file, _text_of(ws, file.node)


def _is_at(path: str, asked: str) -> bool:
    return asked in ("", ".", path) or path.startswith(f"{asked}/")


def _text_of(ws: Workspace, node: Node) -> bytes | None:
    """Return the content of a file; None if it is binary."""
    whole = b""
    for blob in read_blobs(ws, node):
        whole += blob
        # Stops at the first piece, so that a large binary file is not read as a whole.
        if _BINARY in whole[:_LOOKED_AT]:
            return None
    return whole
