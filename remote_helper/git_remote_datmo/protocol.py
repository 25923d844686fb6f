"""The lines between git and a remote helper (gitremote-helpers), as values; no reading or writing happens here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from git_datmo.git.namespaces import NAMESPACES, NOTES_REF


@dataclass(frozen=True, slots=True)
class Capabilities:
    """git asks what the helper can do."""


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Connect:
    """git asks for the pipes of a service, `stateless` for those of protocol v2 over HTTP."""

    service: str
    stateless: bool


@dataclass(frozen=True, slots=True)
class ListRefs:
    """git asks for the remote's refs, for a push perhaps as its receiving side shows them."""

    for_push: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """The first line of several of one kind, which an empty line ends: `push` or `fetch`."""

    verb: str


@dataclass(frozen=True, slots=True)
class End:
    """git wants nothing more."""


@dataclass(frozen=True, slots=True)
class Unknown:
    line: str


Command = Capabilities | Option | Connect | ListRefs | Batch | End | Unknown


def parse(line: bytes) -> Command:
    """One line of git's, without its end."""
    text = line.decode("utf-8", "surrogateescape")
    verb, _, rest = text.partition(" ")
    match verb:
        case "":
            return End()
        case "capabilities":
            return Capabilities()
        case "list":
            return ListRefs(for_push=rest == "for-push")
        case "option":
            name, _, value = rest.partition(" ")
            return Option(name, unquote(value))
        case "connect" | "stateless-connect":
            return Connect(rest, stateless=verb == "stateless-connect")
        case "push" | "fetch":
            return Batch(verb)
    return Unknown(text)


ESCAPE = re.compile(rb"\\([abfnrtv\"\\]|[0-7]{3})")
ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def unquote(value: str) -> str:
    """Undo git's C-style quotes, which it sets only around values that need them."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value

    def plain(found: re.Match[bytes]) -> bytes:
        return ESCAPES.get(found[1]) or (bytes([int(found[1], 8) & 255]) if len(found[1]) == 3 else found[1])

    return ESCAPE.sub(plain, value[1:-1].encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Push:
    """One `push [+]<source>:<target>` line; an empty source deletes the target."""

    refspec: str

    @property
    def target(self) -> str:
        return self.refspec.rpartition(":")[2]

    @property
    def deletes_or_forces(self) -> bool:
        return self.refspec.startswith((":", "+"))


def pushes(lines: Iterable[bytes]) -> tuple[Push, ...]:
    return tuple(Push(line.decode("utf-8", "surrogateescape").removeprefix("push ")) for line in lines)


def is_shared_ref(name: str) -> bool:
    """Whether git-datmo alone moves this ref on a remote."""
    return name == NOTES_REF or name.startswith((f"{NOTES_REF}/", *(f"{ns.name}/" for ns in NAMESPACES)))


def refusals(batch: Sequence[Push]) -> bytes:
    """The answer to a batch that would lose what others shared, as `push --mirror` does; empty if it would not."""
    if not any(push.deletes_or_forces and is_shared_ref(push.target) for push in batch):
        return b""
    lines = []
    for push in batch:
        why = "git-datmo shares this ref; a mirror push would lose data" if is_shared_ref(push.target) else "not pushed"
        lines.append(f"error {push.target} {why}\n")
    return encode("".join(lines)) + b"\n"


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def ref_list(listing: bytes, *, fallback_format: str, say_format: bool) -> bytes:
    """The answer to `list`, from what `git ls-remote` printed."""
    rows = [line.partition(b"\t")[::2] for line in listing.splitlines()]
    lines = [oid + b" " + name + b"\n" for oid, name in rows]
    if say_format:
        known = {40: "sha1", 64: "sha256"}.get(len(rows[0][0])) if rows else None
        lines.insert(0, b":object-format %s\n" % (known or fallback_format).encode())
    return b"".join(lines) + b"\n"
