"""Test that each vector of `vectors.json` gets its verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from git_datmo.errors import Damaged, NewerRecords
from git_datmo.git.object_encoding import parse_tree
from git_datmo.git.safe_paths import is_safe
from git_datmo.model import FORMATS, Oid
from git_datmo.objects import chunk_trees, stored_folders, stored_names
from git_datmo.records import codec
from git_datmo.records.data_graph import DataGraph
from git_datmo.records.format_marker import check_marker, parse_marker
from git_datmo.records.unknown_record import Unknown
from git_datmo.remotes.keep_links import read_link
from tests.support import independent_graph, independent_objects, independent_records
from tests.support.vector_ids import record_bytes

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "vectors.json").read_text()
)
FORM = FORMATS["sha1"]
Vector = dict[str, Any]


def each(kind: str) -> Any:
    vectors = VECTORS[kind]
    return pytest.mark.parametrize(
        "vector", vectors, ids=[str(v.get("what", place)) for place, v in enumerate(vectors)]
    )


def verdict_of(read: Callable[[], object]) -> str:
    """Return the error class of a read."""
    try:
        found = read()
    except Damaged:
        return "damaged"
    except NewerRecords:
        return "newer"
    return "unknown" if isinstance(found, Unknown) else "valid"


def raw_record(vector: Vector) -> bytes:
    if "raw" in vector:
        return bytes.fromhex(vector["raw"])
    old, new = vector["replace"]
    text = record_bytes(vector["base"]).decode()
    assert old in text
    spoilt = text.replace(old, new, 1)
    if not vector.get("relist"):
        return spoilt.encode()
    document = json.loads(spoilt)
    return independent_records.canonical(
        {**document, "objects": independent_records.kept_by_snapshot(document)}
    )


@each("records")
def test_record_vector_has_its_verdict(vector: Vector) -> None:
    assert verdict_of(lambda: codec.decode(raw_record(vector))) == vector["verdict"]


@each("names")
def test_name_has_its_verdict_and_stored_form(vector: Vector) -> None:
    name = bytes.fromhex(vector["name"])
    assert ("valid" if is_safe(name) else "damaged") == vector["verdict"]
    assert ("valid" if independent_objects.is_allowed(name) else "damaged") == vector["verdict"]
    if "stored" in vector:
        stored = bytes.fromhex(vector["stored"])
        assert stored_names.escape(name) == independent_objects.escape(name) == stored
        assert stored_names.unescape(stored) == name
    else:
        assert (
            verdict_of(lambda: stored_names.unescape(independent_objects.escape(name))) == "damaged"
        )


def write_trees(vector: Vector) -> tuple[str, dict[str, bytes]]:
    """Return the id of the vector's root, and the content of its trees by their ids."""
    ids: dict[str, str] = {}
    contents: dict[str, bytes] = {}
    for label in reversed(vector["trees"]):
        entries = vector["trees"][label]
        content = b"".join(
            f"{mode} ".encode()
            + bytes.fromhex(name)
            + b"\0"
            + bytes.fromhex(ids.get(target, target))
            for mode, name, target in entries
        )
        ids[label] = str(FORM.hash("tree", content))
        contents[ids[label]] = content
    return ids["root"], contents


@each("trees")
def test_tree_vector_has_its_verdict(vector: Vector) -> None:
    root, contents = write_trees(vector)
    read = stored_folders.read_folder if vector["read"] == "folder" else chunk_trees.read_chunks
    found = verdict_of(
        lambda: list(read(Oid.parse(root), lambda oid: parse_tree(contents[str(oid)], FORM)))
    )  # type: ignore[operator]
    assert found == vector["verdict"]


@each("targets")
def test_link_target_has_its_verdict(vector: Vector) -> None:
    target = bytes.fromhex(vector["target"]) * vector["repeat"]
    assert verdict_of(lambda: stored_names.check_target(target, b"link")) == vector["verdict"]


@each("links")
def test_commit_of_a_chain_has_its_verdict(vector: Vector) -> None:
    link = read_link(vector["commit"].encode(), FORM)
    assert (link.message if link is not None else "no link") == vector["verdict"]


@each("graphs")
def test_graph_has_its_heads_and_bases(vector: Vector) -> None:
    graph = DataGraph({name: tuple(parents) for name, parents in vector["parents"].items()})
    assert list(graph.heads(vector["S"])) == vector["heads"]
    assert independent_graph.heads(vector["parents"], vector["S"]) == vector["heads"]
    if "base" in vector:
        assert list(graph.bases(vector["ours"], vector["theirs"])) == vector["base"]
        assert (
            independent_graph.nearest(vector["parents"], vector["ours"], vector["theirs"])
            == vector["base"]
        )


@each("markers")
def test_marker_vector_has_its_verdict(vector: Vector) -> None:
    marker = parse_marker(vector["marker"].encode())
    assert verdict_of(lambda: check_marker(marker, "the records")) == vector["verdict"]
