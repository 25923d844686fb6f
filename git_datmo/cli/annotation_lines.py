"""Show the annotations of an experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from git_datmo.history.annotations import has_annotations, remarks_of, tags_of
from git_datmo.history.experiments import History
from git_datmo.terminal_text import make_printable

_INDENT = "  "


def annotation_lines(history: History, record: str) -> Iterator[str]:
    """Yield the annotations of a record; answers are indented."""
    if not has_annotations(history, record):
        return
    for remark in remarks_of(history, record):
        found = remark.annotation
        first, *rest = found.message.splitlines() or [""]
        margin = _INDENT * min(remark.depth, 10)
        kind = f"{found.type}: " if found.type else ""
        by = f"  ({found.author.name}, {found.created[:10]}, {remark.id[:10]})"
        yield make_printable(f"{margin}{kind}{first}{by}")
        yield from (make_printable(f"{margin}{_INDENT}{line}") for line in rest)


def annotation_keys(history: History, record: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys `tags` and `annotations` of the JSON document of an experiment."""
    return {
        "tags": list(tags_of(history.catalog, record, document.get("tags", ()))),
        "annotations": [
            {
                "id": remark.id,
                "about": str(remark.annotation.record),
                "type": remark.annotation.type,
                "message": remark.annotation.message,
                "author": remark.annotation.author.name,
                "created": remark.annotation.created,
            }
            for remark in remarks_of(history, record)
        ],
    }
