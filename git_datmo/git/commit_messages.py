"""Commit messages as a hook gets them, with comments and with the part that git cuts off."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from git_datmo.git.command import Git
from git_datmo.git.config import Config

_SCISSORS = re.compile(rb"^[^\s]+ -{24} >8 -{24}\r?$", re.MULTILINE)
_SIGN_OFF = b"Signed-off-by: "
# The characters among which git chooses if `core.commentChar` is `auto` (git-config).
_AUTOMATIC = b"#;@!$%^&|:"
# A character that no message has: with it as comment character, no line is a comment.
_NONE = b"\x01"


@dataclass(frozen=True, slots=True)
class Message:
    """A commit message: `text`, then `rest`, which git cuts off at the scissors line.

    Lines that start with `comment` are git's own hints; b'' if there are none. `strips` says that
    git removes them.
    """

    text: bytes
    rest: bytes
    comment: bytes
    strips: bool

    @property
    def is_empty(self) -> bool:
        """Return True if git takes the message for empty and does not commit.

        Comments and sign-offs alone make an empty message.
        """
        return not self.lines

    @property
    def lines(self) -> list[bytes]:
        """Return the lines that count: neither blank lines, nor comments, nor sign-offs."""
        return [line.rstrip() for line in self.text.splitlines() if self._counts(line)]

    def _counts(self, line: bytes) -> bool:
        is_comment = bool(self.comment) and line.startswith(self.comment)
        return bool(line.strip()) and not is_comment and not line.startswith(_SIGN_OFF)

    @property
    def content(self) -> bytes:
        return self.text + self.rest


def read_message(content: bytes, config: Config, *, edited: bool) -> Message:
    """Parse the message that git passed to a hook; `edited` says that a person edits it."""
    scissors = _SCISSORS.search(content)
    cut = scissors.start() if scissors else len(content)
    text = content[:cut]
    cleanup = config.get("commit.cleanup", "default")
    # By default, git removes comments only from a message that was edited (git-commit,
    # `--cleanup`).
    strips = cleanup == "strip" or (edited and cleanup == "default")
    comment = _comment_prefix(text, config) if edited or strips else b""
    return Message(text, content[cut:], comment, strips)


def _comment_prefix(text: bytes, config: Config) -> bytes:
    """Return the beginning of comment lines.

    With `core.commentChar=auto`, git chooses a character. The last line of the message shows which.
    """
    values = [
        s.value for s in config.settings if s.key in ("core.commentchar", "core.commentstring")
    ]
    value = values[-1] if values else "#"
    if value.lower() != "auto":
        return value.encode("utf-8", "surrogateescape")
    last = next((line for line in reversed(text.splitlines()) if line.strip()), b"#")
    return last[:1] if last[:1] in _AUTOMATIC else b"#"


def add_trailer(git: Git, message: Message, key: str, value: str) -> Message:
    """Return the message with a trailer at the place that git would choose
    (git-interpret-trailers)."""
    comment = message.comment if message.strips else _NONE
    # Settings are passed as arguments: those of the environment have a lower rank than those of a
    # `git -c` around the hook.
    settings = (b"-c", b"core.commentChar=" + comment, "-c", "trailer.separators=:")
    text = (
        message.text if message.text.endswith(b"\n") or not message.text else message.text + b"\n"
    )
    # A line `---` in the message is no end of it, so `--no-divider`.
    words = ("--no-divider", "--where", "end", "--if-exists", "add", "--if-missing", "add")
    changed = git.run(
        *settings, "interpret-trailers", *words, "--trailer", f"{key}: {value}", stdin=text
    )
    return replace(message, text=changed)


def remove_lines(message: Message, lines: re.Pattern[bytes]) -> Message:
    """Return the message without matching lines.

    A paragraph of matching lines alone goes with the blank line before it.
    """
    kept: list[bytes] = []
    removed = False
    for line in message.text.splitlines(keepends=True):
        if lines.match(line):
            removed = True
            continue
        # The blank line after a removed paragraph goes, the one before it stays.
        if removed and not line.strip() and (not kept or not kept[-1].strip()):
            continue
        removed = False
        kept.append(line)
    return replace(message, text=_without_blank_end(kept) if removed else b"".join(kept))


def _without_blank_end(lines: list[bytes]) -> bytes:
    while lines and not lines[-1].strip():
        lines.pop()
    return b"".join(lines)
