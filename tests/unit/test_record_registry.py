"""Test that each registered record kind has its code, schema and page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from git_datmo.model import SHA1
from git_datmo.records import codec
from git_datmo.records.catalog import make_row
from git_datmo.records.contents import list_objects
from git_datmo.records.notes import make_line
from git_datmo.records.record_registry import KINDS, KnownRecord, Record, find_kind
from git_datmo.records.record_values import LATER, MORE
from git_datmo.records.unknown_record import UNKNOWN, Unknown

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs" / "FORMAT.md").read_text("utf-8")
SCHEMA = json.loads((TOP / "git_datmo" / "records" / "record.schema.json").read_text("utf-8"))
COMMON = {"commit", "created", "author"}
OID = {"$ref": "#/definitions/oid"}
ID = SHA1.hash("blob", b"")

each_kind = pytest.mark.parametrize("name", KINDS)


def sample(name: str) -> bytes:
    """Return the test vector of a kind."""
    return (TOP / "tests" / "golden" / "records" / f"{name}.json").read_bytes()


def schema_of(name: str) -> dict[str, Any]:
    """Return the part of the schema that describes the keys of a kind."""
    (found,) = (part for part in SCHEMA["oneOf"] if part["properties"]["kind"] == {"const": name})
    return found  # type: ignore[no-any-return]


def own_fields(name: str) -> dict[str, bool]:
    """Return the fields that only this kind has, each with whether every record has its key."""
    every = fields(find_kind(name).made)
    return {
        field.name: LATER not in field.metadata
        for field in every
        if MORE not in field.metadata and field.name not in COMMON
    }


def contents(document: Any) -> Iterator[str]:
    """Yield every object that a content or payload of a document names."""
    if isinstance(document, dict):
        if {"object", "form"} <= document.keys():
            yield document["object"]
        for value in document.values():
            yield from contents(value)
    elif isinstance(document, list):
        for value in document:
            yield from contents(value)


def test_registry_has_each_class_of_the_union() -> None:
    classes = [kind.made for kind in KINDS.values()]
    assert set(classes) == set(get_args(KnownRecord))
    assert {*classes, UNKNOWN.made} == set(get_args(Record))
    assert [kind.made.kind for kind in KINDS.values()] == list(KINDS)


@each_kind
def test_sample_of_kind_is_read_and_written_unchanged(name: str) -> None:
    record = codec.decode(sample(name))
    assert type(record) is find_kind(name).made
    assert codec.encode(record) == sample(name)
    assert codec.decode(sample(name), checked=True) == record


@each_kind
def test_record_of_kind_has_words_in_its_note_line(name: str) -> None:
    line = make_line(ID, codec.decode(sample(name)))
    assert line.kind == name
    assert line.summary not in ("", "made by a newer git-datmo")


@each_kind
def test_record_of_kind_lists_each_object_that_its_keys_name(name: str) -> None:
    document = json.loads(sample(name))
    del document["objects"]
    listed = {str(kept.content.object) for kept in list_objects(codec.decode(sample(name)))}
    assert listed == set(contents(document))


@each_kind
def test_ids_of_kind_are_checked_and_found_by_the_records_that_they_name(name: str) -> None:
    document = json.loads(sample(name))
    properties = schema_of(name)["properties"]
    single = {document[key] for key, part in properties.items() if part == OID}
    lists = [document.get(key, []) for key, part in properties.items() if part.get("items") == OID]
    named = single.union(*lists)
    record = codec.decode(sample(name))
    assert named <= set(map(str, codec.object_ids(record)))
    row = make_row(ID, record)
    assert named == {row.tree, *row.about, *row.parents} - {""}


@each_kind
def test_schema_has_the_keys_of_kind(name: str) -> None:
    part, own = schema_of(name), own_fields(name)
    assert part["properties"].keys() - {"kind"} == own.keys()
    assert set(part["required"]) == {key for key, always in own.items() if always}


def test_schema_leaves_other_kinds_to_later_versions() -> None:
    (later,) = (part for part in SCHEMA["oneOf"] if "const" not in part["properties"]["kind"])
    assert later["properties"]["kind"] == {"not": {"enum": list(KINDS)}}


@each_kind
def test_page_describes_the_keys_and_the_note_line_of_kind(name: str) -> None:
    rows = re.findall(rf"^\| (?:{name} \| )?(`[^|]*) \| [^|]+ \| .*$", PAGE, re.MULTILINE)
    described = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert own_fields(name).keys() <= described
    (kinds,) = re.findall(r"^\| `kind` \| string \| (.*?);", PAGE, re.MULTILINE)
    assert f"`{name}`" in kinds
    assert re.search(rf"^- {name}: ", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", ["newer", *KINDS])
def test_record_is_kept_by_a_version_that_does_not_know_its_kind(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = list_objects(codec.decode(sample(name)))
    monkeypatch.delitem(KINDS, json.loads(sample(name))["kind"], raising=False)
    record = codec.decode(sample(name), checked=True)
    assert isinstance(record, Unknown)
    assert list_objects(record) == known
    assert make_line(ID, record).summary == "made by a newer git-datmo"
