"""Say how a stored file can be shown: as image, table, text, JSON, audio, link, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from git_datmo.errors import DatmoError
from git_datmo.model import Oid
from git_datmo.objects.stored_folders import read_folder
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.report.data_changes import file_size
from git_datmo.report.stored_files import read_blobs
from git_datmo.repository.workspace import Workspace

IMAGE, TABLE, TEXT, JSON, AUDIO = "image", "table", "text", "json", "audio"
BINARY, LINK = "binary", "link"
# Raster images alone: the others can hold scripts.
MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".avif": "image/avif",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
}
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq")
TEXTS = frozenset(
    {
        *(".txt", ".md", ".rst", ".tex", ".log", ".diff", ".patch", ".html", ".htm", ".xml"),
        *(".py", ".pyi", ".ipynb", ".r", ".jl", ".c", ".h", ".cc", ".cpp", ".hpp", ".cu", ".go"),
        *(".rs", ".java", ".js", ".ts", ".sh", ".bash", ".sql", ".css", ".svg", ".yaml", ".yml"),
        *(".toml", ".cfg", ".ini", ".conf", ".env", ".lock", ".in", ".gitignore", ".dockerignore"),
    }
)
# Files without a known suffix that are looked into.
LOOKED_INTO = 200
FILES_LIMIT = 20_000
_START = 8000


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of stored content. `size` is None if the file is not here."""

    path: str
    oid: Oid
    size: int | None
    kind: str


@dataclass(frozen=True, slots=True)
class FileListing:
    """Files of stored content in order of their paths, and True if there are more."""

    files: tuple[ListedFile, ...]
    is_cut: bool


def suffix_of(path: str) -> str:
    """Return the suffix of a path in lower case, with its dot; '' for none."""
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :].lower() if "." in name else ""


def kind_of(path: str) -> str:
    """Return the kind that the suffix of a path tells; '' if it does not tell."""
    suffix = suffix_of(path)
    if suffix in MEDIA_TYPES:
        return MEDIA_TYPES[suffix].partition("/")[0]
    if suffix in TABLES:
        return TABLE
    if suffix == ".json":
        return JSON
    return TEXT if suffix in TEXTS else ""


def list_content(ws: Workspace, node: Node, name: str) -> FileListing:
    """Return the files of stored content; a single file is listed by its `name`.

    Raises `Incomplete` if a tree is not here.
    """
    found = list(islice(_walk(ws, node, ""), FILES_LIMIT + 1))
    files = []
    unknown = 0
    for path, each in found[:FILES_LIMIT]:
        shown = path or name
        kind = LINK if each.kind is NodeKind.LINK else kind_of(shown)
        if not kind:
            unknown += 1
            kind = _look_into(ws, each) if unknown <= LOOKED_INTO else BINARY
        files.append(ListedFile(shown, each.oid, file_size(ws, each), kind))
    files.sort(key=lambda file: file.path)
    return FileListing(tuple(files), len(found) > FILES_LIMIT)


def _walk(ws: Workspace, node: Node, path: str) -> Iterator[tuple[str, Node]]:
    if node.kind is not NodeKind.FOLDER:
        yield path, node
        return
    for name, below in read_folder(node.oid, ws.store.read_tree):
        inner = os.fsdecode(name)
        yield from _walk(ws, below, f"{path}/{inner}" if path else inner)


def _look_into(ws: Workspace, node: Node) -> str:
    """Return the kind of a file by its beginning."""
    try:
        start = next(iter(read_blobs(ws, node)), b"")[:_START]
    except DatmoError:
        return BINARY
    return kind_of_content(start)


def kind_of_content(start: bytes) -> str:
    """Return `TEXT` for the beginning of a text, else `BINARY`."""
    if b"\0" in start:
        return BINARY
    try:
        start.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut.
        return TEXT if error.start >= len(start) - 3 and len(start) >= _START else BINARY
    return TEXT
