"""List the experiments of a history: choose, sort, limit and group them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice

from git_datmo.errors import UsageError
from git_datmo.history.commit_data import Claim
from git_datmo.history.experiment_rows import read_rows
from git_datmo.history.experiments import History, Revisions
from git_datmo.query.aggregate import Group, Summary, group_rows, numbers_of, summarise
from git_datmo.query.conditions import parse_condition, parse_names, rename
from git_datmo.query.evaluate import Row, as_number, matches, sort_key
from git_datmo.query.goals import best_row, choose_goal, recorded_goals, split_goal
from git_datmo.query.names import METRICS, Names, is_goal
from git_datmo.query.tags import TAGS, join_tags, split_tags
from git_datmo.report.path_filter import PathFilter
from git_datmo.repository.workspace import Workspace

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Experiments to list.

    `follows` includes snapshots that only follow the data. `where`, `sort` and `best` are texts of
    the user. `author` is a regular expression for 'Name <address>'. `since` and `until` are dates
    as git reads them. An experiment must have all of `tags`. `limit` None lists all. `names_values`
    says that the form of the list names values, which some experiment must have.
    """

    revisions: Revisions
    paths: tuple[str, ...] = ()
    follows: bool = False
    where: str = ""
    author: str = ""
    since: str = ""
    until: str = ""
    sort: str = ""
    best: str = ""
    tags: tuple[str, ...] = ()
    limit: int | None = None
    names_values: bool = False

    @property
    def needs_values(self) -> bool:
        """Return True if the values of all experiments must be read."""
        words = (self.where, self.author, self.since, self.until, self.sort, self.best)
        return any(words) or bool(self.paths or self.tags) or self.names_values


@dataclass(frozen=True, slots=True)
class ExperimentList:
    """Experiments with their values, in the order of the list.

    `best_by` is the metric and goal by which one was chosen, or None.
    """

    claims: tuple[Claim, ...]
    rows: tuple[Row, ...]
    names: Names
    best_by: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class GroupedList:
    """Groups of experiments, with a summary of each metric; None for a metric without a number."""

    keys: tuple[str, ...]
    metrics: tuple[str, ...]
    groups: tuple[tuple[Group, Mapping[str, Summary | None]], ...]


def iterate_claims(history: History, options: ListOptions) -> Iterator[Claim]:
    """Yield the experiments of a list that no value decides, newest first, as they are found."""
    return islice(_claims(history, options), options.limit)


def _claims(history: History, options: ListOptions) -> Iterator[Claim]:
    for claim in history.claims(options.revisions, at_once=options.needs_values):
        if options.follows or not claim.row.follows:
            yield claim


def list_experiments(ws: Workspace, history: History, options: ListOptions) -> ExperimentList:
    """Return the experiments that the options choose.

    Raises `UsageError` for an invalid option, and `DatmoError` for a value that no experiment has.
    """
    accepts = _own_tests(ws, options)
    # Without a test, the limit bounds how many are read.
    needed = _claims(history, options) if options.needs_values else iterate_claims(history, options)
    claims, rows = read_rows(history, needed)
    names = Names({name for row in rows for name in row})
    if options.where:
        accepts.append(_where_test(options.where, names))
    if options.paths:
        paths = PathFilter(ws, history, options.revisions, options.paths, follows=options.follows)
        accepts.append(paths.accepts)
    chosen = [
        (claim, row)
        for claim, row in zip(claims, rows, strict=True)
        if all(accept(row) for accept in accepts)
    ]
    best_by = None
    # Sorting is stable, so the list is sorted by the most important name last.
    for name, falling in reversed(_sort_terms(options.sort, names) if chosen else []):
        chosen.sort(key=_sorting(name, falling=falling))
    if options.best and chosen:
        found = [row for _, row in chosen]
        best_by = _best_by(options.best, names, found)
        best = best_row(found, *best_by)
        # Several experiments may have equal rows, so the object itself is compared.
        chosen = [pair for pair in chosen if pair[1] is best]
    chosen = chosen[: options.limit]
    return ExperimentList(
        tuple(claim for claim, _ in chosen), tuple(row for _, row in chosen), names, best_by
    )


