"""Show experiments in a notebook, as plain HTML without scripts and styles.

All texts are escaped and cut, and control characters are replaced. So the HTML stays the same in
a notebook that is exported or is not trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from git_datmo.records.record_values import Value, show_value
from git_datmo.records.snapshot_record import Curve, Snapshot
from git_datmo.sizes import show_count
from git_datmo.terminal_text import make_printable

TEXT_LIMIT = 200
ROWS_LIMIT, COLUMNS_LIMIT = 100, 40
SHORT_ID = 10


def experiment_html(oid: str, commit: str, snapshot: Snapshot) -> str:
    """Return an experiment as a table of its facts, one of parameters, and one of metrics."""
    title = snapshot.message or oid[:SHORT_ID]
    parts = [f"<strong>{_text(title)}</strong>", _table((), _facts(oid, commit, snapshot))]
    if snapshot.parameters:
        parts.append(_table(("parameter", "value"), _sorted(snapshot.parameters.items())))
    if snapshot.metrics:
        names = ("metric", "last", "best", "min", "max", "values")
        parts.append(_table(names, _sorted(_metrics(snapshot))))
    return f"<div>{''.join(parts)}</div>"


def experiments_html(columns: Mapping[str, Sequence[Any]]) -> str:
    """Return columns of experiments as a table; columns that are empty are left out."""
    chosen = {
        name: values
        for name, values in columns.items()
        if any(value not in (None, "") for value in values)
    }
    total = max(map(len, columns.values()), default=0)
    names = list(chosen)[:COLUMNS_LIMIT]
    rows = [
        [_short(name, chosen[name][index]) for name in names]
        for index in range(min(total, ROWS_LIMIT))
    ]
    said = show_count(total, "experiment")
    if total > ROWS_LIMIT:
        said += f", the first {ROWS_LIMIT} of which are shown"
    if len(chosen) > COLUMNS_LIMIT:
        said += f"; {len(chosen) - COLUMNS_LIMIT} columns are left out: columns() has them"
    return f"<div>{_table(names, rows) if rows else ''}<p>{said}</p></div>"


def _facts(oid: str, commit: str, snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each fact about an experiment."""
    yield "snapshot", oid[:SHORT_ID]
    yield "commit", commit[:SHORT_ID]
    yield "author", snapshot.author.name
    yield "created", snapshot.created
    if snapshot.why:
        yield "why", snapshot.why
    run = snapshot.run
    if run is not None:
        yield "command", " ".join(run.command)
        yield "status", run.ending
        yield "seconds", run.seconds
    if snapshot.tags:
        yield "tags", ", ".join(snapshot.tags)


def _metrics(snapshot: Snapshot) -> Iterator[Sequence[Any]]:
    """Yield the cells of each metric."""
    for name, value in snapshot.metrics.items():
        curve: Curve | None = snapshot.curves.get(name)
        if curve is None:
            yield name, value, None, None, None, 1
        else:
            yield name, value, curve.best, curve.min, curve.max, curve.points


def _sorted(rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    """Return rows in the order of their first cells."""
    return sorted(rows, key=lambda row: str(row[0]))[:ROWS_LIMIT]


def _short(name: str, value: Any) -> Any:
    """Return a value of a column; ids are cut."""
    return str(value)[:SHORT_ID] if name in ("id", "commit") and value else value


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return an HTML table."""
    top = f"<thead><tr>{''.join(f'<th>{_text(each)}</th>' for each in head)}</tr></thead>"
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{top if head else ''}<tbody>{body}</tbody></table>"


def _text(value: Value | None) -> str:
    """Return a value as HTML text."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else show_value(value)
    cut = text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}…"
    # A notebook is stored as UTF-8, which has no lone surrogates.
    whole = cut.encode("utf-8", "replace").decode()
    return escape(make_printable(whole))
