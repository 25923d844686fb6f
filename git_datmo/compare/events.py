"""Compare TensorBoard event files: summaries by step and tag. Times do not count."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from git_datmo.compare.comparison import Comparison, Tally, UnreadableFile, list_names

NAME = "events.out.tfevents"
SIZE_LIMIT = 256 << 20

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Fields of Event, Summary.Value and TensorProto (tensorflow/core/util/event.proto,
# framework/summary.proto).
_STEP, _SUMMARY, _VALUE, _TAG, _SIMPLE, _TENSOR, _CONTENT, _FLOATS = 2, 5, 1, 1, 2, 8, 4, 5


def compare_events(recorded: Path, rerun: Path) -> Comparison:
    """Compare the values of two event files at each step and tag."""
    one, other = _read(recorded), _read(rerun)
    tally, odd = Tally(), list[str]()
    for key in sorted({*one, *other}):
        gap = _gap(one.get(key), other.get(key))
        tally.count(1, int(gap is not None), gap or 0.0, f"{key[1]} at step {key[0]}")
        if gap is not None:
            odd.append(f"{key[1]} at step {key[0]}")
    done = tally.conclude("values")
    return Comparison(f"{done.text}: {list_names(odd)}", done.off) if odd else done


def _gap(one: float | bytes | None, other: float | bytes | None) -> float | None:
    """Return the distance of two values: infinite unless both are numbers, None if equal."""
    if isinstance(one, float) and isinstance(other, float):
        same = one == other or (one != one and other != other)  # noqa: PLR0124  # NaN alone is not itself
        return None if same else abs(one - other)
    return None if one == other else float("inf")


def _read(path: Path) -> dict[tuple[int, str], float | bytes]:
    """Return the last value for each step and tag."""
    if path.stat().st_size > SIZE_LIMIT:
        raise UnreadableFile(f"it is larger than {SIZE_LIMIT >> 20} MiB")
    found: dict[tuple[int, str], float | bytes] = {}
    records = list(_records(path.read_bytes()))
    if not records:
        raise UnreadableFile("it has no events")
    for event in records:
        fields = list(_fields(event))
        step = next(
            (value for number, value in fields if number == _STEP and isinstance(value, int)), 0
        )
        for number, summary in fields:
            if number == _SUMMARY and isinstance(summary, bytes):
                found |= {(step, tag): value for tag, value in _summary(summary)}
    return found


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a TFRecord file: a length, its checksum, the record, its checksum."""
    place = 0
    while place + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        record = content[place + 12 : place + 12 + length]
        if len(record) < length:
            return  # cut off while it was written
        yield record
        place += 16 + length


def _summary(summary: bytes) -> Iterator[tuple[str, float | bytes]]:
    for number, value in _fields(summary):
        if number != _VALUE or not isinstance(value, bytes):
            continue
        fields = dict(_fields(value))
        tag = fields.get(_TAG, b"")
        if not isinstance(tag, bytes):
            raise UnreadableFile("a tag is no text")
        scalar = _number(fields)
        yield tag.decode("utf-8", "replace"), value if scalar is None else scalar


def _number(fields: dict[int, int | bytes]) -> float | None:
    """Return a summary's scalar: its own, or that of a tensor of one float."""
    simple = fields.get(_SIMPLE)
    if isinstance(simple, bytes) and len(simple) == 4:
        return float(struct.unpack("<f", simple)[0])
    tensor = fields.get(_TENSOR)
    inner = dict(_fields(tensor)) if isinstance(tensor, bytes) else {}
    for key in (_FLOATS, _CONTENT):
        packed = inner.get(key)
        if isinstance(packed, bytes) and len(packed) == 4:
            return float(struct.unpack("<f", packed)[0])
    return None


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a protocol buffer: integers as such, all others as bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _VARINT:
            number, place = _varint(message, place)
            yield key >> 3, number
            continue
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind)
        if length is None:
            if kind != _BYTES:
                raise UnreadableFile("it is no event file")
            length, place = _varint(message, place)
        if place + length > len(message):
            raise UnreadableFile("a field is cut off")
        yield key >> 3, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < 70:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise UnreadableFile("a number is cut off")
