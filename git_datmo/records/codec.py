"""Encode records as JSON documents and decode them.

`record.schema.json` defines valid records.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, cast

from git_datmo.errors import Damaged
from git_datmo.model import Content, Oid, Payload
from git_datmo.records.contents import known_objects, list_objects
from git_datmo.records.record_fields import decode_content, decode_fields
from git_datmo.records.record_registry import Record, find_kind
from git_datmo.records.record_values import LATER, MORE, KeptObject, Person, Value

VERSION = 1
_ALWAYS = object()
SIZE_LIMIT = 16 << 20
# Surrogates, with which Python represents undecodable bytes of a command line.
_HALF = re.compile("[\ud800-\udfff]")
_NOT_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode(record: Record) -> bytes:
    """Return the canonical encoding of a record.

    It is UTF-8 with sorted keys, an indent of 1 and a final newline.
    """
    document = to_document(record)
    return (
        json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
        + b"\n"
    )


def to_document(record: Record) -> dict[str, Any]:
    """Return a record as the JSON object that `show --json` prints, without its id."""
    return {
        "version": VERSION,
        "kind": record.kind,
        **_plain_fields(record),
        "objects": [{"name": kept.name, **_plain(kept.content)} for kept in list_objects(record)],
    }


def _plain_fields(value: Any) -> dict[str, Any]:
    """Return the keys of a record or of a part of it.

    Omit an optional later key if it has its default value.
    """
    every = ((f, getattr(value, f.name)) for f in fields(value) if MORE not in f.metadata)
    return {f.name: _plain(item) for f, item in every if item != f.metadata.get(LATER, _ALWAYS)}


def _plain(value: object) -> Any:
    """Return a value as plain JSON data.

    Surrogates become U+FFFD, and numbers that are not finite become their names.
    """
    if isinstance(value, Oid):
        return str(value)
    if isinstance(value, Payload):
        return {"path": value.path, "role": str(value.role), **_plain(value.content)}
    if isinstance(value, Content):
        return {
            "object": str(value.object),
            "form": str(value.form),
            "size": value.size,
            "files": value.files,
        }
    if isinstance(value, Mapping):
        return {_HALF.sub("\ufffd", name): _plain(item) for name, item in value.items()}
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return _plain_fields(value)
    if isinstance(value, float) and not math.isfinite(value):
        # NaN is not equal to itself, so texts are compared.
        return next(name for name, number in _NOT_NUMBERS.items() if repr(number) == repr(value))
    return value


def number(value: Value | None) -> float | None:
    """Return a parameter or metric as a number, or None if it is not a number.

    An integer too large for a float becomes infinite.
    """
    if isinstance(value, str):
        return _NOT_NUMBERS.get(value)
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def decode(raw: bytes, *, checked: bool = False) -> Record:
    """Return the record that `raw` encodes. Raises `Damaged` for invalid input.

    A document with all common keys but a kind that this version does not know becomes an `Unknown`.
    `checked` skips the schema check for bytes that were validated before, since compiling the
    schema takes longer than most commands.
    """
    # The limit applies before parsing, which takes many times the memory of the text.
    if len(raw) > SIZE_LIMIT:
        raise Damaged("a record is larger than any record may be")
    try:
        record = _decode_record(json.loads(raw.decode())) if checked else _read(raw)
    except (ValueError, RecursionError) as error:
        # fastjsonschema raises a ValueError; the first line of its message names the key.
        raise Damaged(
            f"not a record that this version reads: {str(error).splitlines()[0][:200]}"
        ) from error
    if not checked and len({len(named) for named in object_ids(record)}) > 1:
        raise Damaged("a record names objects of two object formats")
    return record


def _read(raw: bytes) -> Record:
    """Parse and validate the document `raw`.

    Raises `ValueError` or `Damaged` if it is not a valid record.
    """
    document = json.loads(
        raw.decode(),
        parse_constant=_refuse,
        parse_float=_finite,
        parse_int=_whole,
        object_pairs_hook=_unique,
    )
    if b"\\u" in raw:
        # An escape may encode a surrogate, which is not text.
        json.dumps(document, ensure_ascii=False).encode()
    _validator()(document)
    find_kind(document["kind"]).check(document)
    return _decode_record(document)


def _decode_record(document: dict[str, Any]) -> Record:
    """Return the record of a document that was validated before.

    Raises `Damaged` if its `objects` list is missing an object that its keys name.
    """
    kind = find_kind(document["kind"])
    changed = {
        "commit": Oid.parse(document["commit"]),
        "author": decode_fields(Person, document["author"], {}),
        **kind.decode(document),
    }
    record = cast("Record", decode_fields(kind.made, document, changed))
    listed = _kept_objects(document)
    known = set(known_objects(record))
    if not known <= set(listed):
        raise Damaged("a record names objects that are missing from its list of objects")
    more = [kept for kept in listed if kept not in known]
    more.sort(key=lambda kept: kept.name)
    return replace(record, more=tuple(more)) if more else record


def _kept_objects(document: Mapping[str, Any]) -> list[KeptObject]:
    """Return the list of objects. Raises `Damaged` if two objects have the same name."""
    listed = [KeptObject(entry["name"], decode_content(entry)) for entry in document["objects"]]
    if len({kept.name for kept in listed}) != len(listed):
        raise Damaged("a record keeps two objects by one name")
    return listed


def _refuse(name: str) -> float:
    """Raise `ValueError` for a number that JSON does not allow."""
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """Return the number that `text` encodes. Raises `ValueError` unless it is finite."""
    value = float(text)
    return value if math.isfinite(value) else _refuse(text[:40])


def _whole(text: str) -> int:
    """Return the integer that `text` encodes.

    Raises `ValueError` if it is too large for a float.
    """
    # More than 309 digits are refused before `int`, whose time grows with the square of the length.
    _finite(text)
    return int(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object with these keys. Raises `ValueError` if a key occurs twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def object_ids(record: Record) -> Iterator[Oid]:
    """Yield every object id that a record names."""
    yield record.commit
    yield from (kept.content.object for kept in list_objects(record))
    kind = find_kind(record.kind)
    yield from kind.about(record)
    yield from kind.other_ids(record)


@cache
def _validator() -> Callable[[object], object]:
    """Return the schema validator, which raises `ValueError` for an invalid document."""
    from importlib import resources

    import fastjsonschema

    text = resources.files("git_datmo.records").joinpath("record.schema.json").read_text("utf-8")
    return cast(
        "Callable[[object], object]", fastjsonschema.compile(json.loads(text), use_default=False)
    )
