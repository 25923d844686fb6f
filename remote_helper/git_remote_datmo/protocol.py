"""The lines between git and a remote helper (gitremote-helpers), as values; no reading or writing happens here."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

from git_datmo.git.namespaces import NAMESPACES, NOTES_REF

TEXT = ("utf-8", "surrogateescape")
RECEIVE_PACK = "git-receive-pack"

# What is offered to git: joined pipes, or lines for what is pushed.
PIPES = (b"connect", b"option")
LINES = (b"option", b"push", b"object-format")


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
    text = line.decode(*TEXT)
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

    return ESCAPE.sub(plain, value[1:-1].encode(*TEXT)).decode(*TEXT)


@dataclass(frozen=True, slots=True)
class Push:
    """A ref that is pushed; `loses` where it may not have, afterwards, all that it has now."""

    target: str
    loses: bool


def parse_push_line(line: bytes) -> Push:
    """`push [+]<source>:<target>`; an empty source deletes the target."""
    refspec = line.decode(*TEXT).removeprefix("push ")
    return Push(refspec.rpartition(":")[2], loses=refspec.startswith((":", "+")))


RECORDS, NOTES = "refs/datmo/records", "refs/notes/datmo"


def is_shared_ref(name: str) -> bool:
    """Whether git-datmo alone moves this ref on a remote."""
    return name == NOTES_REF or name.startswith((f"{NOTES_REF}/", *(f"{ns.name}/" for ns in NAMESPACES)))


Refused = dict[str, str]


def refusals(batch: Sequence[Push], there: Container[str]) -> Refused:
    """Why nothing of a batch is pushed that would lose what others shared, as `push --mirror` may; empty if it would
    not. `there` are the refs that the remote has."""
    lost = {push.target for push in batch if push.loses and is_shared_ref(push.target) and push.target in there}
    return {push.target: LOST if push.target in lost else "not pushed" for push in batch} if lost else {}


LOST = "git-datmo shares this ref; a mirror push would lose data"
NOT_SHARED = "not pushed, since git-datmo could not share its data"


def errors(refused: Refused) -> bytes:
    """The answer to a batch that is refused."""
    return "".join(f"error {target} {why}\n" for target, why in refused.items()).encode(*TEXT) + b"\n"


def listed_refs(listing: bytes) -> dict[str, str]:
    """The refs in the answer to `list`, with their ids."""
    rows = (line.split(" ") for line in listing.decode(*TEXT).splitlines())
    return {row[1]: row[0] for row in rows if len(row) > 1 and row[1].startswith("refs/")}
