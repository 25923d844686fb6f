"""Test that the size of a delta's result is limited before it is made."""

from __future__ import annotations

import pytest

from git_datmo.errors import Damaged
from git_datmo.git.deltas import apply_delta, delta_size

BASE = bytes(range(256)) * 256
# Copies 65,536 bytes from offset 0.
COPY = b"\x80"


def number(value: int) -> bytes:
    text = b""
    while value > 0x7F:
        text += bytes([value & 0x7F | 0x80])
        value >>= 7
    return text + bytes([value])


def delta(said: int, *commands: bytes) -> bytes:
    return number(len(BASE)) + number(said) + b"".join(commands)


def test_delta_of_copies_and_inserts_is_applied() -> None:
    made = delta(65_539, COPY, b"\x03abc")
    assert delta_size(made) == 65_539
    assert apply_delta(BASE, made) == BASE + b"abc"


def test_delta_that_makes_more_than_the_limit_is_refused() -> None:
    made = delta(2 * 65_536, COPY, COPY)
    assert len(apply_delta(BASE, made, 2 * 65_536)) == 2 * 65_536
    with pytest.raises(Damaged, match="more than 65536"):
        apply_delta(BASE, made, 65_536)


def test_delta_with_false_size_is_refused_before_it_is_applied() -> None:
    made = delta(10, *[COPY] * 2_000_000)
    with pytest.raises(Damaged, match="its head says 10"):
        apply_delta(BASE, made)


@pytest.mark.parametrize("cut", [b"", b"\x80", delta(5, b"\x05ab"), delta(5, b"\x91")])
def test_delta_that_is_cut_off_is_refused(cut: bytes) -> None:
    with pytest.raises(Damaged):
        delta_size(cut)
