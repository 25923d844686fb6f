"""The same content has the same ids, for ever: what stands here may be added to, but never
changed."""

from __future__ import annotations

import hashlib
import io
import json
import math
from array import array
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from git_datmo.curves.curve_points import Points
from git_datmo.curves.curve_writer import write_curve
from git_datmo.environments.manifest import Local, Manifest, Package, assemble
from git_datmo.environments.manifest_reader import read_environment
from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import parse_tree
from git_datmo.model import FORMATS, Oid
from git_datmo.objects import chunks, layout
from git_datmo.objects.layout import Node, NodeKind
from git_datmo.records import codec
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
from tests.support import independent, independent_curve
from tests.support.commands import datmo, experiments
from tests.support.independent import Reader, Writer, canonical, cut, environment_id, note_line
from tests.support.shell import Shell
from tests.support.vector_content import FOLDERS, INPUTS, chunk_list

HERE = Path(__file__).parent

CUTS = {
    "a": [162031, 80148, 888233, 319942, 348773, 629566, 347477, 192505, 158073, 18980],
    "limit": [287830, 303926, 97921, 352316, 6584],
    "odd": [301517, 222929, 647684, 772900, 152899],
    "zeros": [1048576, 1048576, 402848],
    "tail": [65601],
}

FOLDER_IDS = {
    "empty": (
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
    ),
    "small": (
        "25b5d3dd75ea5dbf9f4f12d5f0445a2532268397",
        "d5bce78107f08980886e26e0a8b945b567a3d400d2d140245d984b74fae9d46e",
    ),
    "names": (
        "47431d4fbf72d5905579ecaefe6d3f7feaed75ed",
        "20cc4e34e5c5fd53a7dbcdfb058506c225fb29da66e4d0c856b72091d2950922",
    ),
    "chunked": (
        "30d3e36bfa77ff45f68923709bc77fa0c629c92b",
        "b469e23e7548472585e5ab465d9628109801dd82dbfdf7963a8d7f2a6d1487bc",
    ),
    "256 files": (
        "e5c2c6a352b558700c4551250dfc1143094f2023",
        "1033ea382a84aca76ac1d3a3f4f29a83b711e6606e6cfcbd54b0521177c2fa6f",
    ),
    "257 files": (
        "257c54a10a44bb2e75bc2c2172d481a399d0a477",
        "73179d74ccd4ce288057378b162ed6b7cdf470ce48b96e069a0bdf80f01974a8",
    ),
    "5000 files": (
        "67e0f10ac4bdb3585525ece26cdfd0dfbc86a8a0",
        "e78414b1da43bc20a1c1dfd5c661da9965d40ce0ab5eac07a359cd3970fb3fa9",
    ),
}

CHUNK_TREE_IDS = {
    1_000: (
        "6a40d777da038e20a5a736d56b73ca8e5ce435c4",
        "c11c9acbe896724031b864c640298bef7268450e7269d97e8bdff46a71722015",
    ),
    60_000: (
        "739a79cad032211e55dba15c697f97d88a146e4f",
        "844e659fbe10a9d91e18df73a60687894d18d3407ff6b66c7e0b8482b28308b2",
    ),
}

RECORD_LINES = {
    "snapshot": "3a250484ded3a3cca4877689efaa4d19806e9c5c snapshot"
    " 'Lauf №1' accuracy=0.951111 loss=NaN n=3 score=1 (uncommitted changes) data/ä b (2 bytes) model.bin (1.50 MiB)",
    "receipt": "798c3fe5ed454124a4c8f8805c0d34ebcc1c2b8b receipt within tolerance by Ada Ångström",
    "image": "f3224abf2b86af2f042524843068492c6c72f09b image linux/amd64 frozen by Ada Ångström (125.00 MiB)",
    "annotation": "9eba1d88ade6d3b463b106be00a4c4687d095d12 annotation use this one",
    "drop": "fb276217eed3a5b22ff63d287d31974f3180d7e5 drop 1 dropped said in haste",
}

# A snapshot of a run that was tracked and killed; its keep commit; and the curve of the page.
TRACKED_LINE = (
    "7972a16082e54e46f570707edcdfcf49ae596f36 snapshot"
    " 'Lauf №2' accuracy=0.951111 loss=NaN (uncommitted changes) data/ä b (2 bytes) model.bin (1.50 MiB)"
)
TRACKED_KEEP_ID = "b8699e07351d10d7b2647a8ba807dd4b68bd549b"
CURVE_POINTS = ((0.5, 0.0, 1_000_000), (math.nan, 1.0, 1_000_250), (0.25, 2.0, 1_000_500))
CURVE_ID = "d6dce0cc0f7d72f4188d7fa5cd0e5c806e9c03f3"

