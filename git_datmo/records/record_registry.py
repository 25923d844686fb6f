"""Registry of the record kinds.

A record is immutable, and its id is the id of its blob. Codec, contents, notes and catalog ask the
registry for everything that differs by kind.
"""

from __future__ import annotations

from typing import Any

from git_datmo.records.annotation_record import ANNOTATION, Annotation
from git_datmo.records.check_record import CHECK, Check
from git_datmo.records.drop_record import DROP, Drop
from git_datmo.records.feedback_record import FEEDBACK, Feedback
from git_datmo.records.image_record import IMAGE, Image
from git_datmo.records.model_test_record import MODEL_TEST, ModelTest
from git_datmo.records.receipt_record import RECEIPT, Receipt
from git_datmo.records.record_kind import RecordKind
from git_datmo.records.snapshot_record import SNAPSHOT, Snapshot
from git_datmo.records.unknown_record import UNKNOWN, Unknown

KnownRecord = Snapshot | Receipt | Image | Feedback | Annotation | Drop | Check | ModelTest
Record = KnownRecord | Unknown

KINDS: dict[str, RecordKind[Any]] = {
    Snapshot.kind: SNAPSHOT,
    Receipt.kind: RECEIPT,
    Image.kind: IMAGE,
    Feedback.kind: FEEDBACK,
    Annotation.kind: ANNOTATION,
    Drop.kind: DROP,
    Check.kind: CHECK,
    ModelTest.kind: MODEL_TEST,
}


def find_kind(name: str) -> RecordKind[Any]:
    """Return the kind `name`; the kind of `Unknown` for a name that this version does not know."""
    return KINDS.get(name, UNKNOWN)
