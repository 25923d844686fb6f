"""Test that damaged packs and loose objects are reported in one line."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from git_datmo.errors import Damaged
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import SHA1, Oid
from tests.support.pack_entries import entry


def pack_by_hand(folder: Path, entries: Mapping[Oid, bytes]) -> Path:
    """Return a SHA-1 pack with an index, made of arbitrary entries."""
    folder.mkdir(exist_ok=True)
    body, offsets = struct.pack(">4sII", b"PACK", 2, len(entries)), {}
    for oid, raw in entries.items():
        offsets[oid] = len(body)
        body += raw
    trailer = hashlib.sha1(body).digest()
    path = folder / f"pack-{trailer.hex()}.pack"
    path.write_bytes(body + trailer)
    ordered = sorted(offsets)
    fanout = [sum(oid[0] <= first for oid in ordered) for first in range(256)]
    index = b"\377tOc\0\0\0\2" + struct.pack(">256I", *fanout) + b"".join(ordered)
    index += (
        bytes(4 * len(ordered))
        + b"".join(struct.pack(">I", offsets[oid]) for oid in ordered)
        + trailer
    )
    path.with_suffix(".idx").write_bytes(index + hashlib.sha1(index).digest())
    return path


ONE, TWO, GONE = (SHA1.hash("blob", text) for text in (b"one", b"two", b"gone"))
WHOLE = entry(3, 3, zlib.compress(b"one"))
DELTA = zlib.compress(b"\x03\x03\x90\x03")

BROKEN: list[tuple[str, dict[Oid, bytes]]] = [
    ("a stream that is none", {ONE: entry(3, 3, b"no stream")}),
    ("a stream that is shorter than it says", {ONE: entry(3, 4, zlib.compress(b"one"))}),
    ("a stream that is longer than it says", {ONE: entry(3, 2, zlib.compress(b"one"))}),
    ("an entry of type 0", {ONE: entry(0, 3, zlib.compress(b"one"))}),
    ("an entry of type 5", {ONE: entry(5, 3, zlib.compress(b"one"))}),
    ("a delta without its base", {ONE: entry(7, 4, GONE + DELTA)}),
    ("a delta on itself", {ONE: entry(7, 4, ONE + DELTA)}),
    ("deltas in a circle", {ONE: entry(7, 4, TWO + DELTA), TWO: entry(7, 4, ONE + DELTA)}),
    ("a delta on what is before the pack", {ONE: entry(6, 4, b"\xff\xff\x7f" + DELTA)}),
    ("a delta on itself by offset", {ONE: entry(6, 4, b"\0" + DELTA)}),
    (
        "a delta for a base of another size",
        {TWO: WHOLE, ONE: entry(7, 4, TWO + zlib.compress(b"\x09\x03\x90\x03"))},
    ),
    (
        "a delta beyond its base",
        {TWO: WHOLE, ONE: entry(7, 4, TWO + zlib.compress(b"\x03\x09\x90\x09"))},
    ),
    (
        "a delta of a size that it does not make",
        {TWO: WHOLE, ONE: entry(7, 4, TWO + zlib.compress(b"\x03\x09\x90\x03"))},
    ),
    ("a delta that is cut off", {TWO: WHOLE, ONE: entry(7, 2, TWO + zlib.compress(b"\x03\x03"))}),
    ("a delta of nothing", {TWO: WHOLE, ONE: entry(7, 0, TWO + zlib.compress(b""))}),
    (
        "a delta with a reserved instruction",
        {TWO: WHOLE, ONE: entry(7, 3, TWO + zlib.compress(b"\x03\x03\x00"))},
    ),
    ("an entry that the pack cuts off", {ONE: b"\xb3"}),
]


@pytest.mark.parametrize("entries", [pytest.param(entries, id=what) for what, entries in BROKEN])
def test_broken_entry_is_reported_in_one_line(tmp_path: Path, entries: dict[Oid, bytes]) -> None:
    pack_by_hand(tmp_path / "pack", entries)
    packed = PackedObjects(tmp_path, SHA1)
    with pytest.raises(Damaged) as caught:
        packed.find(ONE)
    with pytest.raises(Damaged):
        packed.blob_into(ONE, memoryview(bytearray(1 << 16)))
    packed.close()
    assert len(caught.value.what.splitlines()) == 1
    assert ".pack'" in caught.value.what


def test_valid_entry_made_by_hand_is_read(tmp_path: Path) -> None:
    pack_by_hand(tmp_path / "pack", {TWO: WHOLE, ONE: entry(7, 4, TWO + DELTA)})
    packed = PackedObjects(tmp_path, SHA1)
    assert packed.find(ONE) == packed.find(TWO) == ("blob", b"one")
    packed.close()


def into_memory(packed: PackedObjects, oid: Oid) -> None:
    packed.blob_into(oid, memoryview(bytearray(1 << 16)))


def test_changed_byte_of_pack_is_reported_or_harmless(tmp_path: Path) -> None:
    """Change every byte: reading gives the content, or one line."""
    path = pack_by_hand(tmp_path / "pack", {TWO: WHOLE, ONE: entry(7, 4, TWO + DELTA)})
    sound = path.read_bytes()
    for place in range(len(sound)):
        for change in (0x01, 0x80, 0xFF):
            spoilt = bytearray(sound)
            spoilt[place] ^= change
            path.write_bytes(spoilt)
            packed = PackedObjects(tmp_path, SHA1)
            for oid in (ONE, TWO):
                for look in (packed.find, packed.size, packed.kind, partial(into_memory, packed)):
                    try:
                        look(oid)
                    except Damaged as error:
                        assert len(error.what.splitlines()) == 1  # noqa: PT017
            packed.close()


@pytest.mark.parametrize("size", [0, 1, 11, 12, 13, 20, 40])
def test_truncated_pack_is_reported_in_one_line(tmp_path: Path, size: int) -> None:
    path = pack_by_hand(tmp_path / "pack", {TWO: WHOLE, ONE: entry(7, 4, TWO + DELTA)})
    path.write_bytes(path.read_bytes()[:size])
    packed = PackedObjects(tmp_path, SHA1)
    with pytest.raises(Damaged):
        packed.find(ONE)
    packed.close()


SPOILT: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("nothing", lambda _: b""),
    ("another file", lambda _: b"text"),
    ("version 1", lambda raw: raw[8:]),
    ("the head alone", lambda raw: raw[:8]),
    ("a part of the table", lambda raw: raw[:500]),
    ("no ids", lambda raw: raw[:1032]),
    ("no offsets", lambda raw: raw[: 1032 + 2 * 24]),
    (
        "more ids than there are",
        lambda raw: raw[:8] + struct.pack(">256I", *[1 << 30] * 256) + raw[1032:],
    ),
    (
        "a table that falls",
        lambda raw: raw[:8] + struct.pack(">256I", *range(256, 0, -1)) + raw[1032:],
    ),
    (
        "offsets in a second table that is not there",
        lambda raw: raw[:-48] + b"\xff" * 8 + raw[-40:],
    ),
    ("offsets beyond the pack", lambda raw: raw[:-48] + b"\x7f\xff\xff\xff" * 2 + raw[-40:]),
]


@pytest.mark.parametrize("spoil", [pytest.param(spoil, id=what) for what, spoil in SPOILT])
def test_damaged_index_is_reported_in_one_line_or_hides_objects(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    index = pack_by_hand(
        tmp_path / "pack", {TWO: WHOLE, ONE: entry(7, 4, TWO + DELTA)}
    ).with_suffix(".idx")
    index.write_bytes(spoil(index.read_bytes()))
    packed = PackedObjects(tmp_path, SHA1)
    if packed.unreadable:
        assert packed.find(ONE) is None
        assert list(packed.unreadable) == [index]
        return
    with pytest.raises(Damaged) as caught:
        packed.find(ONE)
    assert len(caught.value.what.splitlines()) == 1


def test_objects_of_a_pack_that_is_gone_are_absent(tmp_path: Path) -> None:
    path = pack_by_hand(tmp_path / "pack", {TWO: WHOLE})
    path.unlink()
    packed = PackedObjects(tmp_path, SHA1)
    assert packed.find(TWO) is None
    assert packed.unreadable == {path.with_suffix(".idx"): "its pack is not there"}


@pytest.mark.parametrize(
    "raw", [b"", b"x", zlib.compress(b"blob 3\0one")[:-3], zlib.compress(b"blob")]
)
def test_damaged_loose_object_is_reported_in_one_line(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / str(ONE)[:2] / str(ONE)[2:]
    path.parent.mkdir()
    path.write_bytes(raw)
    with pytest.raises(Damaged, match=str(ONE)):
        PackedObjects(tmp_path, SHA1).find(ONE)
