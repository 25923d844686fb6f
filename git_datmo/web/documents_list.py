"""Make the documents of the table of experiments: its columns in blocks, and small curves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from git_datmo import __version__
from git_datmo.history.render_cache import TextFormat
from git_datmo.model import Content, Form, Oid
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.report.curve_parts import curve_files, sparkline
from git_datmo.report.experiment_columns import TEXT, ValueColumn, seconds_of
from git_datmo.secrets.secret_rules import is_secret_name
from git_datmo.web.page_state import NoDocument, PageState

BLOCK = 20
"""Columns of a block."""
# A column of text is written as words and indexes if it has fewer than half as many words.
_REPEATS = 2


def experiments_document(state: PageState) -> dict[str, Any]:
    """Return the table of experiments with its facts, and the names of all other columns."""
    columns = state.columns
    head = state.ws.head()
    return {
        "version": __version__,
        "made": _newest(state),
        "repository": {
            "name": state.ws.root.name,
            "branch": state.ws.repo.git.text("branch", "--show-current").strip(),
            "head": str(head) if head is not None else "",
        },
        "count": len(columns.claims),
        "ids": [claim.row.record for claim in columns.claims],
        "facts": [column_document(state, column) for column in columns.facts],
        "columns": [
            {
                "name": column.name,
                "section": column.section,
                "kind": column.kind,
                "block": index // BLOCK,
                "present": column.present,
                "goal": column.goal,
            }
            for index, column in enumerate(columns.columns)
        ],
        "sparklines": [
            {"name": name, "document": f"sparklines/{index}"}
            for index, name in enumerate(columns.curves)
        ],
        # Last and empty: `LivePages` replaces the end of the document.
        "running": [],
    }


def _newest(state: PageState) -> float:
    """Return the time of the newest record, so that the same records make the same document."""
    rows = state.history.catalog.rows
    return max((seconds_of(row.created) for row in rows), default=0.0)


def block_document(state: PageState, number: int) -> dict[str, Any]:
    """Return a block of columns."""
    columns = state.columns.columns[number * BLOCK : (number + 1) * BLOCK]
    if not columns:
        raise NoDocument("the table has no such block", "reload the page")
    return {"columns": [column_document(state, column) for column in columns]}


def column_document(state: PageState, column: ValueColumn) -> dict[str, Any]:
    """Return a column; one of repeated texts as words and indexes."""
    masked: Sequence[Any] = column.values
    if is_secret_name(column.name):
        masked = [state.masker.named(column.name, value) for value in masked]
    start = {"name": column.name, "kind": column.kind}
    if column.kind == TEXT:
        words = dict.fromkeys(value for value in masked if value is not None)
        if len(words) * _REPEATS <= len(masked):
            numbers = {word: number for number, word in enumerate(words)}
            return {
                **start,
                "words": list(words),
                "index": [-1 if value is None else numbers[value] for value in masked],
            }
    return {**start, "values": masked}


def sparklines_document(state: PageState, number: int) -> dict[str, Any]:
    """Return a small curve of a metric for each experiment."""
    names = state.columns.curves
    if number >= len(names):
        raise NoDocument("the table has no such curves", "reload the page")
    name = names[number]
    texts = state.history.render(iter(state.columns.claims), _CURVES)
    rows: list[list[float] | None] = [None] * len(state.columns.claims)
    for claim, text in texts:
        series, files = json.loads(text)
        if name in files:
            content = Content(Oid.parse(series), Form.FOLDER, 0, 0)
            rows[state.indexes[claim.row.record]] = sparkline(state.ws, content, files[name])
    return {"name": name, "rows": rows}


def _encode_curves(snapshot: Snapshot) -> str:
    run = snapshot.run
    series = str(run.series.object) if run is not None and run.series is not None else ""
    return json.dumps([series, dict(curve_files(snapshot)) if series else {}])


_CURVES = TextFormat("curves-1", _encode_curves)
"""The format in which the files of curves are cached. Change its name with the values."""
