"""Test the final screen of a program's terminal output."""

from __future__ import annotations

import pytest

from git_datmo.engines.terminal_screen import ROWS, Screen


def shown(written: bytes, *, at_once: int = 1 << 16) -> bytes:
    screen = Screen()
    pieces = [
        screen.feed(written[start : start + at_once]) for start in range(0, len(written), at_once)
    ]
    return b"".join([*pieces, screen.finish()])


@pytest.mark.parametrize("at_once", [1, 7, 1 << 16])
@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"one\ntwo\n", b"one\ntwo\n"),
        (b"one\r\ntwo", b"one\ntwo"),
        (b"\r10%\r50%\r100%\ndone\n", b"100%\ndone\n"),
        (b"long text\rshort    \n", b"short\n"),
        (b"\rloading\x1b[K\rok\x1b[K\n", b"ok\n"),
        (b"\x1b[2K\x1b[1;32mgreen\x1b[0m\n", b"green\n"),
        (b"first 0\nsecond 0\n\x1b[2Afirst 1\r\x1b[1Bsecond 1\n", b"first 1\nsecond 1\n"),
        (b"ab\b\bxy\n", b"xy\n"),
        (b"\x1b]0;title\x07text\n", b"text\n"),
        ("ü█\r█\n".encode(), "██\n".encode()),
        (b"\xff\xfe\n", b"\xff\xfe\n"),
        (b"", b""),
    ],
)
def test_lines_are_as_a_terminal_shows_them(written: bytes, text: bytes, at_once: int) -> None:
    assert shown(written, at_once=at_once) == text


def test_lines_out_of_reach_are_given_back_at_once() -> None:
    screen = Screen()
    given = screen.feed(b"".join(b"%d\n" % number for number in range(ROWS * 3)))
    assert given.startswith(b"0\n1\n")
    assert given.count(b"\n") >= ROWS * 2
    assert (given + screen.finish()).split() == [b"%d" % number for number in range(ROWS * 3)]


def test_line_without_end_is_kept_whole() -> None:
    assert shown(b"x" * (1 << 20)).replace(b"\n", b"") == b"x" * (1 << 20)
