"""Make the documents of stored files: listings, texts and tables. Nothing is fetched for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from typing import Any

from git_datmo.contracts.table_readers.table_batches import MissingLibrary
from git_datmo.errors import Damaged, DatmoError, Incomplete
from git_datmo.model import Oid
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.report.file_kinds import BINARY, kind_of_content, list_content
from git_datmo.report.parquet_summary import is_parquet, summarise_parquet
from git_datmo.report.stored_files import read_blobs
from git_datmo.report.table_summary import summarise_table
from git_datmo.web.page_state import NoDocument, PageState

TEXT_LIMIT = 512 << 10
_ID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
NOT_HERE = "this file is not here"


def files_document(state: PageState, oid: str) -> dict[str, Any]:
    """Return the files of a stored folder, or one stored file."""
    named = state.content_names.get(oid)
    # Stored code is no payload, so its id has no name here. It is a folder.
    node = _folder(oid) if named is None or named.form == "folder" else file_node(state, oid)
    name = named.path.rpartition("/")[2] if named is not None else oid[:10]
    try:
        listing = list_content(state.ws, node, name)
    except (Incomplete, Damaged):
        raise NoDocument("this content is not here", "fetch it first", content=oid) from None
    return {
        "files": [
            {"path": file.path, "oid": str(file.oid), "size": file.size, "kind": file.kind}
            for file in listing.files
        ],
        "is_cut": listing.is_cut,
        "shapes": {},
    }


def _folder(oid: str) -> Node:
    return Node(NodeKind.FOLDER, parse_id(oid))


def parse_id(oid: str) -> Oid:
    """Return the id in a document's name; raise `NoDocument` if it is none."""
    if not _ID.match(oid):
        raise NoDocument("the name of this document has no id", "reload the page")
    return Oid.parse(oid)


def file_node(state: PageState, oid: str) -> Node:
    """Return a stored file as a node; a tree is the list of its chunks."""
    wanted = parse_id(oid)
    kind = state.kind_of_object(wanted)
    if not kind:
        raise NoDocument(NOT_HERE, "fetch it first", content=oid)
    return Node(NodeKind.FILE, wanted, chunked=kind == "tree")


def read_pieces(state: PageState, oid: str) -> Iterator[bytes]:
    """Yield a stored file piece by piece; raise `NoDocument` if it is not whole here."""
    node = file_node(state, oid)
    try:
        yield from read_blobs(state.ws, node)
    except DatmoError:
        raise NoDocument(NOT_HERE, "fetch it first", content=oid) from None


def text_document(state: PageState, oid: str) -> dict[str, Any]:
    """Return the beginning of a file as text."""
    content, size = b"", 0
    for piece in read_pieces(state, oid):
        # Read to the end, since only the pieces tell the size.
        size += len(piece)
        if len(content) < TEXT_LIMIT:
            content += piece[: TEXT_LIMIT - len(content)]
    if kind_of_content(content[:8000]) == BINARY:
        raise NoDocument("this file is no text", "download it")
    return {"text": content.decode("utf-8", "replace"), "is_cut": size > len(content), "size": size}


def table_document(state: PageState, oid: str) -> dict[str, Any]:
    """Return the summary of a table."""
    pieces = read_pieces(state, oid)
    start = next(pieces, b"")
    summarise = summarise_parquet if is_parquet(start) else summarise_table
    try:
        found = summarise(chain([start], pieces))
    except MissingLibrary as error:
        raise NoDocument(error.what, error.hint) from None
    if found is None:
        raise NoDocument("this file is no table that can be read", "download it")
    return asdict(found)
