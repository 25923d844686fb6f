"""The lines between git and a remote helper (gitremote-helpers), as values; no reading or writing
happens here."""

from __future__ import annotations

import re
from dataclasses import dataclass

TEXT = ("utf-8", "surrogateescape")
UPLOAD_PACK = "git-upload-pack"
RECEIVE_PACK = "git-receive-pack"

# What is offered to git: joined pipes, or lines for what is pushed.
PIPES = (b"connect", b"option")
LINES = (b"option", b"push", b"object-format")


@dataclass(frozen=True, slots=True)
class Command:
    """One line of git's, without its end: a verb, and what it is about. An empty line has no
    verb."""

    line: bytes
    verb: str
    argument: str

    @property
    def option(self) -> tuple[str, str]:
        """Name and value of an `option`."""
        name, _, value = self.argument.partition(" ")
        return name, unquote(value)


def parse(line: bytes) -> Command:
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
    """Undo git's C-style quotes, which it sets only around values that need them."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value

    def plain(found: re.Match[bytes]) -> bytes:
        return ESCAPES.get(found[1]) or (
            bytes([int(found[1], 8) & 255]) if len(found[1]) == 3 else found[1]
        )

    return ESCAPE.sub(plain, value[1:-1].encode(*TEXT)).decode(*TEXT)
