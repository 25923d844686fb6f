"""Records signed with git's own signing, and whether the signatures hold.

A signature is an annotation that holds a signed commit, which names the record's bytes; so it travels as every record
does, and an older git-datmo takes it for the words that it also is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.errors import Damaged
from git_datmo.flows.history import Found, History
from git_datmo.flows.workspace import Workspace
from git_datmo.git.objects import BLOB, Entry, encode_tree
from git_datmo.git.signing import Signature, State, can_sign, check, sign
from git_datmo.model import Oid
from git_datmo.records import codec
from git_datmo.records.types import Annotation, Person, Receipt, Snapshot

SETTING = "datmo.sign"
WORDS = "signed"


def wants_signature(ws: Workspace, *, asked: bool) -> bool:
    return asked or ws.repo.config.flag(SETTING)


def require_key(ws: Workspace) -> None:
    """Raise `DatmoError` where git cannot sign here: better before a run than behind it."""
    can_sign(ws.repo.git, ws.odb)


def attach_signed(ws: Workspace, record: Snapshot | Receipt) -> Oid:
    """Attach a record together with its signature; raises `DatmoError`, and attaches nothing, where git cannot sign."""
    raw = codec.encode(record)
    oid = ws.repo.format.hash("blob", raw)
    text = sign(ws.repo.git, ws.odb, _tree(oid), _message(oid, raw))
    ws.ledger.attach(record, Annotation(oid, record.commit, ws.now(), ws.person, WORDS, text))
    return oid


def _tree(oid: Oid) -> bytes:
    return encode_tree([Entry(b"record.json", BLOB, oid)])


def _message(oid: Oid, raw: bytes) -> str:
    """What is signed beside the id, which may be a SHA-1: the SHA-256 of the record's bytes."""
    return f"datmo: signed\n\nrecord {oid}\nsha256 {hashlib.sha256(raw).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Verified:
    """A record and its signatures as they were checked; none where it is not signed."""

    id: Oid
    kind: str
    author: Person
    signatures: tuple[Signature, ...]

    @property
    def good(self) -> bool:
        return any(signature.state is State.GOOD for signature in self.signatures)

    @property
    def bad(self) -> bool:
        return any(signature.state is State.BAD for signature in self.signatures)


def verify(ws: Workspace, history: History, found: Found) -> Iterator[Verified]:
    """A snapshot and its receipts, with their signatures."""
    yield _verify(ws, history, found.id)
    for row in history.catalog.about(str(found.id), Receipt.kind):
        yield _verify(ws, history, Oid.parse(row.record))


def _verify(ws: Workspace, history: History, oid: Oid) -> Verified:
    record, raw = ws.ledger.record(oid), ws.odb.read(oid, "blob")
    rows = history.catalog.about(str(oid), Annotation.kind)
    words = (ws.ledger.record(Oid.parse(row.record)) for row in rows)
    texts = [each.signature for each in words if isinstance(each, Annotation) and each.signature]
    return Verified(oid, record.kind, record.author, tuple(_check(ws, oid, raw, text) for text in texts))


def _check(ws: Workspace, oid: Oid, raw: bytes, text: str) -> Signature:
    try:
        return check(ws.repo.git, ws.odb, text, _tree(oid), _message(oid, raw))
    except Damaged:
        return Signature(State.BAD)
