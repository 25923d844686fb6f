"""Test that the cuts of a file follow from its bytes alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import cycle, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyfastcdc import FastCDC

from git_datmo.objects import chunks
from git_datmo.objects.chunks import AVERAGE_SIZE, BLOCK, MAX_SIZE, MIN_SIZE, split

few = settings(max_examples=max(1, settings().max_examples // 8))


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def reader(content: bytes, sizes: list[int]) -> Callable[[memoryview], int]:
    """Deliver `content` in pieces of the given sizes, repeated, as a file may."""
    place, turn = 0, cycle(sizes)

    def readinto(view: memoryview) -> int:
        nonlocal place
        piece = content[place : place + min(next(turn), len(view))]
        view[: len(piece)] = piece
        place += len(piece)
        return len(piece)

    return readinto


def memory() -> memoryview:
    return memoryview(bytearray(chunks.BLOCK))


def cut(content: bytes, sizes: list[int] | None = None) -> list[bytes]:
    blocks = split(reader(content, sizes or [1 << 30]), memory)
    return [
        bytes(block.data[start:end])
        for block in blocks
        for start, end in pairwise((0, *block.ends))
    ]


def cut_at_once(content: bytes) -> list[bytes]:
    """Cut the whole content at once, without blocks, as an oracle."""
    cutter = FastCDC(
        avg_size=AVERAGE_SIZE, min_size=MIN_SIZE, max_size=MAX_SIZE, normalized_chunking=1, seed=0
    )
    return (
        [content[c.offset : c.offset + c.length] for c in cutter.cut_buf(content)]
        if content
        else []
    )


def pieces() -> Iterator[st.SearchStrategy[bytes]]:
    size = st.integers(0, 3 << 20)
    yield st.builds(noise, st.integers(0, 99), size)
    yield st.builds(bytes, size)
    yield st.builds(
        lambda seed, times: noise(seed, 5000) * times, st.integers(0, 9), st.integers(0, 600)
    )


contents = st.lists(st.one_of(*pieces()), max_size=4).map(b"".join)


@few
@given(
    contents,
    st.lists(st.integers(1, 1 << 20), min_size=1, max_size=5).filter(
        lambda s: sum(s) > len(s) << 12
    ),
)
def test_cuts_are_equal_for_all_read_sizes(content: bytes, sizes: list[int]) -> None:
    assert cut(content, sizes) == cut_at_once(content)


@few
@given(contents, st.sampled_from([MAX_SIZE + 1, (1 << 20) + 4096, 3 << 20]))
def test_size_of_blocks_does_not_matter(content: bytes, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "BLOCK", block)
        assert cut(content) == cut_at_once(content)


@pytest.mark.parametrize(
    "size", [n + d for n in (MIN_SIZE, MAX_SIZE, BLOCK, 2 * BLOCK) for d in (-1, 0, 1)]
)
@pytest.mark.parametrize("make", [lambda size: noise(7, size), bytes], ids=["noise", "zeros"])
def test_files_about_as_long_as_a_block_are_cut_alike(
    size: int, make: Callable[[int], bytes]
) -> None:
    assert cut(make(size)) == cut_at_once(make(size))


@few
@given(contents)
def test_chunks_are_the_content_within_the_bounds(content: bytes) -> None:
    found = cut(content)
    assert b"".join(found) == content
    assert all(MIN_SIZE <= len(chunk) <= MAX_SIZE for chunk in found[:-1])
    assert all(0 < len(chunk) <= MAX_SIZE for chunk in found[-1:])


@few
@given(contents)
def test_block_keeps_its_bytes_while_the_next_is_read(content: bytes) -> None:
    """Check that a block is unchanged for workers, which hash it while the next is filled."""
    blocks = list(split(reader(content, [1 << 30]), memory))
    assert b"".join(bytes(block.data) for block in blocks) == content
    assert all(block.ends[-1] == len(block.data) for block in blocks)


@few
@given(
    st.integers(0, 99),
    st.integers(0, 6 << 20),
    st.binary(min_size=1, max_size=100_000),
    st.booleans(),
)
def test_cuts_after_insertion_realign(seed: int, place: int, new: bytes, replace: bool) -> None:
    content = noise(seed, 6 << 20)
    changed = content[:place] + new + content[place + (len(new) if replace else 0) :]
    before, after = set(cut(content)), cut(changed)
    fresh = sum(len(chunk) for chunk in after if chunk not in before)
    assert fresh <= len(new) + 4 * MAX_SIZE
    assert fresh < len(changed)


def test_empty_file_has_no_chunks() -> None:
    assert list(split(reader(b"", [1]), memory)) == []


def test_equal_bytes_are_cut_at_the_largest_size() -> None:
    assert list(map(len, cut(bytes(2 * MAX_SIZE + 5)))) == [MAX_SIZE, MAX_SIZE, 5]
