"""Test that the same content has the same ids forever. Add to the expected values, and never change
them."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from git_datmo.curves.curve_points import Points
from git_datmo.curves.curve_writer import write_curve
from git_datmo.environments.environment_files import assemble
from git_datmo.environments.manifest import Local, Manifest, Package
from git_datmo.environments.manifest_reader import read_environment
from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import parse_tree
from git_datmo.model import FORMATS, Oid
from git_datmo.objects import chunk_trees, stored_folders
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.records import codec
from git_datmo.records.annotation_record import TYPES, Annotation
from git_datmo.records.data_id import data_id
from git_datmo.records.format_marker import Marker, encode_marker
from git_datmo.records.notes import make_line
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.records.unknown_record import Unknown
from git_datmo.remotes.keep_commits import (
    DONE_LINK,
    LINK,
    PART_LINK,
    encode_link,
    encode_part,
    write_keep,
    write_part_tree,
)
from tests.support import independent_curve, independent_records
from tests.support.commands import datmo, experiments
from tests.support.independent_objects import Reader, Writer, cut
from tests.support.independent_records import canonical, environment_id, note_line
from tests.support.shell import Shell
from tests.support.vector_content import FOLDERS, INPUTS, chunk_list, product_cuts
from tests.support.vector_ids import (
    ANNOTATION_LINES,
    CHUNK_TREE_IDS,
    CURVE_ID,
    CURVE_POINTS,
    CUTS,
    DATA_IDS,
    ENVIRONMENT_IDS,
    ENVIRONMENT_OBJECT,
    ENVIRONMENTS,
    FIRST_LINK_IDS,
    FOLDER_IDS,
    KEEP_ID,
    LINK_ID,
    MARKER_ID,
    NEWER_ID,
    NEWER_KEEP_ID,
    PART_IDS,
    RECORD_LINES,
    TRACKED_KEEP_ID,
    TRACKED_LINE,
    record_bytes,
)

SECOND = Manifest(
    implementation="cpython",
    python="3.11.7",
    packages=(
        Package("near", "1.0", f"https://host.example/near-1.0.whl#sha256={'2' * 64}"),
        Package("numpy", "2.1.0", hashes=("0" * 64, "1" * 64)),
    ),
    local=(Local("tool", None, "tool-1.0-py3-none-any.whl"),),
    base_image="python:3.11-slim",
    variables=(("SEED", "7"),),
    indexes=("https://packages.example/simple",),
    system=("libgomp1",),
)

both_formats = pytest.mark.parametrize("place", [0, 1], ids=["sha1", "sha256"])
NAMES = ("sha1", "sha256")


@pytest.mark.parametrize("name", CUTS)
def test_published_files_are_cut_at_the_same_offsets(name: str) -> None:
    assert product_cuts(INPUTS[name]) == CUTS[name]
    assert cut(INPUTS[name]) == CUTS[name]
    assert sum(CUTS[name]) == len(INPUTS[name])


@both_formats
@pytest.mark.parametrize("name", FOLDERS)
def test_folders_that_are_captured_have_their_id(
    make_repo: Callable[..., Shell], name: str, place: int
) -> None:
    repo = make_repo(object_format=NAMES[place])
    repo.commit("code.py", "pass\n")
    datmo(repo, "init")
    lay(repo.cwd / "data", FOLDERS[name])
    datmo(repo, "add-data", "data")
    datmo(repo, "snapshot")
    assert experiments(repo)[0]["payloads"][0]["object"] == FOLDER_IDS[name][place]


def lay(folder: Path, content: dict[bytes, Any]) -> None:
    folder.mkdir()
    for name, value in content.items():
        path = folder / name.decode("utf-8", "surrogateescape")
        if isinstance(value, dict):
            lay(path, value)
            continue
        kind, data = value if isinstance(value, tuple) else ("file", value)
        if kind == "link":
            path.symlink_to(data.decode())
            continue
        path.write_bytes(data)
        path.chmod(0o755 if kind == "executable" else 0o644)


@both_formats
@pytest.mark.parametrize("name", FOLDERS)
def test_folders_have_their_id_by_the_document_alone(name: str, place: int) -> None:
    writer = Writer(NAMES[place])
    oid = writer.folder(FOLDERS[name])
    assert oid == FOLDER_IDS[name][place]
    assert Reader(writer.objects, NAMES[place]).folder(oid) == FOLDERS[name]


@both_formats
@pytest.mark.parametrize("count", CHUNK_TREE_IDS)
def test_trees_of_chunks_have_their_id(count: int, place: int) -> None:
    writer, form = Writer(NAMES[place]), FORMATS[NAMES[place]]
    pieces = chunk_list(writer, count)
    assert writer.chunk_tree(pieces) == CHUNK_TREE_IDS[count][place]
    stored: dict[Oid, bytes] = {}

    def write(content: bytes) -> Oid:
        oid = form.hash("tree", content)
        stored[oid] = content
        return oid

    made = chunk_trees.write_chunks(((Oid.parse(oid), size) for oid, size in pieces), write)
    assert str(made) == CHUNK_TREE_IDS[count][place]
    read = chunk_trees.read_chunks(made, lambda oid: parse_tree(stored[oid], form))
    assert [str(oid) for oid in read] == [oid for oid, _ in pieces]


@pytest.mark.parametrize("name", [*RECORD_LINES, *ANNOTATION_LINES])
def test_records_have_their_bytes_id_and_line(name: str) -> None:
    raw, line = record_bytes(name), {**RECORD_LINES, **ANNOTATION_LINES}[name]
    record = codec.decode(raw)
    assert record.kind == ("annotation" if name in ANNOTATION_LINES else name)
    assert codec.encode(record) == raw
    oid = FORMATS["sha1"].hash("blob", raw)
    assert str(make_line(oid, record)) == line
    assert canonical(json.loads(raw)) == raw
    assert note_line(Writer("sha1").put("blob", raw), json.loads(raw)) == line


def test_record_of_a_tracked_run_has_its_bytes_id_line_and_keep_commit() -> None:
    raw = record_bytes("tracked")
    document, record = json.loads(raw), codec.decode(raw)
    assert isinstance(record, Snapshot)
    assert codec.encode(record) == canonical(document) == raw
    assert str(make_line(FORMATS["sha1"].hash("blob", raw), record)) == TRACKED_LINE
    assert note_line(Writer("sha1").put("blob", raw), document) == TRACKED_LINE
    assert independent_records.kept_by_snapshot(document) == document["objects"]
    assert str(write_keep(put, record, FORMATS["sha1"])) == TRACKED_KEEP_ID
    assert Writer("sha1").keep(document) == TRACKED_KEEP_ID


def test_typed_annotations_have_their_fields() -> None:
    found = {name: codec.decode(record_bytes(name)) for name in ANNOTATION_LINES}
    assert all(isinstance(each, Annotation) for each in found.values())
    types = [each.type for each in found.values() if isinstance(each, Annotation)]
    assert types == [*TYPES, ""]
    decision, tags, answer = found["decision"], found["tags"], found["comment"]
    assert isinstance(decision, Annotation)
    assert isinstance(tags, Annotation)
    assert isinstance(answer, Annotation)
    assert decision.tags == ("paper/table-2", "v1.0")
    assert (tags.tags, tags.untags) == (("best", "team-blue"), ("candidate",))
    assert str(answer.record) == ANNOTATION_LINES["hypothesis"].split()[0]


def test_published_curve_has_its_bytes() -> None:
    values, steps, times = zip(*CURVE_POINTS, strict=True)
    points = Points(array("d", values), array("d", steps), array("q", times))
    content = write_curve("loss", points)
    assert content == independent_curve.write("loss", CURVE_POINTS)
    assert str(put("blob", content)) == CURVE_ID
    assert repr(independent_curve.read(content)) == repr(list(CURVE_POINTS))


def test_payloads_have_their_id_for_the_commit_trailer() -> None:
    snapshot = codec.decode(record_bytes("snapshot"))
    assert isinstance(snapshot, Snapshot)
    assert (data_id(reversed(snapshot.payloads)), data_id(())) == DATA_IDS
    payloads = json.loads(record_bytes("snapshot"))["payloads"]
    assert (
        independent_records.data_id(payloads[::-1]),
        independent_records.data_id([]),
    ) == DATA_IDS


def put(kind: str, content: bytes) -> Oid:
    return FORMATS["sha1"].hash(kind, content)


def link_id(*parents: str, message: str = LINK) -> str:
    return str(put("commit", encode_link(FORMATS["sha1"], map(Oid.parse, parents), message)))


def test_keep_commits_and_links_have_their_id() -> None:
    snapshot = codec.decode(record_bytes("snapshot"))
    assert isinstance(snapshot, Snapshot)
    assert str(write_keep(put, snapshot, FORMATS["sha1"])) == KEEP_ID
    assert link_id("1" * 40, KEEP_ID) == LINK_ID
    assert link_id() == FIRST_LINK_IDS[0]
    writer = Writer("sha1")
    assert writer.keep(json.loads(record_bytes("snapshot"))) == KEEP_ID
    assert writer.link(["1" * 40, KEEP_ID]) == LINK_ID
    raw = record_bytes("newer")
    newer = codec.decode(raw)
    assert isinstance(newer, Unknown)
    assert str(FORMATS["sha1"].hash("blob", raw)) == NEWER_ID
    assert (
        str(write_keep(put, newer, FORMATS["sha1"]))
        == writer.keep(json.loads(raw))
        == NEWER_KEEP_ID
    )
    assert (writer.link([]), Writer("sha256").link([])) == FIRST_LINK_IDS


def test_parts_and_their_links_have_their_id() -> None:
    tree = write_part_tree(put, [put("blob", str(number).encode()) for number in range(300)])
    part = str(put("commit", encode_part(tree)))
    link = link_id(link_id(), part, message=PART_LINK)
    assert (part, link, link_id(link, part, message=DONE_LINK)) == PART_IDS
    writer = Writer("sha1")
    theirs = writer.part([writer.put("blob", str(number).encode()) for number in range(300)])
    assert (theirs, writer.link([writer.link([]), theirs], " part")) == PART_IDS[:2]
    assert writer.link(PART_IDS[1::-1], " parts done") == PART_IDS[2]


@pytest.mark.parametrize("version", sorted(ENVIRONMENTS))
def test_environments_have_their_files_and_id(version: str) -> None:
    files = ENVIRONMENTS[version]
    manifest = read_environment(files)
    assert manifest.version == int(version)
    archives = {name: files[name] for name in manifest.archives()}
    made = assemble(manifest, None, archives)
    assert made.files == files
    assert made.id == environment_id(files) == ENVIRONMENT_IDS[version]
    assert canonical(json.loads(files["environment.json"])) == files["environment.json"]
    assert version != "2" or manifest == SECOND


def test_published_environment_has_its_object() -> None:
    form, files = (
        FORMATS["sha1"],
        {name.encode(): content for name, content in ENVIRONMENTS["1"].items()},
    )
    nodes = {
        name: Node(NodeKind.FILE, form.hash("blob", content)) for name, content in files.items()
    }
    assert (
        str(stored_folders.write_folder(nodes, lambda content: form.hash("tree", content)))
        == ENVIRONMENT_OBJECT
    )
    assert Writer("sha1").folder(files) == ENVIRONMENT_OBJECT


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("environment.json", b'"version": 3\n}', b'"version": 4\n}'),
        ("environment.json", b'"dockerfile": "generated"', b'"dockerfile": "mine"'),
        ("requirements.txt", b"tiny==1.0", b"tiny==2.0"),
        ("conda.txt", b"@EXPLICIT", b"# EXPLICIT"),
    ],
)
def test_environment_with_another_text_is_refused(file: str, old: bytes, new: bytes) -> None:
    files = {**ENVIRONMENTS["3"]}
    assert old in files[file]
    files[file] = files[file].replace(old, new)
    with pytest.raises(Damaged):
        read_environment(files)


def test_published_marker_has_its_id() -> None:
    assert str(put("blob", encode_marker(Marker()))) == MARKER_ID
    assert Writer("sha1").put("blob", canonical({"version": 1, "requires": []})) == MARKER_ID


def test_gear_table_is_computed_from_md5() -> None:
    # Where the numbers come from; pyfastcdc has them as constants.
    from pyfastcdc.py.constants import GEAR, MASKS

    made = [
        int.from_bytes(hashlib.md5(bytes([value]) * 64).digest()[:8], "big") for value in range(256)
    ]
    assert made == list(GEAR)
    assert (MASKS[19], MASKS[17]) == (0x0000D91707537000, 0x0000D90703537000)
