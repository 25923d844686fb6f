"""Parse the lines between git and a remote helper (gitremote-helpers). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

TEXT = ("utf-8", "surrogateescape")
UPLOAD_PACK = "git-upload-pack"
RECEIVE_PACK = "git-receive-pack"

# Capabilities for git: raw pipes, or the lines of a push.
PIPES = (b"connect", b"option")
LINES = (b"option", b"push", b"object-format")


@dataclass(frozen=True, slots=True)
class Command:
    """Line from git without its end: a verb with its argument. An empty line has no verb."""

    line: bytes
    verb: str
    argument: str

    @property
    def option(self) -> tuple[str, str]:
        """Return the name and the value of an `option` command."""
        name, _, value = self.argument.partition(" ")
        return name, unquote(value)


def parse(line: bytes) -> Command:
    """Parse a line from git."""
    verb, _, argument = line.decode(*TEXT).partition(" ")
    return Command(line, verb, argument)


ESCAPE = re.compile(rb"\\([abfnrtv\"\\]|[0-7]{3})")
ESCAPES = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}


def unquote(value: str) -> str:
    """Remove git's C-style quotes, which git adds only to values that need them."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value

    def plain(found: re.Match[bytes]) -> bytes:
        # Git writes at most `\377`; the mask keeps any other value within a byte.
        return ESCAPES.get(found[1]) or (
            bytes([int(found[1], 8) & 255]) if len(found[1]) == 3 else found[1]
        )

    return ESCAPE.sub(plain, value[1:-1].encode(*TEXT)).decode(*TEXT)
