"""Read the values of all experiments as columns, for tables of any size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any

from git_datmo.history.commit_data import Claim
from git_datmo.history.experiments import History
from git_datmo.query.evaluate import Row
from git_datmo.query.goals import known_goal
from git_datmo.query.names import DATA, METRICS, PARAMETERS, is_goal
from git_datmo.query.tags import TAGS, split_tags
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.receipt_record import Receipt
from git_datmo.report.commit_graph import CommitGraph
from git_datmo.report.experiment_list import ExperimentList, ListOptions, list_experiments
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.verdict import IDENTICAL, WITHIN

SHORT_ID = 10
NUMBER, TEXT, FLAG, MIXED = "number", "text", "flag", "mixed"
# JavaScript and others read larger integers inexactly.
EXACT = 1 << 53
# With more different sets of names, rows are turned one by one.
GROUPS = 200
_SECTIONS = {PARAMETERS: "params", METRICS: "metrics", DATA: "data"}
_PLAIN = ("command", "engine", "clean")
_ENDINGS = {"success": "completed"}


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """A value of all experiments, in their order; None for an experiment without it.

    `kind` is one of `NUMBER`, `TEXT`, `FLAG` and `MIXED`. `goal` is `max`, `min` or ''.
    """

    name: str
    section: str
    kind: str
    values: Sequence[Any]
    goal: str = ""

    @property
    def present(self) -> int:
        """Return the number of experiments with the value."""
        return len(self.values) - self.values.count(None)


@dataclass(frozen=True, slots=True)
class ExperimentColumns:
    """Experiments, newest first, their facts and values as columns, and metrics with curves."""

    claims: tuple[Claim, ...]
    rows: tuple[Row, ...]
    facts: tuple[ValueColumn, ...]
    columns: tuple[ValueColumn, ...]
    curves: tuple[str, ...]


def read_columns(
    ws: Workspace, history: History, graph: CommitGraph, options: ListOptions
) -> ExperimentColumns:
    """Return the experiments that the options choose, as columns."""
    listed = list_experiments(ws, history, options)
    known = set[str]().union(*listed.rows)
    metrics = sorted(name for name in known if name.startswith(METRICS))
    names = [
        *_PLAIN,
        *sorted(name for name in known if name.startswith(PARAMETERS)),
        *(name for name in metrics if not is_goal(name, known)),
        *sorted(name for name in known if name.startswith(DATA)),
    ]
    goals = {name for name in metrics if name.endswith(".goal")}
    every = transpose(listed.rows, (*names, *goals))
    columns = [_make_column(name, every, goals) for name in names]
    present = {column.name: column.present for column in columns}
    curves = order_curves(metrics, present)
    return ExperimentColumns(
        listed.claims,
        listed.rows,
        tuple(_facts(history, listed, graph)),
        tuple(column for column in columns if column.present),
        tuple(name.removeprefix(METRICS) for name in curves),
    )


def order_curves(metrics: Sequence[str], present: Mapping[str, int]) -> list[str]:
    """Return the metrics with curves, those of most experiments first.

    An export has small curves of the first few, and the page shows the first.
    """
    # Only a metric with a curve has bounds.
    curves = [name for name in metrics if f"{name}.min" in present and f"{name}.max" in present]
    return sorted(curves, key=lambda name: -present[name])


def transpose(rows: Sequence[Row], names: Iterable[str]) -> dict[str, Sequence[Any]]:
    """Return the values of each name in the order of the rows; None for a row without it.

    Rows with the same names are turned together, which is many times as fast as one by one.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(tuple(row), []).append(index)
    if len(groups) > GROUPS:
        return {name: [row.get(name) for row in rows] for name in names}
    turned = [
        (
            dict(zip(keys, zip(*(rows[i].values() for i in indexes), strict=True), strict=True)),
            indexes,
        )
        for keys, indexes in groups.items()
    ]
    # The groups lie one behind the other, so values are put back in the order of the rows.
    order = [index for indexes in groups.values() for index in indexes]
    positions = sorted(range(len(order)), key=order.__getitem__)
    columns: dict[str, Sequence[Any]] = {}
    for name in names:
        joined: list[Any] = []
        for column, indexes in turned:
            joined += column[name] if name in column else repeat(None, len(indexes))
        columns[name] = list(map(joined.__getitem__, positions)) if len(groups) > 1 else joined
    return columns


def _make_column(
    name: str, every: Mapping[str, Sequence[Any]], goals: Collection[str]
) -> ValueColumn:
    """Return the column of a value."""
    prefix = name[: name.find(".") + 1]
    section = _SECTIONS.get(prefix, "environment")
    values = every[name]
    types = set(map(type, values)) - {type(None)}
    if int in types:
        wide = [value for value in values if type(value) is int and abs(value) > EXACT]
        if wide:
            values = [_exact(value) for value in values]
            types = {*types, str}
    goal = _goal(name, every, goals) if section == "metrics" else ""
    return ValueColumn(name, section, _kind(types), values, goal)


