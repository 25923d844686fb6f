"""Tell by the name of a metric which of its values are better."""

from __future__ import annotations

import re
from collections.abc import Iterable

GOALS = ("min", "max")

_SMALL = frozenset(
    {
        *("loss", "error", "err", "mse", "rmse", "mae", "mape", "nll", "perplexity", "ppl"),
        *("wer", "cer", "fid", "logloss", "brier", "regret"),
    }
)
_LARGE = frozenset(
    {
        *("acc", "accuracy", "f1", "auc", "auroc", "auprc", "precision", "recall", "r2", "map"),
        *("bleu", "rouge", "iou", "dice", "score", "psnr", "ssim", "mrr", "ndcg", "mcc", "reward"),
    }
)


def known_goals(names: Iterable[str]) -> dict[str, str]:
    """Return the goal of each metric whose name tells it."""
    return {name: goal for name in names if (goal := known_goal(name))}


def known_goal(name: str) -> str:
    """Return `min`, `max`, or '' if the name does not tell.

    The last word that tells decides: `val/top5_accuracy`, `loss_ce`, `mAP50`.
    """
    for word in reversed(re.findall(r"[a-z]+[0-9]?", name.lower())):
        for form in (word, word.rstrip("0123456789")):
            if form in _SMALL:
                return "min"
            if form in _LARGE:
                return "max"
    return ""
