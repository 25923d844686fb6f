"""Sign records with git's own signing, and check the signatures.

A signature is an annotation with a signed commit that names the record's bytes. So it is shared as
every record is. An older git-datmo shows it as a plain annotation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from git_datmo.errors import Damaged, DatmoError
from git_datmo.git.git_signatures import Signature, State, can_sign, check, sign
from git_datmo.git.object_encoding import BLOB, TreeEntry, encode_tree
from git_datmo.model import Oid
from git_datmo.records import codec
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.catalog import Catalog, Row
from git_datmo.records.check_record import Check
from git_datmo.records.drop_record import Drop
from git_datmo.records.feedback_record import Feedback
from git_datmo.records.ledger import Tips
from git_datmo.records.model_test_record import ModelTest
from git_datmo.records.receipt_record import Receipt
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace

SETTING = "datmo.sign"
REQUIRED = "datmo.requiresigned"
WORDS = "signed"

Signable = Snapshot | Receipt | Drop | Check | Feedback | ModelTest


def wants_signature(ws: Workspace, *, asked: bool) -> bool:
    """Return True if a signature was asked for, or `datmo.sign` says so."""
    return asked or ws.repo.config.flag(SETTING)


def require_key(ws: Workspace) -> None:
    """Raise `DatmoError` if git cannot sign. Called before a run, so that its signature cannot
    fail afterwards."""
    can_sign(ws.repo.git, ws.odb)


def attach_signed(ws: Workspace, record: Signable) -> Oid:
    """Attach a record together with its signature.

    Raises `DatmoError` and attaches nothing if git cannot sign.
    """
    # Both are attached in one transaction, so no crash leaves an unsigned record.
    oid, _ = ws.ledger.attach(record, _sign(ws, record))
    return oid


def attach_records(
    ws: Workspace, *records: Signable, redacted: Iterable[Oid] = ()
) -> tuple[Oid, ...]:
    """Attach records in one transaction, each with its signature if `datmo.sign` is set.

    `redacted` is as for `Ledger.attach`. Raises `DatmoError` and attaches nothing if git cannot
    sign.
    """
    signed = wants_signature(ws, asked=False)
    signatures = [_sign(ws, record) for record in records] if signed else []
    attached = ws.ledger.attach(*records, *signatures, redacted=redacted)
    return attached[: len(records)]


def _sign(ws: Workspace, record: Signable) -> Annotation:
    """Return the annotation with the signature of a record."""
    raw = codec.encode(record)
    oid = ws.repo.format.hash("blob", raw)
    text = sign(ws.repo.git, ws.odb, _tree(oid), _message(oid, raw))
    return Annotation(oid, record.commit, ws.now(), ws.person, WORDS, text)


def require_signed(ws: Workspace, catalog: Catalog, oids: Iterable[str]) -> None:
    """Raise `DatmoError` for a record without a signature by a trusted key.

    Does nothing unless `datmo.requireSigned` is set.
    """
    if not ws.repo.config.flag(REQUIRED):
        return
    for oid in oids:
        verified = _verify(ws, Oid.parse(oid), catalog.about(oid, Annotation.kind))
        if not verified.good:
            raise _unsigned_error(verified)


def is_signed(ws: Workspace, catalog: Catalog, oid: str) -> bool:
    """Return True if a trusted key signed a record."""
    return _verify(ws, Oid.parse(oid), catalog.about(oid, Annotation.kind)).good


def _unsigned_error(verified: Verified) -> DatmoError:
    short = str(verified.id)[:10]
    states = ", ".join(sorted({str(each.state) for each in verified.signatures}))
    found = f": its signature is {states}" if states else ""
    return DatmoError(
        f"{verified.kind} '{short}' by {verified.author.name} has no signature by a trusted key"
        + found,
        f"'git datmo verify {short}' shows its signatures; to accept it once, run the command as"
        " 'git -c datmo.requireSigned=false datmo …'",
    )


def obey_signed_drops(ws: Workspace, catalog: Catalog) -> Catalog:
    """Return the catalog without the effect of unsigned drops, if `datmo.requireSigned` is set.

    All drops and annotations count for this check, even dropped ones. Otherwise an unsigned drop
    could hide another drop, or its signature.
    """
    if not catalog.dropped or not ws.repo.config.flag(REQUIRED):
        return catalog
    plain = catalog.ignoring({row.record for row in catalog.drops})
    # Each check starts a program, so the results stay while the repository is open.
    known = ws.keep(_CheckedDrops, _CheckedDrops)
    for row in catalog.drops:
        if row.record not in known:
            annotations = plain.about(row.record, Annotation.kind)
            known[row.record] = _verify(ws, Oid.parse(row.record), annotations).good
    return catalog.ignoring({row.record for row in catalog.drops if not known[row.record]})


def refuse_unsigned_redactions(ws: Workspace, theirs: Tips) -> None:
    """Raise `Damaged` if `theirs` redact a record without a signature by a trusted key.

    Does nothing unless `datmo.requireSigned` is set.
    """
    if not ws.repo.config.flag(REQUIRED):
        return
    commits, mine = ws.ledger.commits, ws.ledger.tips()
    new = commits.redacted(theirs.records, theirs.notes)
    # Redactions that this clone already has were checked when they came.
    new -= commits.redacted(mine.records, mine.notes)
    if not new:
        return
    # Only redactions by a trusted key are left after this.
    redactions = obey_signed_drops(ws, ws.catalog(theirs)).redactions
    signed = {record for row in redactions for record in row.redacted_parents}
    unsigned = sorted(set(map(str, new)) - signed)
    if unsigned:
        raise Damaged(
            f"record '{unsigned[0][:10]}' is redacted without a signature by a trusted key",
            "to take it once, run 'git -c datmo.requireSigned=false datmo pull'",
        )


class _CheckedDrops(dict[str, bool]):
    """Results of checks by the id of the drop: True for one that a trusted key signed."""


def _tree(oid: Oid) -> bytes:
    return encode_tree([TreeEntry(b"record.json", BLOB, oid)])


def _message(oid: Oid, raw: bytes) -> str:
    """Return the message of the signed commit: the SHA-256 of the record's bytes, since ids may
    be SHA-1."""
    return f"datmo: signed\n\nrecord {oid}\nsha256 {hashlib.sha256(raw).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Verified:
    """A record and its signatures after the check; none if it is not signed.

    `title` is that of a check of a contract, else ''.
    """

    id: Oid
    kind: str
    title: str
    author: Person
    signatures: tuple[Signature, ...]

    @property
    def good(self) -> bool:
        """Return True if a trusted key signed the record.

        Others may add signatures, good or bad, which must not undo that one.
        """
        return any(signature.state is State.GOOD for signature in self.signatures)

    @property
    def bad(self) -> bool:
        """Return True if any signature does not hold."""
        return any(signature.state is State.BAD for signature in self.signatures)


def verify(
    ws: Workspace, catalog: Catalog, oid: Oid, checks: Iterable[Row] = ()
) -> Iterator[Verified]:
    """Yield the snapshot `oid` with its signatures, then its receipts, tests and feedback.

    The rows of the `checks` of its data come last.
    """
    yield _verify(ws, oid, catalog.about(str(oid), Annotation.kind))
    kinds = (Receipt.kind, ModelTest.kind, Feedback.kind)
    own = [row for kind in kinds for row in catalog.about(str(oid), kind)]
    for row in (*own, *checks):
        yield _verify(ws, Oid.parse(row.record), catalog.about(row.record, Annotation.kind))


def _verify(ws: Workspace, oid: Oid, rows: Iterable[Row]) -> Verified:
    """Check the signatures of a record; `rows` are the annotations about it."""
    record, raw = ws.ledger.record(oid), ws.odb.read(oid, "blob")
    words = (ws.ledger.record(Oid.parse(row.record)) for row in rows)
    texts = [each.signature for each in words if isinstance(each, Annotation) and each.signature]
    signatures = tuple(_check(ws, oid, raw, text) for text in texts)
    title = f"{record.file} {record.verdict}" if isinstance(record, Check) else ""
    return Verified(oid, record.kind, title, record.author, signatures)


def _check(ws: Workspace, oid: Oid, raw: bytes, text: str) -> Signature:
    try:
        return check(ws.repo.git, ws.odb, text, _tree(oid), _message(oid, raw))
    except Damaged:
        return Signature(State.BAD)
