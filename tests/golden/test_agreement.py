"""Test that git-datmo and the independent implementation agree on arbitrary input."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.environments.environment_files import Environment
from git_datmo.git.object_encoding import parse_tree
from git_datmo.model import FORMATS, Oid
from git_datmo.objects import chunk_trees, stored_folders
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.records import codec
from git_datmo.records.notes import make_line
from tests.support.independent_objects import (
    BLOB,
    EXECUTABLE,
    LINK,
    RESERVED,
    TREE,
    Writer,
    cut,
    stream,
)
from tests.support.independent_records import canonical, environment_id, kept_by_snapshot, note_line
from tests.support.strategies import safe_names
from tests.support.vector_content import product_cuts
from tests.support.vector_ids import record_bytes

object_formats = st.sampled_from(["sha1", "sha256"])

# Stretches of a file: noise, which is cut somewhere, and repetition, which is cut at once or never.
_pieces = st.one_of(
    st.builds(stream, st.integers(0, 9_999).map(str), st.integers(0, 400_000)),
    st.builds(
        lambda unit, size: (unit * (size // len(unit) + 1))[:size],
        st.binary(min_size=1),
        st.integers(0, 1 << 20),
    ),
)


@settings(max_examples=20)
@given(st.lists(_pieces, max_size=5).map(b"".join))
def test_implementations_cut_files_equally(data: bytes) -> None:
    assert product_cuts(data) == cut(data)


@given(
    object_formats, st.integers(0, 9_999), st.integers(1, 3_000), st.sampled_from([1, 3, 40, 128])
)
def test_trees_of_chunks_are_alike(name: str, seed: int, count: int, spread: int) -> None:
    form, random = FORMATS[name], Random(seed)
    pieces = [
        (
            Oid(random.randbytes(form.size - 1) + bytes([random.randrange(spread)])),
            random.randint(1, 1 << 20),
        )
        for _ in range(count)
    ]
    made = chunk_trees.write_chunks(pieces, lambda content: form.hash("tree", content))
    assert str(made) == Writer(name).chunk_tree([(str(oid), size) for oid, size in pieces])


_MODES = {
    NodeKind.FILE: BLOB,
    NodeKind.EXECUTABLE: EXECUTABLE,
    NodeKind.LINK: LINK,
    NodeKind.FOLDER: TREE,
}


@given(
    object_formats,
    st.dictionaries(safe_names, st.tuples(st.sampled_from(NodeKind), st.booleans()), max_size=20),
    st.sampled_from([0, 250, 256, 257, 2_000, 4_200]),
)
def test_implementations_encode_folders_equally(
    name: str, odd: dict[bytes, tuple[NodeKind, bool]], plain: int
) -> None:
    form, writer = FORMATS[name], Writer(name)
    kinds = {b"%d" % number: (NodeKind.FILE, False) for number in range(plain)} | odd
    nodes, entries = {}, {}
    for real, (kind, large) in kinds.items():
        oid = form.hash("blob", real)
        chunked = large and kind in (NodeKind.FILE, NodeKind.EXECUTABLE)
        nodes[real] = Node(kind, oid, chunked)
        stored = real + b".datmo-name" if RESERVED.search(real) else real
        marker = (
            {NodeKind.FILE: b".datmo-file", NodeKind.EXECUTABLE: b".datmo-exec"}[kind]
            if chunked
            else b""
        )
        entries[real] = (TREE if chunked else _MODES[kind], stored + marker, str(oid))
    written = writer.split(entries, 0)
    assert (
        str(stored_folders.write_folder(nodes, lambda content: form.hash("tree", content)))
        == written
    )
    read = stored_folders.read_folder(
        Oid.parse(written), lambda oid: parse_tree(writer.objects[str(oid)][1], form)
    )
    assert dict(read) == nodes


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
values = st.dictionaries(
    texts,
    st.one_of(
        texts, st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
    ),
    max_size=6,
)
sizes = st.integers(0, 1 << 60)


@given(texts, texts, values, values, sizes)
def test_implementations_write_equal_snapshots(
    message: str, why: str, parameters: dict[str, Any], metrics: dict[str, Any], size: int
) -> None:
    document = json.loads(record_bytes("snapshot"))
    document.update(message=message, why=why, parameters=parameters, metrics=metrics)
    document["payloads"][1]["size"] = size
    document["objects"] = kept_by_snapshot(document)
    same(document)


@given(texts, texts)
def test_implementations_write_equal_records(one: str, other: str) -> None:
    for kind, key in (
        ("receipt", "name"),
        ("image", "name"),
        ("feedback", "name"),
        ("annotation", "message"),
        ("drop", "why"),
        ("check", "name"),
        ("test", "name"),
    ):
        document = json.loads(record_bytes(kind))
        document["author"] = {"name": one, "email": other}
        if key != "name":
            document[key] = other
        same(document)


@given(texts, texts, st.lists(texts, unique=True), st.lists(texts, unique=True))
def test_annotations_with_types_and_tags_are_written_alike(
    message: str, kind: str, tags: list[str], untags: list[str]
) -> None:
    document = json.loads(record_bytes("annotation"))
    document["message"] = message
    later = {"type": kind, "tags": tags, "untags": untags}
    same(document | {key: value for key, value in later.items() if value})


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=3, unique=True), st.booleans())
def test_redactions_are_written_alike(parents: list[str], keeps: bool) -> None:
    document = json.loads(record_bytes("drop"))
    (record,) = document["records"]
    entry = {
        "record": record,
        "parents": [each * 40 for each in parents],
        "keep": "d" * 40 if keeps else None,
    }
    same({**document, "redacted": [entry]})


def same(document: dict[str, Any]) -> None:
    """Check that both write equal documents and note lines, and ignore unknown keys."""
    raw = canonical(document)
    record = codec.decode(json.dumps({**document, "later": {"version": 2}}).encode())
    assert codec.encode(record) == raw
    oid = FORMATS["sha1"].hash("blob", raw)
    assert str(make_line(oid, record)) == note_line(str(oid), document)


@given(st.dictionaries(texts, st.binary(max_size=40), max_size=5))
def test_environments_have_the_same_id(files: dict[str, bytes]) -> None:
    assert Environment.of(files).id == environment_id(files)
