"""Test that a push's packets are read exactly, and answered as a receiving side answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_remote_datmo.packets import (
    BAND,
    FLUSH,
    Block,
    BlockReader,
    Update,
    advertised,
    packet,
    parse_push,
    report,
)

ZERO, ONE, TWO = "0" * 40, "1" * 40, "2" * 40
CONTENTS = st.lists(st.binary(max_size=300), max_size=5)


def reading(data: bytes, step: int = 1 << 16) -> Callable[[int], bytes]:
    """Return a source that gives `data` in steps."""
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    return lambda _: pieces.pop(0) if pieces else b""


@given(CONTENTS, st.binary(max_size=20), st.integers(1, 400))
def test_block_ends_at_its_flush_packet(contents: list[bytes], behind: bytes, step: int) -> None:
    raw = b"".join(map(packet, contents)) + FLUSH
    reader = BlockReader(reading(raw + behind, step))
    assert reader.block() == Block(raw, tuple(contents), complete=True)
    left = bytearray(reader.rest())
    while data := reader._read(1):
        left += data
    assert bytes(left) == behind


@given(
    CONTENTS, st.sampled_from([b"", b"00", b"0009ab", b"0003", b"Welcome to the host\n", b"zzzz"])
)
def test_incomplete_packet_is_returned_unchanged(contents: list[bytes], end: bytes) -> None:
    raw = b"".join(map(packet, contents)) + end
    assert BlockReader(reading(raw)).block() == Block(raw, tuple(contents), complete=False)


@pytest.mark.parametrize("size", [40, 64])
def test_advertisement_is_its_refs(size: int) -> None:
    oid = "ab" * (size // 2)
    lines = [b"version 1\n", b"%s refs/heads/a\0report-status agent=git/2\n" % oid.encode()]
    lines += [
        b"%s .have\n" % oid.encode(),
        b"%s refs/notes/datmo\n" % oid.encode(),
        b"shallow %s\n" % oid.encode(),
    ]
    assert advertised(Block(b"", tuple(lines), complete=True)) == {
        "refs/heads/a": oid,
        "refs/notes/datmo": oid,
    }
    nothing = Block(b"", (b"%s capabilities^{}\0report-status\n" % (b"0" * size),), complete=True)
    assert advertised(nothing) == {}


def test_push_is_its_updates_alone_or_in_a_certificate() -> None:
    lines = (
        b"shallow %s" % ONE.encode(),
        f"{ONE} {TWO} refs/heads/a\0 report-status atomic".encode(),
    )
    request = parse_push(
        Block(
            b"",
            (*lines, f"{TWO} {ZERO} refs/heads/\udcff".encode("utf-8", "surrogateescape")),
            complete=True,
        )
    )
    assert request.updates == (
        Update(ONE, TWO, "refs/heads/a"),
        Update(TWO, ZERO, "refs/heads/\udcff"),
    )
    assert [update.deletes for update in request.updates] == [False, True]
    assert request.capabilities == {b"report-status", b"atomic"}
    assert not request.signed
    signed = (
        b"push-cert\0report-status",
        b"pusher A <a@b> 1 +0000\n",
        b"\n",
        f"{ZERO} {ONE} refs/heads/a\n".encode(),
    )
    request = parse_push(
        Block(b"", (*signed, b"-----BEGIN PGP SIGNATURE-----\n", b"push-cert-end\n"), complete=True)
    )
    assert request.signed
    assert request.updates == (Update(ZERO, ONE, "refs/heads/a"),)
    assert request.updates[0].creates
    assert parse_push(Block(FLUSH, (), complete=True)).updates == ()


def test_answer_that_takes_no_ref_comes_in_the_band_that_was_asked_for() -> None:
    refused = {f"refs/heads/{number}": "not pushed" for number in range(3000)}
    plain = report(refused, frozenset({b"report-status"}))
    block = BlockReader(reading(plain)).block()
    assert block.packets[:2] == (b"unpack ok\n", b"ng refs/heads/0 not pushed\n")
    assert len(block.packets) == 3001
    banded = BlockReader(reading(report(refused, frozenset({b"side-band-64k"})))).block()
    assert {content[:1] for content in banded.packets} == {b"\1"}
    assert max(map(len, banded.packets)) <= BAND + 1
    assert b"".join(content[1:] for content in banded.packets) == plain
