"""List the objects that a record keeps.

The list has the same form for every kind and can be read without knowing the kind. Keep commits,
garbage collection, push and fetch use only this list. So a clone also keeps and shares the objects
of kinds and keys that it does not know (`docs/FORMAT.md`, section 7.1).
"""

from __future__ import annotations

from git_datmo.records.record_registry import Record, find_kind
from git_datmo.records.record_values import KeptObject


def list_objects(record: Record) -> tuple[KeptObject, ...]:
    """Return all objects that a record keeps, sorted by name.

    They include objects of keys that this version does not know.
    """
    return _by_name(*find_kind(record.kind).objects(record), *record.more)


def known_objects(record: Record) -> tuple[KeptObject, ...]:
    """Return the objects that the record's known keys name, sorted by name."""
    return _by_name(*find_kind(record.kind).objects(record))


def _by_name(*objects: KeptObject) -> tuple[KeptObject, ...]:
    """Return objects sorted by name."""
    return tuple(sorted(objects, key=lambda kept: kept.name))
