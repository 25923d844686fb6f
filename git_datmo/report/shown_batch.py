"""Describe a batch of feedback that a person names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from git_datmo.history.experiments import History
from git_datmo.history.taken_feedback import taken_paths
from git_datmo.progress import Progress
from git_datmo.report.feedback_status import SnapshotFeedback, feedback_document, read_batch
from git_datmo.repository.workspace import Workspace
from git_datmo.serving.feedback_batches import FeedbackBatch, find_batches


@dataclass(frozen=True, slots=True)
class ShownBatch:
    """A batch, the feedback in it, and the paths of the data that were made of it."""

    batch: FeedbackBatch
    feedback: tuple[SnapshotFeedback, ...]
    taken: tuple[str, ...]


def read_shown_batch(ws: Workspace, history: History, name: str, progress: Progress) -> ShownBatch:
    """Return the batch whose id begins with `name`. Missing events are fetched.

    Raises `DatmoError` for no batch, for several, and for a dropped one.
    """
    (batch,) = find_batches(ws, history, [name])
    taken = taken_paths(history, str(batch.id))
    return ShownBatch(batch, read_batch(ws, history, batch, progress), taken)


def batch_document(shown: ShownBatch) -> dict[str, Any]:
    """Return the document of a batch, for `--json`."""
    feedback = shown.batch.feedback
    return {
        "id": str(shown.batch.id),
        "kind": feedback.kind,
        "snapshot": str(feedback.snapshot),
        "commit": str(feedback.commit),
        "created": feedback.created,
        "author": {"name": feedback.author.name, "email": feedback.author.email},
        "size": feedback.content.size,
        "taken": list(shown.taken),
        "feedback": [feedback_document(each) for each in shown.feedback],
    }
