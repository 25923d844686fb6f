"""Encode records as JSON documents and decode them.

`record.schema.json` defines valid records.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from itertools import pairwise
from operator import itemgetter
from typing import Any, cast

from git_datmo.errors import Damaged
from git_datmo.git.safe_paths import check_path
from git_datmo.model import Content, Form, Oid, Payload, Role
from git_datmo.records.contents import known_objects, list_objects
from git_datmo.records.types import (
    LATER,
    MORE,
    Annotation,
    Cause,
    Drop,
    Image,
    KeptObject,
    KnownRecord,
    Person,
    Read,
    Receipt,
    ReceiptDifference,
    Record,
    Run,
    Snapshot,
    Unknown,
    Value,
)

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
    if isinstance(value, Run | Read | Person | ReceiptDifference | Cause):
        return _plain_fields(value)
    if isinstance(value, Mapping):
        return {_HALF.sub("\ufffd", name): _plain(item) for name, item in value.items()}
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
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
    if len(raw) > SIZE_LIMIT:
        raise Damaged("a record is larger than any record may be")
    try:
        record = _build(json.loads(raw.decode())) if checked else _read(raw)
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
    if document["kind"] not in _BUILD:
        return _unknown(document)
    if document["kind"] == Snapshot.kind:
        _check_paths(document)
    return _known_record(document)


def _build(document: dict[str, Any]) -> Record:
    """Return the record of a document that was validated before."""
    return _known_record(document) if document["kind"] in _BUILD else _unknown(document)


def _known_record(document: dict[str, Any]) -> Record:
    """Return a record of a known kind.

    Raises `Damaged` if its `objects` list is missing an object that its keys name.
    """
    record = _BUILD[document["kind"]](document)
    listed = _kept_objects(document)
    known = set(known_objects(record))
    if not known <= set(listed):
        raise Damaged("a record names objects that its list of objects lacks")
    more = tuple(kept for kept in listed if kept not in known)
    return replace(record, more=more) if more else record


def _kept_objects(document: Mapping[str, Any]) -> list[KeptObject]:
    """Return the list of objects. Raises `Damaged` if two objects have the same name."""
    listed = [
        KeptObject(entry["name"], cast("Content", _content(entry))) for entry in document["objects"]
    ]
    if len({kept.name for kept in listed}) != len(listed):
        raise Damaged("a record keeps two objects by one name")
    return listed


def _unknown(document: dict[str, Any]) -> Record:
    """Return an `Unknown` with the keys that every record has."""
    return Unknown(
        document["kind"],
        Oid.parse(document["commit"]),
        document["created"],
        _known(Person, document["author"], {}),
        tuple(sorted(_kept_objects(document), key=lambda kept: kept.name)),
    )


def _check_paths(snapshot: Mapping[str, Any]) -> None:
    """Raise `Damaged` if a path of a snapshot is invalid.

    A path is invalid if it is unsafe. A payload must not occur twice or inside another.
    """
    run = snapshot["run"]
    of_run = (run["inputs"], run.get("tracked", [])) if run else ()
    for payloads in (snapshot["payloads"], *of_run):
        for entry in payloads:
            check_path(entry["path"])
        paths = sorted(entry["path"] + "/" for entry in payloads)
        if any(path.startswith(before) for before, path in pairwise(paths)):
            raise Damaged("a record names a payload twice, or one within another")
    if run:
        read = (run.get("read") or {}).get("paths", ())
        for path in (
            *run["outputs"],
            *run.get("unseen", ()),
            *read,
            *filter(None, [run["folder"]]),
        ):
            check_path(path)


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
    match record:
        case Snapshot():
            yield from (record.tree, *record.parents)
        case Receipt() | Image():
            yield record.snapshot
        case Annotation():
            yield record.record
        case Drop():
            yield from record.records


@cache
def _validator() -> Callable[[object], object]:
    """Return the schema validator, which raises `ValueError` for an invalid document."""
    from importlib import resources

    import fastjsonschema

    text = resources.files("git_datmo.records").joinpath("record.schema.json").read_text("utf-8")
    return cast(
        "Callable[[object], object]", fastjsonschema.compile(json.loads(text), use_default=False)
    )


def _known(made: Any, raw: Mapping[str, Any], changed: Mapping[str, Any]) -> Any:
    """Return an instance of the dataclass `made`; ignore keys of a later version."""
    in_order, later = _keys(made)
    return made(*in_order({**later, **raw, **changed}))


@cache
def _keys(made: Any) -> tuple[Callable[[Mapping[str, Any]], tuple[Any, ...]], Mapping[str, Any]]:
    """Return a getter for the fields of a dataclass.

    The second value has the defaults of the fields that were added later.
    """
    keys = [f for f in fields(made) if MORE not in f.metadata]
    return itemgetter(*(f.name for f in keys)), {
        f.name: f.metadata[LATER] for f in keys if LATER in f.metadata
    }


def _content(raw: dict[str, Any] | None) -> Content | None:
    """Return the content in a document, or None."""
    return (
        None
        if raw is None
        else Content(Oid.parse(raw["object"]), Form(raw["form"]), raw["size"], raw["files"])
    )


def _payloads(raw: list[dict[str, Any]]) -> tuple[Payload, ...]:
    """Return the payloads in a document."""
    return tuple(Payload(e["path"], Role(e["role"]), cast("Content", _content(e))) for e in raw)


def _run(raw: dict[str, Any] | None) -> Run | None:
    """Return the run in a document, or None."""
    if raw is None:
        return None
    changed = {
        "command": tuple(raw["command"]),
        "inputs": _payloads(raw["inputs"]),
        "outputs": tuple(raw["outputs"]),
        "log": _content(raw["log"]),
        "read": _run_read(raw.get("read")),
        "tracked": _payloads(raw.get("tracked", [])),
        "unseen": tuple(raw.get("unseen", ())),
    }
    return cast("Run", _known(Run, raw, changed))


def _run_read(raw: dict[str, Any] | None) -> Read | None:
    """Return the files that a run read, or None."""
    return (
        None if raw is None else Read(raw["complete"], tuple(raw["paths"]), tuple(raw["outside"]))
    )


def _record(made: type[KnownRecord], raw: dict[str, Any], **changed: Any) -> KnownRecord:
    """Return a record with the common keys and `changed`."""
    author = _known(Person, raw["author"], {})
    return cast(
        "KnownRecord",
        _known(made, raw, {"commit": Oid.parse(raw["commit"]), "author": author, **changed}),
    )


def _snapshot(raw: dict[str, Any]) -> KnownRecord:
    return _record(
        Snapshot,
        raw,
        tree=Oid.parse(raw["tree"]),
        payloads=_payloads(raw["payloads"]),
        code=_content(raw["code"]),
        environment=_content(raw["environment"]),
        run=_run(raw["run"]),
        parents=tuple(map(Oid.parse, raw.get("parents", ()))),
    )


def _receipt(raw: dict[str, Any]) -> KnownRecord:
    metrics, outputs = (
        tuple(_known(ReceiptDifference, entry, {}) for entry in raw[key])
        for key in ("metrics", "outputs")
    )
    causes = tuple(_known(Cause, entry, {}) for entry in raw.get("causes", ()))
    snapshot = Oid.parse(raw["snapshot"])
    return _record(Receipt, raw, metrics=metrics, outputs=outputs, snapshot=snapshot, causes=causes)


def _image(raw: dict[str, Any]) -> KnownRecord:
    return _record(
        Image, raw, snapshot=Oid.parse(raw["snapshot"]), content=_content(raw["content"])
    )


def _annotation(raw: dict[str, Any]) -> KnownRecord:
    return _record(Annotation, raw, record=Oid.parse(raw["record"]))


def _drop(raw: dict[str, Any]) -> KnownRecord:
    return _record(Drop, raw, records=tuple(map(Oid.parse, raw["records"])))


_BUILD: dict[str, Callable[[dict[str, Any]], KnownRecord]] = {
    "snapshot": _snapshot,
    "receipt": _receipt,
    "image": _image,
    "annotation": _annotation,
    "drop": _drop,
}
