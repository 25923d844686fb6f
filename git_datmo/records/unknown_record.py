"""Records of kinds that only a newer git-datmo knows."""

from __future__ import annotations

from dataclasses import dataclass

from git_datmo.model import Oid
from git_datmo.records.record_kind import RecordKind
from git_datmo.records.record_values import KeptObject, Person, more_field


@dataclass(frozen=True, slots=True)
class Unknown:
    """Record of a kind that this version does not know.

    Only the keys that every record has are decoded. The record and the objects in `more` are kept
    and shared.
    """

    kind: str
    commit: Oid
    created: str
    author: Person
    more: tuple[KeptObject, ...] = more_field()


def _words(_: Unknown) -> tuple[str]:
    """Return a remark in place of the contents."""
    return ("made by a newer git-datmo",)


UNKNOWN = RecordKind(Unknown, words=_words)
