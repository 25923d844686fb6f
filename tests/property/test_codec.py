"""Test that records and their JSON are exact inverses, or damaged."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.cli.console import Console
from git_datmo.cli.render import snapshot_details
from git_datmo.cli.verdicts import verdict_lines
from git_datmo.errors import Damaged
from git_datmo.history.experiments import Found
from git_datmo.model import SHA1, Oid
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.codec import SIZE_LIMIT, decode, encode, number, to_document
from git_datmo.records.notes import make_line
from git_datmo.records.receipt_record import Receipt, ReceiptDifference
from git_datmo.records.record_registry import Record
from git_datmo.records.record_values import LATER, Person
from git_datmo.records.snapshot_record import Curve, Run, Snapshot
from tests.support.record_strategies import records, records_in, texts, values

AUTHOR = Person("A", "a@b")
PLAIN = Annotation(
    SHA1.hash("blob", b""),
    SHA1.hash("commit", b""),
    "2024-05-01T12:00:00.000000Z",
    AUTHOR,
    "text",
)


def sayable(item: Any) -> Any:
    """Return a record with the numbers that JSON does not have, given by their names as they are read
    back."""
    if isinstance(item, float) and not math.isfinite(item):
        return "NaN" if math.isnan(item) else "Infinity" if item > 0 else "-Infinity"
    if is_dataclass(item) and not isinstance(item, type):
        return type(item)(**{f.name: sayable(getattr(item, f.name)) for f in fields(item)})
    if isinstance(item, dict):
        return {key: sayable(value) for key, value in item.items()}
    if isinstance(item, tuple):
        return tuple(map(sayable, item))
    return item


def types_of(item: Any) -> Any:
    """Return the types within a value, since `==` treats 1, 1.0 and True as equal."""
    if is_dataclass(item) and not isinstance(item, type):
        return {f.name: types_of(getattr(item, f.name)) for f in fields(item)}
    if isinstance(item, dict):
        return {key: types_of(value) for key, value in item.items()}
    return tuple(map(types_of, item)) if isinstance(item, tuple) else type(item)


@given(records())
def test_record_is_decoded_to_what_was_encoded(record: Record) -> None:
    read = decode(encode(record))
    assert read == sayable(record)
    assert types_of(read) == types_of(sayable(record))
    assert encode(read) == encode(record), "an id is the same wherever the record was written anew"


@given(records())
def test_record_that_was_checked_before_reads_alike(record: Record) -> None:
    raw = encode(record)
    assert decode(raw, checked=True) == decode(raw)


@given(records())
def test_record_is_json_of_one_spelling(record: Record) -> None:
    raw = encode(record)
    document = json.loads(raw.decode("utf-8"), parse_constant=pytest.fail)
    assert document == to_document(record)
    assert (
        raw == json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    )


@given(values)
def test_value_keeps_its_number(value: bool | float | str) -> None:
    there = number(sayable(value))
    if isinstance(value, float):
        assert there == value or (there is not None and math.isnan(there) and math.isnan(value))
    elif isinstance(value, bool) or (
        isinstance(value, str) and value not in ("NaN", "Infinity", "-Infinity")
    ):
        assert there is None


@pytest.mark.parametrize(
    "value", [10**400, -(10**400), "NaN", "1", "", None, True], ids=lambda v: str(v)[:9]
)
def test_figure_of_record_is_a_number_or_none(
    value: bool | float | str | None,
) -> None:
    """Accept whole numbers beyond the range of floating point numbers."""
    assert number(value) is None or isinstance(number(value), float)


def objects_of(document: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document whose keys belong to the format."""
    free = {"parameters", "metrics", "machine", "resources", "engine", "tolerances", "durations"}
    if isinstance(document, dict):
        yield document
        for key, value in document.items():
            if key == "curves":
                yield from value.values()
            elif not (key in free | {"sources"} and isinstance(value, dict)):
                yield from objects_of(value)
    elif isinstance(document, list):
        for value in document:
            yield from objects_of(value)


later = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map("x-{}".format)


@given(
    records(),
    st.dictionaries(
        later, st.none() | st.integers() | texts | st.lists(texts, max_size=2), max_size=3
    ),
)
def test_keys_of_a_later_writer_are_passed_over(record: Record, more: dict[str, Any]) -> None:
    document = json.loads(encode(record))
    for inner in list(objects_of(document)):
        inner.update(more)
    assert decode(json.dumps(document).encode()) == sayable(record)


def later_keys(inner: dict[str, Any]) -> set[str]:
    """Return the keys added after the first version of the format; without them, an object is
    valid."""
    made = [each for each in get_args(Record) if "version" in inner and inner["kind"] == each.kind]
    parts = {"same": ReceiptDifference, "command": Run, "points": Curve}
    every = [*made, *(part for key, part in parts.items() if key in inner)]
    return {f.name for each in every for f in fields(each) if LATER in f.metadata}


@given(records(), st.data())
def test_record_without_a_key_is_damaged(record: Record, data: st.DataObject) -> None:
    document = json.loads(encode(record))
    inner = data.draw(st.sampled_from(list(objects_of(document))))
    del inner[data.draw(st.sampled_from(sorted(inner.keys() - later_keys(inner))))]
    with pytest.raises(Damaged) as caught:
        decode(json.dumps(document).encode())
    assert "\n" not in caught.value.what


