"""Test what `docs/FORMAT.md` says a reader must refuse or ignore, so that all readers agree."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from git_datmo.errors import Damaged
from git_datmo.model import FORMATS
from git_datmo.objects import stored_names
from git_datmo.records import codec
from git_datmo.records.catalog import in_order, make_row
from git_datmo.records.notes import make_line
from git_datmo.records.snapshot_record import Snapshot
from tests.support.commands import datmo, experiments
from tests.support.forged_records import genuine, plant
from tests.support.independent_records import kept_by_snapshot
from tests.support.pair import Pair
from tests.support.shell import Shell
from tests.support.vector_ids import record_bytes

ONES, WIDE = "1" * 40, "ab" * 32


def snapshot() -> Snapshot:
    record = codec.decode(record_bytes("snapshot"))
    assert isinstance(record, Snapshot)
    return record


NOT_JSON_OF_ONE_READING = {
    "a key twice": lambda text: text.replace('"why":', '"why": "other",\n "why":'),
    "a key twice, deeper": lambda text: text.replace(
        '"role": "data"', '"role": "model", "role": "data"'
    ),
    "a lone surrogate": lambda text: text.replace("to see", "\\ud800"),
    "a lone surrogate as a key": lambda text: text.replace('"tiny"', '"\\uDC80"'),
    "a number that is no double": lambda text: text.replace("1e-05", "1e999"),
    "NaN as such": lambda text: text.replace('"NaN"', "NaN"),
}


@pytest.mark.parametrize(
    "spoil", NOT_JSON_OF_ONE_READING.values(), ids=NOT_JSON_OF_ONE_READING.keys()
)
def test_json_that_two_readers_could_read_differently_is_no_record(
    spoil: Callable[[str], str],
) -> None:
    raw = record_bytes("snapshot").decode()
    spoilt = spoil(raw)
    assert spoilt != raw
    with pytest.raises(Damaged):
        codec.decode(spoilt.encode())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_record_in_another_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(Damaged):
        codec.decode(record_bytes("snapshot").decode().encode(encoding))


def test_note_line_is_equal_before_and_after_writing() -> None:
    record = replace(snapshot(), metrics={"a": math.nan, "b": math.inf, "c": -math.inf, "d": 0.5})
    oid = FORMATS["sha1"].hash("blob", codec.encode(record))
    assert make_line(oid, record) == make_line(oid, codec.decode(codec.encode(record)))


def test_records_are_ordered_by_their_time() -> None:
    times = [
        "2024-05-01T11:59:59.999999Z",
        "2024-05-01T12:00:00Z",
        "2024-05-01T12:00:00.5Z",
        "2024-05-01T12:00:01Z",
    ]
    rows = [
        make_row(FORMATS["sha1"].hash("blob", time.encode()), replace(snapshot(), created=time))
        for time in times
    ]
    assert [row.created for row in in_order(reversed(rows))] == times


def test_command_words_outside_utf_8_are_recorded() -> None:
    record = replace(snapshot(), message="caf\udce9", parameters={"\udcff": "\ud800"})
    read = codec.decode(codec.encode(record))
    assert isinstance(read, Snapshot)
    assert make_line(FORMATS["sha1"].hash("blob", codec.encode(record)), record).summary.startswith(
        "'caf"
    )


# Files that git reads from every tree of a project, as Windows and macOS may spell them.
JUDGED = [
    *(
        b".gitmodules",
        b".gitattributes",
        b".GITATTRIBUTES ",
        b".gitattributes.",
        b"gitatt~1",
        b"gi7d29~1",
        b"gi7eba~1",
    ),
    *(
        b"~1000000",
        b"gi~12345",
        b".g\xe2\x80\x8citattributes",
        b"\xef\xbb\xbf.gitmodules",
        b"a\\.gitmodules",
    ),
]


@pytest.mark.parametrize("name", JUDGED)
def test_names_that_git_checks_are_escaped_in_store(
    make_repo: Callable[..., Shell], name: bytes
) -> None:
    repo = make_repo(bare=True)
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"x" * 5_000)
    inner = repo.git("mktree", stdin=f"100644 blob {blob}\tx\n".encode())
    for mode, kind, oid in (
        ("100644", "blob", blob),
        ("040000", "tree", inner),
        ("120000", "blob", blob),
    ):
        repo.git(
            "mktree",
            "-z",
            stdin=f"{mode} {kind} {oid}\t".encode() + stored_names.escape(name) + b"\0",
        )
    repo.git("fsck", "--strict")
    repo.git("mktree", "-z", stdin=f"040000 tree {inner}\t".encode() + name + b"\0")
    assert repo.run("git", "fsck", "--strict", ok=False).returncode


def put_payloads(alex: Shell) -> str:
    """Share two payloads with the hub; return the commit that they belong to."""
    alex.write("data/x", "x")
    alex.write("more/x", "y")
    datmo(alex, "add-data", "data", "more")
    datmo(alex, "snapshot", "-m", "good")
    alex.git("push", "-q")
    return alex.git("rev-parse", "HEAD")


def share_another(alex: Shell) -> None:
    alex.write("data/x", "changed")
    datmo(alex, "snapshot", "-m", "another")
    datmo(alex, "push")


def test_foreign_names_among_keep_refs_are_ignored(pair: Pair) -> None:
    put_payloads(pair.alex)
    kept = pair.hub.git("rev-parse", "refs/datmo/keep/1")
    others = ["²", "x", "02", "0", "9/9"]
    for name in others:
        pair.hub.git("update-ref", f"refs/datmo/keep/{name}", kept)
    share_another(pair.alex)
    assert pair.hub.git("rev-parse", "refs/datmo/keep/1") != kept
    assert {pair.hub.git("rev-parse", f"refs/datmo/keep/{name}") for name in others} == {kept}


OBJECTS: dict[str, Callable[[dict[str, Any], Shell], str]] = {
    "ids of the other object format": lambda document, hub: WIDE,
    "objects that are nowhere": lambda document, hub: ONES,
    "a file that it calls a folder": lambda document, hub: hub.git(
        "rev-parse", document["payloads"][0]["object"] + ":x"
    ),
}


@pytest.mark.parametrize("spoil", OBJECTS.values(), ids=OBJECTS.keys())
def test_record_of_missing_objects_does_not_block_a_push(
    pair: Pair, spoil: Callable[[dict[str, Any], Shell], str]
) -> None:
    commit = put_payloads(pair.alex)
    document = genuine(pair.alex)
    # It has a payload in common with the next push, so it looks like a good parent.
    bad = {**document["payloads"][0], "path": "zzz", "object": spoil(document, pair.hub)}
    document["payloads"].append(bad)
    document["objects"] = kept_by_snapshot(document)
    document["created"] = "2099-01-01T00:00:00.000000Z"
    plant(pair.hub, json.dumps(document).encode(), commit)
    share_another(pair.alex)
    pair.hub.git("fsck", "--strict")
    ignacio = pair.clone()
    assert "another" in [told["message"] for told in experiments(ignacio)]
    (new,) = [told["id"] for told in experiments(ignacio) if told["message"] == "another"]
    datmo(ignacio, "checkout", new)
    assert (Path(ignacio.cwd) / "data" / "x").read_text() == "changed"
