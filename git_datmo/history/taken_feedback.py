"""Find which experiments learned from feedback.

A payload that was made of collected events is named by an annotation of each batch of events. The
annotation has the payload's object, so the payload is found under any path and in any snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from git_datmo.history.experiments import History
from git_datmo.model import Payload
from git_datmo.records.annotation_record import TAKEN, Annotation
from git_datmo.records.feedback_record import Feedback
from git_datmo.records.snapshot_record import Run, Snapshot

_MESSAGE = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64}) ((?s:.+))")


@dataclass(frozen=True, slots=True)
class LearnedFrom:
    """A batch of feedback, and the path of the payload with its rows.

    `dropped` is True if the batch is no longer in use.
    """

    batch: str
    path: str
    dropped: bool


def taken_message(payload: Payload) -> str:
    """Return the message of the annotation for a payload that was made of a batch."""
    return f"{payload.object} {payload.path}"


def taken_paths(history: History, batch: str) -> tuple[str, ...]:
    """Return the paths of the payloads that were made of the batch with this id."""
    rows = history.catalog.about(batch, Annotation.kind)
    found = (history.annotation(row.record) for row in rows)
    messages = (each.message for each in found if each is not None and each.type == TAKEN)
    matches = (_MESSAGE.fullmatch(message) for message in messages)
    return tuple(sorted({match[2] for match in matches if match is not None}))


class TakenFeedback:
    """The payloads that were made of feedback, by their objects."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._batches: dict[str, dict[str, bool]] = {}
        dropped = history.catalog.dropped
        feedback = {row.record for row in history.catalog.rows if row.kind == Feedback.kind}
        for row in history.catalog.rows:
            if row.kind != Annotation.kind or row.about[0] not in feedback | dropped:
                continue
            found = history.annotation(row.record)
            match = _MESSAGE.fullmatch(found.message) if found and found.type == TAKEN else None
            if match is not None:
                batches = self._batches.setdefault(match[1], {})
                batches[row.about[0]] = row.about[0] in dropped

    def __bool__(self) -> bool:
        """Return True if any payload was made of feedback."""
        return bool(self._batches)

    def of_record(self, record: str) -> tuple[LearnedFrom, ...]:
        """Return the feedback that the snapshot with this id learned from."""
        if not self._batches:
            return ()
        snapshot = self._history.snapshot(record)
        return self.of_snapshot(snapshot) if snapshot is not None else ()

    def in_payloads(self, record: str) -> tuple[LearnedFrom, ...]:
        """Return the feedback in any payload of the snapshot with this id, used or not."""
        snapshot = self._history.snapshot(record) if self._batches else None
        if snapshot is None:
            return ()
        inputs = snapshot.run.inputs if snapshot.run is not None else ()
        return tuple(self._found(dict.fromkeys((*inputs, *snapshot.payloads))))

    def of_snapshot(self, snapshot: Snapshot) -> tuple[LearnedFrom, ...]:
        """Return the feedback that a snapshot's run used, or that it has without a run."""
        if not self._batches:
            return ()
        payloads = used_payloads(snapshot.run) if snapshot.run is not None else snapshot.payloads
        return tuple(self._found(payloads))

    def _found(self, payloads: Iterable[Payload]) -> Iterator[LearnedFrom]:
        for payload in payloads:
            batches = self._batches.get(str(payload.object), {})
            for batch, dropped in sorted(batches.items()):
                yield LearnedFrom(batch, payload.path, dropped)


def used_payloads(run: Run) -> Iterator[Payload]:
    """Yield the payloads that a run used: those that it read, if all that it read is known."""
    read = run.read
    known = read.paths if read is not None and read.complete else None
    for payload in run.inputs:
        if known is None or has_path(payload, known):
            yield payload


def has_path(payload: Payload, paths: Iterable[str]) -> bool:
    """Return True if any of the paths is that of the payload, or below it."""
    inside = f"{payload.path}/"
    return any(path == payload.path or path.startswith(inside) for path in paths)
