"""Decide whether a large or a small value of a metric is better."""

from __future__ import annotations

import re
from collections.abc import Iterable

from git_datmo.query.aggregate import to_float
from git_datmo.query.evaluate import Row, as_number, is_nan

MAXIMUM, MINIMUM = "max", "min"

# Words of names of which the smaller value is better, as frameworks use them.
_SMALL = frozenset(
    {
        *("loss", "losses", "logloss", "nll", "bce", "hinge", "cost", "regret", "deviance"),
        *("error", "errors", "err", "mse", "rmse", "mae", "mape", "rmsle", "wer", "cer", "eer"),
        *("perplexity", "ppl", "fid", "kl", "distance", "divergence"),
        *("latency", "time", "seconds", "duration", "memory", "bytes"),
    }
)
_WORDS = re.compile(r"[A-Za-z]+")


def goal_of(name: str) -> str:
    """Return `min` or `max` for a metric, by the words in its name."""
    words = {word.lower() for word in _WORDS.findall(re.sub(r"([a-z])([A-Z])", r"\1 \2", name))}
    return MINIMUM if words & _SMALL else MAXIMUM


def split_goal(word: str) -> tuple[str, str]:
    """Return the name and the goal in `NAME`, `min:NAME` or `max:NAME`; '' for no goal."""
    goal, colon, name = word.partition(":")
    return (name, goal) if colon and goal in (MAXIMUM, MINIMUM) else (word, "")


def best_row(rows: Iterable[Row], name: str, goal: str) -> Row | None:
    """Return the first row with the best number under a name; None if there is none."""
    sign = -1 if goal == MINIMUM else 1
    best: tuple[float, Row] | None = None
    for row in rows:
        number = as_number(row.get(name))
        if number is None or is_nan(number):
            continue
        score = sign * to_float(number)
        if best is None or score > best[0]:
            best = score, row
    return best[1] if best else None
