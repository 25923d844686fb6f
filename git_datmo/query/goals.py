"""Decide whether a large or a small value of a metric is better."""

from __future__ import annotations

import re
from collections.abc import Iterable

from git_datmo.errors import UsageError
from git_datmo.query.aggregate import to_float
from git_datmo.query.evaluate import Row, as_number, is_nan

MAXIMUM, MINIMUM = "max", "min"
GOALS = (MINIMUM, MAXIMUM)

_SMALL = frozenset(
    {
        *("loss", "losses", "logloss", "nll", "bce", "hinge", "cost", "regret", "deviance"),
        *("error", "errors", "err", "mse", "rmse", "mae", "mape", "rmsle", "wer", "cer", "eer"),
        *("perplexity", "ppl", "fid", "brier", "kl", "distance", "divergence"),
        *("latency", "time", "seconds", "duration", "memory", "bytes"),
    }
)
_LARGE = frozenset(
    {
        *("acc", "accuracy", "f1", "auc", "auroc", "auprc", "precision", "recall", "r2", "map"),
        *("bleu", "rouge", "iou", "dice", "score", "psnr", "ssim", "mrr", "ndcg", "mcc", "reward"),
    }
)
_WORDS = re.compile(r"[a-z]+[0-9]?")
_HUMP = re.compile(r"([a-z])([A-Z])")


def known_goals(names: Iterable[str]) -> dict[str, str]:
    """Return the goal of each metric whose name tells it."""
    return {name: goal for name in names if (goal := known_goal(name))}


def known_goal(name: str) -> str:
    """Return `min`, `max`, or '' if the name of a metric does not tell.

    The last word that tells decides: `val/top5_accuracy`, `loss_ce`, `mAP50`, `valLoss`.
    """
    # The name as it is comes first, since `mAP` would be split in two.
    return _goal_of_words(name) or _goal_of_words(_HUMP.sub(r"\1 \2", name))


def _goal_of_words(name: str) -> str:
    """Return the goal that the last known word of a name tells; '' if it has none."""
    for word in reversed(_WORDS.findall(name.lower())):
        # The digit belongs to names like `f1` and `r2`, but not to `mAP50`.
        for form in (word, word.rstrip("0123456789")):
            if form in _SMALL:
                return MINIMUM
            if form in _LARGE:
                return MAXIMUM
    return ""


def split_goal(word: str) -> tuple[str, str]:
    """Return the name and the goal in `NAME`, `min:NAME` or `max:NAME`; '' for no goal."""
    goal, colon, name = word.partition(":")
    return (name, goal) if colon and goal in GOALS else (word, "")


def choose_goal(name: str, recorded: Iterable[str]) -> str:
    """Return the goal that experiments recorded for the metric `name`, or that its name tells.

    Raises `UsageError` if neither tells, or if the experiments do not agree.
    """
    goals = set(filter(None, recorded)) or set(filter(None, [known_goal(name)]))
    if len(goals) == 1:
        return goals.pop()
    short = name if len(name) <= 100 else f"{name[:100]}…"
    what = "experiments disagree" if goals else "no experiment says"
    raise UsageError(
        f"{what} whether small or large values of '{short}' are better",
        f"give --best 'max:{short}' or --best 'min:{short}'",
    )


def recorded_goals(rows: Iterable[Row], name: str) -> set[str]:
    """Return the goals that rows have for a metric, or for a further value of its curve."""
    names = (f"{name}.goal", f"{name.rpartition('.')[0]}.goal")
    return {str(row[each]) for row in rows for each in names if each in row}


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
