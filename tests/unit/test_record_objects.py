"""Test the list of objects of every record, also of unknown kinds and keys."""

from __future__ import annotations

import json

import pytest

from git_datmo.errors import Damaged
from git_datmo.model import SHA1, Form
from git_datmo.records import codec
from git_datmo.records.catalog import NEWER, make_row
from git_datmo.records.contents import list_objects
from git_datmo.records.notes import make_line
from git_datmo.records.unknown_record import Unknown
from git_datmo.remotes.keep_commits import keep_entries
from tests.support.vector_ids import RECORD_LINES, record_bytes

LATER = {"name": "series", "object": "7" * 40, "form": "folder", "size": 10, "files": 2}
ID = SHA1.hash("blob", b"")


def altered(kind: str, **changes: object) -> bytes:
    return json.dumps({**json.loads(record_bytes(kind)), **changes}).encode()


def test_record_of_unknown_kind_keeps_its_objects() -> None:
    record = codec.decode(record_bytes("newer"))
    assert isinstance(record, Unknown)
    assert [(kept.name, kept.content.form) for kept in list_objects(record)] == [
        ("series", Form.FOLDER),
        ("table", Form.FILE),
    ]
    assert [kept.path for kept in keep_entries(record)] == [":series", ":table"]
    row = make_row(ID, record)
    assert (row.kind, row.keeps, row.is_data) == (f"{NEWER}forecast", "1", False)
    assert make_line(ID, record).summary == "made by a newer git-datmo"


@pytest.mark.parametrize("kind", RECORD_LINES)
def test_object_of_unknown_key_is_kept_and_written_back(kind: str) -> None:
    objects = [*json.loads(record_bytes(kind))["objects"], LATER]
    record = codec.decode(altered(kind, objects=objects))
    assert LATER["name"] in [kept.name for kept in list_objects(record)]
    assert LATER in json.loads(codec.encode(record))["objects"]


@pytest.mark.parametrize("kind", ["snapshot", "image"])
def test_record_whose_list_lacks_a_named_object_is_damaged(kind: str) -> None:
    objects = json.loads(record_bytes(kind))["objects"]
    with pytest.raises(Damaged, match="missing from its list of objects"):
        codec.decode(altered(kind, objects=objects[1:]))


def test_record_with_one_name_twice_is_damaged() -> None:
    with pytest.raises(Damaged, match="by one name"):
        codec.decode(altered("drop", objects=[LATER, {**LATER, "size": 11}]))


@pytest.mark.parametrize("name", ["", "../x", ".git", "A", "a" * 101, "-a", "a/b", "a\n"])
def test_record_with_an_unsafe_name_is_damaged(name: str) -> None:
    with pytest.raises(Damaged):
        codec.decode(altered("drop", objects=[{**LATER, "name": name}]))


def test_record_without_list_of_objects_is_damaged() -> None:
    document = json.loads(record_bytes("drop"))
    del document["objects"]
    with pytest.raises(Damaged):
        codec.decode(json.dumps(document).encode())
