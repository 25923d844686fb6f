"""Commit messages as a hook sees them: with comments, and with what git cuts off behind the scissors line."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from git_datmo.git.config import Config
from git_datmo.git.run import Git

_SCISSORS = re.compile(rb"^[^\s]+ -{24} >8 -{24}\r?$", re.MULTILINE)
_SIGN_OFF = b"Signed-off-by: "
# The characters that git chooses from where `core.commentChar` is `auto` (git-config).
_AUTOMATIC = b"#;@!$%^&|:"
# No message has it: with this as the comment character no line is a comment.
_NONE = b"\x01"


@dataclass(frozen=True, slots=True)
class Message:
    """A message: `text`, then `rest`, which git cuts off.

    Lines that start with `comment` are git's own hints; b'' where there are none. Git `strips` them, or keeps them.
    """

    text: bytes
    rest: bytes
    comment: bytes
    strips: bool

    @property
    def is_empty(self) -> bool:
        """Return whether git takes the message for empty, and does not commit: comments and sign-offs alone."""
        return not self.lines

    @property
    def lines(self) -> list[bytes]:
        """The lines that make a message: neither blank, nor comments or sign-offs."""
        return [line.rstrip() for line in self.text.splitlines() if self._counts(line)]

    def _counts(self, line: bytes) -> bool:
        is_comment = bool(self.comment) and line.startswith(self.comment)
        return bool(line.strip()) and not is_comment and not line.startswith(_SIGN_OFF)

    @property
    def content(self) -> bytes:
        return self.text + self.rest


def read_message(content: bytes, config: Config, *, edited: bool) -> Message:
    """Take apart the message that a hook was given; `edited` says that it comes from an editor, or goes to one."""
    scissors = _SCISSORS.search(content)
    cut = scissors.start() if scissors else len(content)
    text = content[:cut]
    cleanup = config.get("commit.cleanup", "default")
    strips = cleanup == "strip" or (edited and cleanup == "default")
    comment = _comment_prefix(text, config) if edited or strips else b""
    return Message(text, content[cut:], comment, strips)


def _comment_prefix(text: bytes, config: Config) -> bytes:
    """Return what comments start with; git chooses by itself where it is set to, and the last line tells the choice."""
    values = [s.value for s in config.settings if s.key in ("core.commentchar", "core.commentstring")]
    value = values[-1] if values else "#"
    if value.lower() != "auto":
        return value.encode("utf-8", "surrogateescape")
    last = next((line for line in reversed(text.splitlines()) if line.strip()), b"#")
    return last[:1] if last[:1] in _AUTOMATIC else b"#"


def add_trailer(git: Git, message: Message, key: str, value: str) -> Message:
    """Return the message with a trailer, put where git puts it: last, and before comments (git-interpret-trailers)."""
    comment = message.comment if message.strips else _NONE
    # As words, since settings of the environment do not outrank those of a `git -c` that the hook runs below.
    settings = (b"-c", b"core.commentChar=" + comment, "-c", "trailer.separators=:")
    text = message.text if message.text.endswith(b"\n") or not message.text else message.text + b"\n"
    words = ("--no-divider", "--where", "end", "--if-exists", "add", "--if-missing", "add")
    changed = git.run(*settings, "interpret-trailers", *words, "--trailer", f"{key}: {value}", stdin=text)
    return replace(message, text=changed)


def remove_lines(message: Message, lines: re.Pattern[bytes]) -> Message:
    """Return the message without the lines that match, and without the blank line before a paragraph of these alone."""
    kept: list[bytes] = []
    removed = False
    for line in message.text.splitlines(keepends=True):
        if lines.match(line):
            removed = True
            continue
        if removed and not line.strip() and (not kept or not kept[-1].strip()):
            continue
        removed = False
        kept.append(line)
    return replace(message, text=_without_blank_end(kept) if removed else b"".join(kept))


def _without_blank_end(lines: list[bytes]) -> bytes:
    while lines and not lines[-1].strip():
        lines.pop()
    return b"".join(lines)
