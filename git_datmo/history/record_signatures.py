"""Sign records with git's own signing, and check the signatures.

A signature is an annotation with a signed commit that names the record's bytes. So it is shared as
every record is. An older git-datmo shows it as a plain annotation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.errors import Damaged
from git_datmo.git.git_signatures import Signature, State, can_sign, check, sign
from git_datmo.git.object_encoding import BLOB, TreeEntry, encode_tree
from git_datmo.history.experiments import Found, History
from git_datmo.model import Oid
from git_datmo.records import codec
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.receipt_record import Receipt
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace

SETTING = "datmo.sign"
WORDS = "signed"


def wants_signature(ws: Workspace, *, asked: bool) -> bool:
    """Return True if a signature was asked for, or `datmo.sign` says so."""
    return asked or ws.repo.config.flag(SETTING)


def require_key(ws: Workspace) -> None:
    """Raise `DatmoError` if git cannot sign. Called before a run, so that its signature cannot
    fail afterwards."""
    can_sign(ws.repo.git, ws.odb)


def attach_signed(ws: Workspace, record: Snapshot | Receipt) -> Oid:
    """Attach a record together with its signature.

    Raises `DatmoError` and attaches nothing if git cannot sign.
    """
    raw = codec.encode(record)
    oid = ws.repo.format.hash("blob", raw)
    text = sign(ws.repo.git, ws.odb, _tree(oid), _message(oid, raw))
    ws.ledger.attach(record, Annotation(oid, record.commit, ws.now(), ws.person, WORDS, text))
    return oid


def _tree(oid: Oid) -> bytes:
    return encode_tree([TreeEntry(b"record.json", BLOB, oid)])


def _message(oid: Oid, raw: bytes) -> str:
    """Return the message of the signed commit: the SHA-256 of the record's bytes, since ids may
    be SHA-1."""
    return f"datmo: signed\n\nrecord {oid}\nsha256 {hashlib.sha256(raw).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Verified:
    """A record and its signatures after the check; none if it is not signed."""

    id: Oid
    kind: str
    author: Person
    signatures: tuple[Signature, ...]

    @property
    def good(self) -> bool:
        """Return True if there are signatures and all of them hold."""
        return any(signature.state is State.GOOD for signature in self.signatures)

    @property
    def bad(self) -> bool:
        """Return True if any signature does not hold."""
        return any(signature.state is State.BAD for signature in self.signatures)


def verify(ws: Workspace, history: History, found: Found) -> Iterator[Verified]:
    """Yield a snapshot and its receipts with their signatures."""
    yield _verify(ws, history, found.id)
    for row in history.catalog.about(str(found.id), Receipt.kind):
        yield _verify(ws, history, Oid.parse(row.record))


def _verify(ws: Workspace, history: History, oid: Oid) -> Verified:
    record, raw = ws.ledger.record(oid), ws.odb.read(oid, "blob")
    rows = history.catalog.about(str(oid), Annotation.kind)
    words = (ws.ledger.record(Oid.parse(row.record)) for row in rows)
    texts = [each.signature for each in words if isinstance(each, Annotation) and each.signature]
    return Verified(
        oid, record.kind, record.author, tuple(_check(ws, oid, raw, text) for text in texts)
    )


def _check(ws: Workspace, oid: Oid, raw: bytes, text: str) -> Signature:
    try:
        return check(ws.repo.git, ws.odb, text, _tree(oid), _message(oid, raw))
    except Damaged:
        return Signature(State.BAD)