def _sorting(name: str, *, falling: bool) -> Callable[[tuple[Claim, Row]], tuple[object, ...]]:
    """Return the key by which experiments are sorted."""
    return lambda pair: sort_key(pair[1].get(name), falling=falling)


def _own_tests(ws: Workspace, options: ListOptions) -> list[Callable[[Row], bool]]:
    """Return the tests of author and time; check the other texts of the user."""
    if options.where:
        parse_condition(options.where)
    if options.sort:
        _split_terms(options.sort)
    tests: list[Callable[[Row], bool]] = []
    if options.author:
        tests.append(_author_test(options.author))
    if options.tags:
        wanted = frozenset(split_tags(join_tags(options.tags)))
        tests.append(lambda row: wanted <= set(split_tags(str(row.get(TAGS, "")))))
    if options.since:
        since = _read_date(ws, "--since", options.since)
        tests.append(lambda row: str(row["created"]) >= since)
    if options.until:
        until = _read_date(ws, "--until", options.until)
        # Records have fractions of a second, and the whole second of the date is included.
        tests.append(lambda row: str(row["created"])[:19] <= until)
    return tests


def _where_test(text: str, names: Names) -> Callable[[Row], bool]:
    condition = rename(parse_condition(text), names.find)
    return lambda row: matches(condition, row)


def _author_test(pattern: str) -> Callable[[Row], bool]:
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UsageError(
            f"--author: '{pattern}' is not a regular expression: {error}",
            "put '\\' before special characters",
        ) from None
    return lambda row: search(f"{row['author']} <{row['email']}>") is not None


def _read_date(ws: Workspace, option: str, text: str) -> str:
    """Return a date as git reads it, in the form of records without a fraction of a second."""
    if _DAY.fullmatch(text):
        # Git would add the present time of day.
        text += " 00:00:00" if option == "--since" else " 23:59:59"
    word = ws.repo.git.text("rev-parse", f"{option}={text}")
    stamp = int(word.partition("=")[2])
    # The limit is the last second of the year 9999, as `datetime` allows no later one.
    moment = datetime.fromtimestamp(min(stamp, 253402300799), timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _split_terms(text: str) -> list[tuple[str, bool]]:
    """Return the names in `NAME,-NAME…`, each with True for falling order."""
    return [
        (name.removeprefix("-").removeprefix("+"), name.startswith("-"))
        for name in parse_names(text)
    ]


def _sort_terms(text: str, names: Names) -> list[tuple[str, bool]]:
    """Return the full names by which a list is sorted."""
    return [(names.find(name), falling) for name, falling in _split_terms(text)] if text else []


def _best_by(word: str, names: Names, rows: Sequence[Row]) -> tuple[str, str]:
    """Return the full name and the goal that `--best` means, among experiments with these rows."""
    name, goal = split_goal(word)
    full = names.find(parse_names(name)[0])
    return full, goal or choose_goal(full.removeprefix(METRICS), recorded_goals(rows, full))


def group_experiments(listed: ExperimentList, by: str, metrics: Sequence[str]) -> GroupedList:
    """Group a list by values; summarise `metrics`, or all numeric metrics for none."""
    keys = tuple(map(listed.names.find, parse_names(by)))
    groups = group_rows(listed.rows, keys)
    chosen = tuple(metrics) or tuple(
        name
        for name in listed.names.metrics()
        if any(as_number(row.get(name)) is not None for row in listed.rows)
    )
    summaries = (
        {name: summarise(numbers_of(group.rows, name)) for name in chosen} for group in groups
    )
    return GroupedList(keys, chosen, tuple(zip(groups, summaries, strict=True)))


def choose_columns(listed: ExperimentList, columns: str) -> tuple[str, ...]:
    """Return the full names of columns; of the usual ones and all figures for an empty text."""
    if columns:
        return tuple(map(listed.names.find, parse_names(columns)))
    usual = ("id", "commit", "created", "author", "message", "status")
    figures = {
        name
        for row in listed.rows
        for name in row
        if name.startswith(("params.", "metrics.")) and not is_goal(name, row)
    }
    return (*usual, *sorted(figures, key=lambda name: (not name.startswith("params."), name)))