# The keep commit of the snapshot above, and the link whose parents are a commit of all ones and
# that keep commit.
NEWER_ID = "3039a76a8d210ec4a07c5d11d8afbfa22ab3e085"
NEWER_KEEP_ID = "9096bb634b5dfd5ff7d4eb6ef6333f47563e1d53"
KEEP_ID = "422bce4676ba65b97c9be67ae043f57deb7279e7"
LINK_ID = "5f7a46ef76711aeb4d9587cd4bd7d120738bdecc"
# A link without parents.
FIRST_LINK_IDS = (
    "3670f115381528ccb2a6365b228d6ca26a6de1bc",
    "afbab160fdc04435c2821116b8306b1cd590dd839b1bec8d6db655be3a8e1a57",
)
# The part of the blobs of the numbers from 0 to 299; the link that ties it to that, and the one by
# which it has served.
PART_IDS = (
    "6dad5ac5fdd3a9f4f90f37e4ac1a1c65f96ced76",
    "5101cb5df2cb31db2c67567f1a828528f394fd18",
    "45317633d5b77ab2902f5f7fb14fa930de250f55",
)

# Each folder of `environments` is one; it is named by its version.
ENVIRONMENTS = {
    folder.name: {path.name: path.read_bytes() for path in folder.iterdir()}
    for folder in (HERE / "environments").iterdir()
}
ENVIRONMENT_IDS = {
    "1": "8b3ae7fad0e72e308ac245df844effff5a813439cd327c05d386221b0586b162",
    "2": "1abd5677bb8e890b46c7a4d3808e882d8e05d9a0f3647c37d060ce3579ba5351",
    "3": "df76d62826fcf1ad97cc6df4e1f8c538e4e8306199a1ccf20ad029b4bf5ecc8b",
}
ENVIRONMENT_OBJECT = "0d6e8f57f74e593cb0d6162e194994a038e83a68"
# The format marker of this version.
MARKER_ID = "5dec15cf6b016fcc9dda6f349745145b2cd1482a"

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
# The ids for the commit trailer: of the payloads of the snapshot above, and of none.
DATA_IDS = ("77c7b2b9002306cbf9a2c9a5e03707fe973fd038", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4")

both_formats = pytest.mark.parametrize("place", [0, 1], ids=["sha1", "sha256"])
NAMES = ("sha1", "sha256")


def product_cuts(data: bytes) -> list[int]:
    """The lengths of the chunks that git-datmo makes of `data`."""
    blocks = chunks.split(io.BytesIO(data).readinto, lambda: memoryview(bytearray(chunks.BLOCK)))
    return [end - start for block in blocks for start, end in pairwise((0, *block.ends))]


@pytest.mark.parametrize("name", CUTS)
def test_files_are_cut_at_the_same_places(name: str) -> None:
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

    made = layout.write_chunks(((Oid.parse(oid), size) for oid, size in pieces), write)
    assert str(made) == CHUNK_TREE_IDS[count][place]
    read = layout.read_chunks(made, lambda oid: parse_tree(stored[oid], form))
    assert [str(oid) for oid in read] == [oid for oid, _ in pieces]


def record_bytes(kind: str) -> bytes:
    return (HERE / "records" / f"{kind}.json").read_bytes()


@pytest.mark.parametrize("kind", RECORD_LINES)
def test_records_have_their_bytes_id_and_line(kind: str) -> None:
    raw, line = record_bytes(kind), RECORD_LINES[kind]
    record = codec.decode(raw)
    assert record.kind == kind
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
    assert independent.kept_by_snapshot(document) == document["objects"]
    assert str(write_keep(put, record, FORMATS["sha1"])) == TRACKED_KEEP_ID
    assert Writer("sha1").keep(document) == TRACKED_KEEP_ID


def test_curve_has_its_bytes() -> None:
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
    assert (independent.data_id(payloads[::-1]), independent.data_id([])) == DATA_IDS


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


def test_environment_has_its_object() -> None:
    form, files = (
        FORMATS["sha1"],
        {name.encode(): content for name, content in ENVIRONMENTS["1"].items()},
    )
    nodes = {
        name: Node(NodeKind.FILE, form.hash("blob", content)) for name, content in files.items()
    }
    assert (
        str(layout.write_folder(nodes, lambda content: form.hash("tree", content)))
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


def test_marker_has_its_id() -> None:
    assert str(put("blob", encode_marker(Marker()))) == MARKER_ID
    assert Writer("sha1").put("blob", canonical({"version": 1, "requires": []})) == MARKER_ID


def test_the_gear_table_is_made_of_md5() -> None:
    # Where the numbers come from; pyfastcdc has them as constants.
    from pyfastcdc.py.constants import GEAR, MASKS

    made = [
        int.from_bytes(hashlib.md5(bytes([value]) * 64).digest()[:8], "big") for value in range(256)
    ]
    assert made == list(GEAR)
    assert (MASKS[19], MASKS[17]) == (0x0000D91707537000, 0x0000D90703537000)
