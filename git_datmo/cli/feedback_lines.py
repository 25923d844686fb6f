"""Show which feedback an experiment learned from, and the copies of forgotten events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from git_datmo.history.taken_feedback import LearnedFrom
from git_datmo.sizes import show_count
from git_datmo.terminal_text import make_printable

if TYPE_CHECKING:
    from git_datmo.serving.forget_feedback import Forgotten

MOST_WAITING = 5


def learned_lines(found: Sequence[LearnedFrom]) -> Iterator[str]:
    """Yield a line for each payload that was made of feedback, with the ids of its batches."""
    for path, batches in groupby(found, key=lambda each: each.path):
        ids = ", ".join(
            f"{each.batch[:10]}{' (dropped)' if each.dropped else ''}" for each in batches
        )
        yield f"learned from feedback {ids} ({make_printable(path)})"


def learned_keys(found: Sequence[LearnedFrom]) -> dict[str, Any]:
    """Return the key `feedback` of the JSON document of an experiment."""
    return {
        "feedback": [
            {"batch": each.batch, "path": each.path, "dropped": each.dropped} for each in found
        ]
    }


def waiting_lines(waiting: Mapping[str, Counter[str]]) -> Iterator[str]:
    """Yield a line for each snapshot whose events could not be collected."""
    for short, counts in sorted(waiting.items())[:MOST_WAITING]:
        yield (
            f"{show_count(counts.total(), 'event')} of snapshot {short}, which is not in this"
            " clone: kept in the log for a later collection"
        )
    if len(waiting) > MOST_WAITING:
        yield f"the same for {show_count(len(waiting) - MOST_WAITING, 'other snapshot')}"


def forgotten_lines(forgotten: Forgotten, *, dry: bool) -> Iterator[str]:
    """Yield a line for each batch that lost events, and one for all."""
    for each in forgotten.batches:
        events = show_count(each.removed, "event")
        old = str(each.old.id)[:10]
        if dry:
            yield f"would remove {events} of feedback {old}"
        elif each.new is None:
            yield f"removed {events} of feedback {old}, which has no others and is dropped"
        else:
            yield f"removed {events} of feedback {old}, which is now {str(each.new)[:10]}"


def remains(forgotten: Forgotten) -> Iterator[str]:
    """Yield each copy of the events that remains, with the command that frees it."""
    if forgotten.in_log:
        yield (
            f"the log has {show_count(forgotten.in_log, 'event')} of them: delete its files that"
            " are collected and that no server writes"
        )
    if forgotten.uncollected:
        yield (
            f"{show_count(forgotten.uncollected, 'event')} of the log will be in the next batch:"
            " 'git datmo feedback collect' makes it, then forget them in it"
        )
    for each in forgotten.data:
        yield (
            f"snapshot {each.snapshot[:10]} has data that were made of these batches"
            f" ({make_printable(each.path)}): 'git datmo feedback take' makes them anew, and"
            f" 'git datmo drop {each.snapshot[:10]}' drops the old"
        )
    yield "this clone has the old objects until 'git datmo gc'"
    for name in forgotten.remotes:
        yield (f"'{name}' has the old objects: 'git datmo drop --remote {name}' lets it free them")
    yield (
        "other clones have the old objects until they fetch and run 'git datmo gc'; forks and a"
        " host's caches are out of reach, and models that learned from the events do not change"
    )