@given(records())
def test_record_without_later_keys_has_their_defaults(record: Record) -> None:
    document = json.loads(encode(record))
    for inner in list(objects_of(document)):
        for key in later_keys(inner) & inner.keys():
            del inner[key]
    raw = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    assert encode(decode(raw)) == raw, "its id stays"


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every position in a document that can hold a value."""
    items = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in items:
        yield document, key
        yield from places(value)


ODD = [
    [],
    {},
    [[]],
    {"a": {}},
    -1,
    1.0,
    1e300,
    10**400,
    "../x",
    "/x",
    ".git",
    "\ud800",
    "\udcff",
    "0" * 40,
]
strange = st.sampled_from(ODD) | st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)


@given(records(), st.data())
def test_record_with_a_strange_value_is_damaged_or_can_be_used(
    record: Record, data: st.DataObject
) -> None:
    """Check that every decoded record can be encoded, noted and shown."""
    document = json.loads(encode(record))
    for _ in range(data.draw(st.integers(1, 2))):
        where, key = data.draw(st.sampled_from(list(places(document))))
        where[key] = data.draw(strange)
    with suppress(Damaged):
        read = decode(json.dumps(document).encode())
        assert decode(encode(read)) == read
        use(read)


def use(record: Record) -> None:
    oid = SHA1.hash("blob", b"")
    f"{make_line(oid, record)}\n".encode()
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="surrogateescape")
    console = Console({}, Path.cwd(), out, io.StringIO())
    if isinstance(record, Snapshot):
        for line in snapshot_details(Found(oid, record, record.commit, "note"), (), (), console):
            console.print(line)
        for payload in record.payloads:
            assert isinstance(payload.content.size, int)
            assert isinstance(payload.content.files, int)
    if isinstance(record, Receipt):
        for line in verdict_lines(record, console):
            console.print(line)
    out.flush()


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.sampled_from([b"", b"{}", b"[]", b"null", b"\xef\xbb\xbf{}"])
)
def test_garbage_as_record_raises_damaged(raw: bytes) -> None:
    with pytest.raises(Damaged) as caught:
        decode(raw)
    assert len(caught.value.what.splitlines()) == 1


@given(records_in(SHA1), st.data())
def test_record_that_is_cut_or_changed_is_damaged_or_a_record(
    record: Record, data: st.DataObject
) -> None:
    raw = bytearray(encode(record))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place : place + data.draw(st.sampled_from([0, 1, len(raw)]))] = data.draw(
        st.binary(max_size=3)
    )
    with suppress(Damaged):
        use(decode(bytes(raw)))


def altered(**changes: object) -> bytes:
    return json.dumps({**json.loads(encode(PLAIN)), **changes}).encode()


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(altered(version=2), id="another version"),
        pytest.param(altered(version=True), id="a version that is no number"),
        pytest.param(altered(kind="Wish"), id="a kind with a capital letter"),
        pytest.param(altered(commit="0" * 39), id="a short id"),
        pytest.param(altered(commit="0" * 40 + "\n"), id="a line end behind an id"),
        pytest.param(altered(commit="A" * 40), id="an id in upper case"),
        pytest.param(altered(created="2024-05-01 12:00:00Z"), id="another spelling of the time"),
        pytest.param(altered(created="2024-05-01T12:00:00Z\n"), id="a line end behind the time"),
        pytest.param(altered(author={"name": "A", "email": None}), id="a person without mail"),
        pytest.param(altered(message="\ud800"), id="half a letter"),
        pytest.param(encode(PLAIN).replace(b'"text"', b"NaN"), id="NaN"),
        pytest.param(
            encode(PLAIN).replace(b'"message"', b'"version": 1, "message"'), id="a key twice"
        ),
        pytest.param(encode(PLAIN) + b"{}", id="something behind it"),
        pytest.param(encode(PLAIN).decode().encode("utf-16"), id="another encoding"),
        pytest.param(encode(PLAIN).replace(b"text", b"\xff"), id="bytes that are no text"),
        pytest.param(b" " * SIZE_LIMIT + b"{}", id="too large"),
        pytest.param(DEEP, id="too deep"),
        pytest.param(b"9" * 10_000, id="a number of ten thousand digits"),
        pytest.param(b"[" * 200_000, id="brackets alone"),
    ],
)
def test_invalid_record_raises_damaged(raw: bytes) -> None:
    assert decode(encode(PLAIN)) == PLAIN
    with pytest.raises(Damaged) as caught:
        decode(raw)
    assert len(caught.value.what.splitlines()) == 1
    assert len(caught.value.what) < 400


def test_ids_of_another_format_than_the_records_own_are_damaged() -> None:
    """Check that a record of a SHA-256 repository names no SHA-1 object, which could not be
    found."""
    mixed = Annotation(SHA1.hash("blob", b""), Oid(bytes(32)), PLAIN.created, AUTHOR, "")
    with pytest.raises(Damaged):
        decode(encode(mixed))
