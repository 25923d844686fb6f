"""Read the values of many experiments, by which they are chosen, sorted and grouped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from git_datmo.history.annotations import shown_tags_of
from git_datmo.history.commit_data import Claim
from git_datmo.history.experiments import History
from git_datmo.history.render_cache import TextFormat
from git_datmo.query.names import DATA, METRICS, PARAMETERS
from git_datmo.query.tags import TAGS, join_tags, split_tags
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Curve, Run, Snapshot


def make_values(snapshot: Snapshot) -> dict[str, Value]:
    """Return the values of a snapshot by their full names (`query.names`)."""
    values: dict[str, Value] = {
        "created": snapshot.created,
        "author": snapshot.author.name,
        "email": snapshot.author.email,
        "message": snapshot.message,
        "why": snapshot.why,
        "clean": snapshot.clean,
        "tree": str(snapshot.tree),
    }
    if snapshot.code is not None:
        values["code"] = str(snapshot.code.object)
    if snapshot.environment is not None:
        values["environment"] = str(snapshot.environment.object)
    if snapshot.tags:
        values[TAGS] = join_tags(snapshot.tags)
    if snapshot.run is not None:
        values |= _run_values(snapshot.run)
    values |= {PARAMETERS + name: value for name, value in snapshot.parameters.items()}
    values |= {METRICS + name: value for name, value in snapshot.metrics.items()}
    for name, curve in snapshot.curves.items():
        values |= _curve_values(name, curve)
    values |= {DATA + each.path: str(each.object) for each in snapshot.payloads}
    return values


def _run_values(run: Run) -> dict[str, Value]:
    """Return the values of a run."""
    values: dict[str, Value] = {
        "command": " ".join(run.command),
        "engine": run.engine,
        "seconds": run.seconds,
    }
    if run.exit_code is not None:
        values["exit_code"] = run.exit_code
    if run.ending:
        values["status"] = run.ending
    return values


def _curve_values(name: str, curve: Curve) -> dict[str, Value]:
    """Return the smallest, the largest and the best value of a metric with a curve, and its
    goal."""
    values: dict[str, Value] = {"min": curve.min, "max": curve.max}
    if curve.best is not None:
        values |= {"best": curve.best, "goal": curve.goal}
    return {f"{METRICS}{name}.{which}": value for which, value in values.items()}


ROWS = TextFormat("rows-2", lambda snapshot: json.dumps(make_values(snapshot)))
"""The format in which the values of a snapshot are cached. Change its name with the values."""


def read_rows(
    history: History, claims: Iterable[Claim]
) -> tuple[Sequence[Claim], list[dict[str, Value]]]:
    """Return the claims that can be read, and the values of each."""
    rendered = list(history.render(iter(claims), ROWS))
    # One text is parsed much faster than many.
    rows = json.loads(f"[{','.join(text for _, text in rendered)}]")
    for (claim, _), row in zip(rendered, rows, strict=True):
        row["id"] = claim.row.record
        row["commit"] = str(claim.commit)
        if claim.row.record in history.catalog.tagged:
            tags = shown_tags_of(history.catalog, claim.row.record, split_tags(row.pop(TAGS, "")))
            if tags:
                row[TAGS] = join_tags(tags)
    return [claim for claim, _ in rendered], rows