def _exact(value: Any) -> Any:
    """Return a value; an integer that others would round as text."""
    # `type`, since True is an int for `isinstance`.
    return str(value) if type(value) is int and abs(value) > EXACT else value


def _kind(types: set[type]) -> str:
    """Return the kind of a column with values of these types."""
    if types <= {int, float}:
        return NUMBER
    if types == {bool}:
        return FLAG
    return TEXT if types == {str} else MIXED


def _goal(name: str, every: Mapping[str, Sequence[Any]], goals: Collection[str]) -> str:
    """Return the goal of a metric: the newest recorded one, else the one that its name tells."""
    recorded = f"{name.removesuffix('.best')}.goal"
    # Experiments are listed newest first.
    goal = next(filter(None, every[recorded]), "") if recorded in goals else ""
    if name.endswith((".min", ".max")) and not goal:
        return ""
    return str(goal) or known_goal(name.removeprefix(METRICS))


def _facts(history: History, listed: ExperimentList, graph: CommitGraph) -> Iterator[ValueColumn]:
    """Yield the facts about experiments that a table shows before any value."""
    claims, rows = listed.claims, listed.rows
    commits = [graph.commits.get(str(claim.commit)) for claim in claims]
    subjects = [
        str(row["message"]).partition("\n")[0] or (commit.subject if commit else "")
        for row, commit in zip(rows, commits, strict=True)
    ]
    receipts, remarks = count_receipts(history), _count_remarks(history)
    texts: dict[str, list[Any]] = {
        "subject": subjects,
        "message": [row["message"] or None for row in rows],
        "why": [row["why"] or None for row in rows],
        "author": [row["author"] for row in rows],
        "mail": [row["email"] for row in rows],
        "status": [_status(claim, row) for claim, row in zip(claims, rows, strict=True)],
        "commit": [str(claim.commit) for claim in claims],
        "branch": [graph.branches.get(str(claim.commit)) or None for claim in claims],
        "tags": [" ".join(split_tags(str(row.get(TAGS, "")))) or None for row in rows],
        "code": [_short(row.get("code")) for row in rows],
        "data": [claim.row.data[:SHORT_ID] or None for claim in claims],
        "environment": [_short(row.get("environment")) for row in rows],
        "receipts": [receipts.get(claim.row.record) for claim in claims],
    }
    numbers: dict[str, list[Any]] = {
        "time": [seconds_of(str(row["created"])) for row in rows],
        "seconds": [row.get("seconds") for row in rows],
        "exit": [row.get("exit_code") for row in rows],
        "annotations": [remarks.get(claim.row.record, 0) for claim in claims],
    }
    yield from (ValueColumn(name, "facts", TEXT, values) for name, values in texts.items())
    yield from (ValueColumn(name, "facts", NUMBER, values) for name, values in numbers.items())
    follows = [bool(claim.row.follows) for claim in claims]
    yield ValueColumn("is_data_only", "facts", FLAG, follows)


def _status(claim: Claim, row: Row) -> str | None:
    """Return how a run ended; `data` for a snapshot without a run that follows the data."""
    if claim.row.follows:
        return "data"
    ending = str(row.get("status", ""))
    return _ENDINGS.get(ending, ending) or None


def _short(value: Any) -> str | None:
    return str(value)[:SHORT_ID] if value else None


def seconds_of(created: str) -> float:
    """Return the time of a record in seconds since 1970; 0 for a time that is none."""
    whole, _, fraction = created.removesuffix("Z").partition(".")
    try:
        # Python 3.10 parses fractions of three or six digits alone.
        moment = datetime.fromisoformat(f"{whole}+00:00")
        return moment.timestamp() + float(f"0.{fraction or 0}")
    except ValueError:
        return 0.0


def count_receipts(history: History) -> dict[str, str]:
    """Return a summary of the receipts of each experiment that has any."""
    verdicts: dict[str, Counter[str]] = {}
    for receipt in history.every(Receipt):
        verdict = "reproduced" if receipt.verdict in (IDENTICAL, WITHIN) else receipt.verdict
        word = {"different": "differs"}.get(verdict, verdict)
        verdicts.setdefault(str(receipt.snapshot), Counter())[word] += 1
    return {
        oid: ", ".join(f"{word} {count}" for word, count in sorted(counts.items()))
        for oid, counts in verdicts.items()
    }


def _count_remarks(history: History) -> Counter[str]:
    """Return the number of annotations of each record; tags and signatures are left out."""
    return Counter(
        str(each.record)
        for each in history.every(Annotation)
        if each.message and not each.signature
    )
