"""Choose experiments by words: a range or revision, a tag, or a condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from git_datmo.errors import UsageError
from git_datmo.history.annotations import tags_of
from git_datmo.history.experiments import History, Revisions
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.report.experiment_list import ListOptions
from git_datmo.repository.workspace import Workspace


def choose_by_words(
    ws: Workspace, history: History, words: Sequence[str], every: ListOptions
) -> ListOptions:
    """Return options for the experiments of `every` that all words choose.

    A word with '..', or one that git knows as a revision, limits the history. Any other word is a
    tag if some experiment has it, else a condition as of `git datmo log --where`.
    """
    revisions: list[str] = []
    tags: list[str] = []
    conditions: list[str] = []
    for word in words:
        if _is_revision(ws, word):
            revisions.append(word)
        elif _is_tag(history, word):
            tags.append(word)
        else:
            conditions.append(word)
    if any(not word for word in words):
        raise UsageError("'--only' needs a range, a tag or a condition", "leave it out for all")
    return replace(
        every,
        revisions=Revisions(tuple(revisions)) if revisions else every.revisions,
        tags=tuple(tags),
        where=" and ".join(f"({each})" for each in conditions),
    )


def _is_revision(ws: Workspace, word: str) -> bool:
    """Return True for a range, and for the name of a commit."""
    if not word or word.startswith("-"):
        return False
    done = ws.repo.git.finish("rev-parse", "--revs-only", "-q", "--end-of-options", word)
    return done.returncode == 0 and bool(done.stdout.strip())


def _is_tag(history: History, word: str) -> bool:
    """Return True if some experiment has the tag."""
    if any(word in tags_of(history.catalog, record) for record in history.catalog.tagged):
        return True
    return any(word in snapshot.tags for snapshot in history.every(Snapshot))
