"""Test that zlib reads back the bytes of a pack entry for every compression choice."""

from __future__ import annotations

import random
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.git.deflate import STORED_LIMIT, BrokenStream, deflate, inflate, stored, unstored

EDGES = [
    0,
    1,
    255,
    256,
    257,
    3072,
    3073,
    *(n * STORED_LIMIT + d for n in (1, 2, 3) for d in (-1, 0, 1)),
]

# Text, noise, and both: these decide between a stored and a compressed stream.
contents = st.builds(
    lambda seed, noise, text: random.Random(seed).randbytes(noise) + b"0.125 " * text,
    st.integers(0, 99),
    st.sampled_from(EDGES) | st.integers(0, 1 << 18),
    st.integers(0, 1 << 12),
)


@given(contents | st.binary())
def test_zlib_reads_what_is_deflated(content: bytes) -> None:
    for given_as in (content, memoryview(content)):
        assert zlib.decompress(b"".join(deflate(given_as))) == content
        assert zlib.decompress(b"".join(stored(given_as))) == content


@given(contents)
def test_stream_is_hardly_longer_than_its_content(content: bytes) -> None:
    """Check the bound on which the reader relies when it searches the end of a stream."""
    assert sum(map(len, deflate(content))) <= len(content) + len(content) // 1000 + 1024


@pytest.mark.parametrize("size", EDGES)
def test_stored_blocks_are_cut_at_their_limit(size: int) -> None:
    content = bytes(size)
    parts = stored(content)
    assert zlib.decompress(b"".join(parts)) == content
    assert len(parts) == 2 + 2 * max(1, -(-size // STORED_LIMIT))


@given(contents | st.binary(), st.binary(max_size=40))
def test_content_is_found_where_it_is_stored(content: bytes, behind: bytes) -> None:
    stream = b"".join(stored(content))
    places = unstored(memoryview(stream + behind), len(content))
    assert places is not None
    assert b"".join(stream[start:end] for start, end in places) == content


@given(contents | st.binary(), st.sampled_from([0, 1, 6, 9]))
def test_stream_of_others_is_read_where_it_is_stored_or_left_alone(
    content: bytes, level: int
) -> None:
    stream = zlib.compress(content, level)
    places = unstored(memoryview(stream), len(content))
    if places is not None:
        assert b"".join(stream[start:end] for start, end in places) == content


@given(st.binary(min_size=1), st.data())
def test_damaged_stored_stream_is_broken_or_another_kind(
    content: bytes, data: st.DataObject
) -> None:
    stream = bytearray(b"".join(stored(content)))
    place = data.draw(st.integers(0, len(stream) - 1))
    stream[place] ^= data.draw(st.integers(1, 255))
    with suppress(BrokenStream, IndexError):
        places = unstored(memoryview(stream), len(content))
        assert places is None or b"".join(stream[start:end] for start, end in places) == content


def test_noise_is_stored_as_it_is_and_text_is_compressed() -> None:
    noise, text = random.Random(1).randbytes(1 << 16), b"0.125 " * 10_000
    assert sum(map(len, deflate(noise))) > len(noise)
    assert sum(map(len, deflate(text))) < len(text) // 10


@given(contents | st.binary(), st.sampled_from([0, 1, 6, 9]), st.binary(max_size=40))
def test_zlib_stream_is_read_up_to_its_end(content: bytes, level: int, behind: bytes) -> None:
    assert inflate(zlib.compress(content, level) + behind, len(content)) == content


@given(st.binary(), st.integers(-2, 2).filter(bool))
def test_stream_of_another_length_is_broken(content: bytes, off: int) -> None:
    with pytest.raises(BrokenStream):
        inflate(b"".join(deflate(content)), max(0, len(content) + off) if content else 1)


@given(st.binary(min_size=1), st.data())
def test_damaged_zlib_stream_is_refused_or_equal(content: bytes, data: st.DataObject) -> None:
    stream = bytearray(b"".join(deflate(content)))
    place = data.draw(st.integers(0, len(stream) - 1))
    stream[place] ^= data.draw(st.integers(1, 255))
    with suppress(BrokenStream):
        assert inflate(bytes(stream), len(content)) == content


@given(st.binary(min_size=1), st.data())
def test_stream_that_is_cut_off_is_broken(content: bytes, data: st.DataObject) -> None:
    stream = b"".join(deflate(content))
    with pytest.raises(BrokenStream):
        inflate(stream[: data.draw(st.integers(0, len(stream) - 1))], len(content))


@given(st.binary(max_size=200), st.integers(0, 1000))
def test_garbage_as_zlib_stream_is_refused(garbage: bytes, size: int) -> None:
    with suppress(BrokenStream):
        assert inflate(garbage, size) == zlib.decompressobj().decompress(garbage)
