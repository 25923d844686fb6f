"""Find the earlier attempts that a run resumes."""

from __future__ import annotations

from dataclasses import dataclass

from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.records.snapshot_record import Snapshot


@dataclass(frozen=True, slots=True)
class Attempt:
    """Snapshot of a run that a later run resumes, or of that later run."""

    id: Oid
    snapshot: Snapshot


def attempts_of(history: History, oid: Oid, snapshot: Snapshot) -> tuple[Attempt, ...]:
    """Return an experiment and the attempts that it resumes, the earliest first.

    The chain ends at a record that is missing or dropped. It has no circle, since a record is
    named by its content.
    """
    found = [Attempt(oid, snapshot)]
    while (run := found[-1].snapshot.run) is not None and run.attempt is not None:
        name = str(run.attempt)
        earlier = None if name in history.catalog.dropped else history.snapshot(name)
        if earlier is None:
            break
        found.append(Attempt(run.attempt, earlier))
    return tuple(reversed(found))
