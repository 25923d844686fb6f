"""Add a text or tags to an experiment, or an answer to an annotation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.errors import DatmoError, UsageError
from git_datmo.history.annotations import tags_of
from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.records.annotation_record import TAG, Annotation
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import make_printable


@dataclass(frozen=True, slots=True)
class Annotated:
    """An annotation that was added to the record `about`.

    `id` is '' if nothing had to be added. `tags` are those of the record now, and `absent` those
    that could not be taken away, because the record had none of them.
    """

    id: str
    about: str
    tags: tuple[str, ...]
    absent: tuple[str, ...] = ()


def annotate(
    ws: Workspace,
    name: str,
    *,
    message: str = "",
    kind: str = "",
    tags: Iterable[str] = (),
    untags: Iterable[str] = (),
) -> Annotated:
    """Add a message of a kind, and tags, to the experiment or annotation that `name` names.

    Tags that the record has already are not added again, and absent ones are not taken away.
    Raises `UsageError` for an invalid tag to add.
    """
    history = History(ws)
    about, commit, own = _find_target(history, name)
    has = set(tags_of(history.catalog, about, own))
    added = tuple(tag for tag in dict.fromkeys(map(_check_tag, tags)) if tag not in has)
    # People see and type tags as printable text.
    exact = {make_printable(tag): tag for tag in has} | {tag: tag for tag in has}
    asked = tuple(dict.fromkeys(untags))
    removed = tuple(exact[tag] for tag in asked if tag in exact)
    absent = tuple(tag for tag in asked if tag not in exact)
    text = message.strip()
    if not (text or added or removed):
        return Annotated("", about, tuple(sorted(has)), absent)
    (oid,) = ws.ledger.attach(
        Annotation(
            Oid.parse(about),
            commit,
            ws.now(),
            ws.person,
            text,
            type=kind if text else "",
            tags=added,
            untags=removed,
        )
    )
    now = sorted((has | set(added)) - set(removed))
    return Annotated(str(oid), about, tuple(now), absent)


def _find_target(history: History, name: str) -> tuple[str, Oid, tuple[str, ...]]:
    """Return the id, the commit and the own tags of the record that `name` names."""
    rows = [
        row
        for row in history.catalog.starting(name)
        # Git takes no shorter start of an id either.
        if row.kind == Annotation.kind and len(name) >= 4
    ]
    if len(rows) == 1 and history.by_id(name) is None:
        return rows[0].record, Oid.parse(rows[0].commit), ()
    if len(rows) > 1:
        raise DatmoError(
            f"'{name}' is the start of {len(rows)} annotations' ids", "give more of the id"
        )
    found = history.resolve(name)
    return str(found.id), found.snapshot.commit, found.snapshot.tags


def _check_tag(tag: str) -> str:
    if not TAG.fullmatch(tag):
        raise UsageError(
            f"'{tag[:100]}' is not a tag",
            "a tag is a word of letters, digits and ./:+@_=-, and begins with a letter or digit",
        )
    return tag
