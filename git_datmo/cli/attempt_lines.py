"""Show the earlier attempts of a resumed run, and the curves that they have together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from git_datmo.cli.text_tables import shorten
from git_datmo.records.record_values import show_value
from git_datmo.report.attempt_summary import AttemptSummary, CurveSummary
from git_datmo.sizes import show_count


def attempt_lines(found: AttemptSummary | None) -> Iterator[str]:
    """Yield a line for each earlier attempt, the latest first, and one for each united curve."""
    if found is None:
        return
    for attempt in reversed(found.attempts[:-1]):
        run = attempt.snapshot.run
        ending = f"{run.ending}, {run.seconds:.1f} s" if run is not None else ""
        yield f"attempt:     {str(attempt.id)[:10]}  ({attempt.snapshot.created[:10]}, {ending})"
    if found.curves is None:
        yield "united:      (the curves are not available)"
    for name, curve in (found.curves or {}).items():
        yield f"united:      {shorten(name)}  {_curve_words(curve)}"


def _curve_words(curve: CurveSummary) -> str:
    """Return the numbers of a united curve in words."""
    values = {"last": curve.last, "min": curve.low, "max": curve.high, "best": curve.best}
    words = "  ".join(
        f"{label} {show_value(value)}" for label, value in values.items() if value is not None
    )
    counts = f"{show_count(curve.points, 'value')} of {show_count(curve.attempts, 'attempt')}"
    replaced = f", {curve.replaced} replaced" if curve.replaced else ""
    return f"{counts}{replaced}: {words}"


def attempts_document(found: AttemptSummary | None) -> dict[str, Any] | None:
    """Return the attempts of a resumed run as a JSON object; None if it resumes none."""
    if found is None:
        return None
    return {
        "experiments": [str(attempt.id) for attempt in found.attempts],
        "curves": None if found.curves is None else _curve_documents(found.curves),
    }


def _curve_documents(curves: Mapping[str, CurveSummary]) -> dict[str, Any]:
    """Return the JSON object of each united curve."""
    return {
        name: {
            "points": curve.points,
            "attempts": curve.attempts,
            "replaced": curve.replaced,
            "last": _json_number(curve.last),
            "min": _json_number(curve.low),
            "max": _json_number(curve.high),
            "best": None if curve.best is None else _json_number(curve.best),
        }
        for name, curve in curves.items()
    }


def _json_number(number: float) -> float | str:
    """Return a number, or the text for one that JSON does not have."""
    return number if isfinite(number) else show_value(number)
