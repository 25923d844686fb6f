"""Test commit messages in hooks: comments, scissors lines, and the position of a trailer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from git_datmo.git.command import Git
from git_datmo.git.commit_messages import add_trailer, read_message, remove_lines
from git_datmo.git.config import Config, Setting
from tests.support.shell import Shell

CUT = b"# ------------------------ >8 ------------------------\n# Do not touch the line above.\ndiff --git a/x b/x\n"
OURS = re.compile(rb"Key: x$", re.MULTILINE)


def config(*settings: tuple[str, str]) -> Config:
    return Config(tuple(Setting("local", key, value) for key, value in settings))


@pytest.mark.parametrize(
    ("text", "edited", "settings", "empty"),
    [
        (b"", True, (), True),
        (b"\n \n# hint\n", True, (), True),
        (b"# hint\n", False, (), False),
        (b"# hint\n", False, (("commit.cleanup", "strip"),), True),
        (b"# hint\n", True, (("commit.cleanup", "verbatim"),), True),
        (b"; hint\n", True, (("core.commentchar", ";"),), True),
        (b"# text\n; hint\n", True, (("core.commentchar", "auto"),), False),
        (b"; hint\n", True, (("core.commentchar", "auto"),), True),
        (b"// hint\n", True, (("core.commentstring", "//"),), True),
        (b"\nSigned-off-by: a <b>\n# hint\n", True, (), True),
        (CUT, True, (), True),
        (b"one\n" + CUT, True, (), False),
    ],
)
def test_message_is_empty_where_git_takes_it_for_empty(
    text: bytes, edited: bool, settings: Sequence[tuple[str, str]], empty: bool
) -> None:
    assert read_message(text, config(*settings), edited=edited).is_empty == empty


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (b"one\n\nKey: x\n", b"one\n"),
        (b"one\n\nKey: x\n\n# hint\n", b"one\n\n# hint\n"),
        (b"one\n\nA: b\nKey: x\n\n# hint\n", b"one\n\nA: b\n\n# hint\n"),
        (b"one\n\nKey: x\nA: b\n", b"one\n\nA: b\n"),
        (b"one\n\n\n\nKey: x is more\n", b"one\n\n\n\nKey: x is more\n"),
        (b"Key: x\n", b""),
    ],
)
def test_removed_line_takes_the_blank_line_before_an_emptied_paragraph_along(
    text: bytes, left: bytes
) -> None:
    assert remove_lines(read_message(text, config(), edited=False), OURS).content == left


@pytest.mark.parametrize(
    ("text", "edited", "wanted"),
    [
        (b"one", False, b"one\n\nKey: x\n"),
        (b"fix: one\n", False, b"fix: one\n\nKey: x\n"),
        (b"one\n\nA: b\n", False, b"one\n\nA: b\nKey: x\n"),
        (b"one\n\n#1 is fixed\n", False, b"one\n\n#1 is fixed\n\nKey: x\n"),
        (b"one\n\n---\nmore\n", False, b"one\n\n---\nmore\n\nKey: x\n"),
        (b"one\n\n# hint\n", True, b"one\n\nKey: x\n\n# hint\n"),
        (b"one\n" + CUT, True, b"one\n\nKey: x\n" + CUT),
        (b"caf\xe9\n", False, b"caf\xe9\n\nKey: x\n"),
    ],
)
def test_trailer_is_put_where_git_reads_it(
    shell: Callable[..., Shell], text: bytes, edited: bool, wanted: bytes
) -> None:
    message = read_message(text, config(), edited=edited)
    assert add_trailer(Git(shell().env), message, "Key", "x").content == wanted
