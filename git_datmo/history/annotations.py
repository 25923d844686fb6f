"""Read what people added to experiments: threads of annotations, and tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from git_datmo.history.experiments import History
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.catalog import Catalog, Row
from git_datmo.terminal_text import make_printable


@dataclass(frozen=True, slots=True)
class Remark:
    """An annotation with a text; `depth` is 0 for one of the experiment, and counts up in
    answers."""

    id: str
    depth: int
    annotation: Annotation


def has_annotations(history: History, record: str) -> bool:
    """Return True if a record has any annotation."""
    return bool(history.catalog.about(record, Annotation.kind))


def remarks_of(history: History, record: str) -> tuple[Remark, ...]:
    """Return the annotations of a record with a text, oldest first, each before its answers.

    Signatures are left out.
    """
    return tuple(_remarks(history, record, 0))


def _remarks(history: History, record: str, depth: int) -> Iterator[Remark]:
    # No thread has a circle, since an annotation is named by its content.
    rows = sorted(history.catalog.about(record, Annotation.kind), key=lambda row: row.order)
    for row in rows:
        found = history.annotation(row.record)
        if found is None or found.signature:
            continue
        if found.message:
            yield Remark(row.record, depth, found)
        yield from _remarks(history, row.record, depth + 1)


def tags_of(catalog: Catalog, record: str, own: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the tags of a record, sorted: its `own`, and those that people added since.

    Of several that add and take away one tag, the latest counts.
    """
    return _tags_of(catalog, record, own, str)


def shown_tags_of(catalog: Catalog, record: str, own: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the tags of a record as `tags_of` does, but as printable texts."""
    return _tags_of(catalog, record, own, make_printable)


def _tags_of(
    catalog: Catalog, record: str, own: Iterable[str], form: Callable[[str], str]
) -> tuple[str, ...]:
    tags = set(map(form, own))
    for row in sorted(catalog.about(record, Annotation.kind), key=_order):
        for word in json.loads(row.tags or "[]"):
            (tags.add if word.startswith("+") else tags.discard)(form(word[1:]))
    return tuple(sorted(tags))


def _order(row: Row) -> tuple[str, str]:
    return row.order
