"""Time one call of each tracker, and the import of its package."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.bounds import OURS, Bound
from benchmarks.contest import Command, CommandFailed, Sample
from benchmarks.trackers.places import Place
from benchmarks.trackers.rows import FAILURES, Beyond, Figure, Row, Spent, beyond, bounded, failed
from benchmarks.trackers.scripts import calls_script, logged_value

ROUNDS, IMPORTS = 3, 15
MEDIAN_LIMIT, LATE_LIMIT, IMPORT_LIMIT = 5, 50, 40


@dataclass(slots=True)
class Reports:
    """The figures of one tool's scripts, a round each, and the reason of a failure."""

    spent: Spent = field(default_factory=Spent)
    rounds: list[dict[str, float]] = field(default_factory=list)
    failure: str = ""

    def median(self, name: str) -> float:
        """Return the median of a figure over the rounds."""
        return statistics.median(report[name] for report in self.rounds)


def measure_calls(places: Sequence[Place], calls: int) -> Iterator[Row]:
    """Yield rows with the median and the 99th percentile of one call."""
    reports = {place.tracker.name: Reports() for place in places}
    for number in range(ROUNDS):
        shift = number % len(places)
        for place in [*places[shift:], *places[:shift]]:
            report = reports[place.tracker.name]
            if report.failure:
                continue
            try:
                report.rounds.append(report.spent.during(_log, place, calls))
            except FAILURES as error:
                report.failure = str(error)
    yield from _rows(reports, "one call, median", "median", MEDIAN_LIMIT)
    yield from _rows(reports, "one call, 99th percentile", "late", LATE_LIMIT)
    for name, report in reports.items():
        if report.rounds and not report.failure:
            counts = sum(int(each["calls"]) for each in report.rounds)
            text = f"{Figure(report.median('busy'), 'µs')}; {counts:,} calls measured"
            yield Row(name, Bound("one call, processor time, mean", "", text, None), Spent())


def _rows(reports: dict[str, Reports], what: str, name: str, limit: float) -> Iterator[Row]:
    for tool, report in reports.items():
        if report.failure:
            yield failed(tool, what, report.failure, report.spent)
        else:
            yield bounded(tool, what, Figure(report.median(name), "µs"), limit, report.spent)


def _log(place: Place, calls: int) -> dict[str, float]:
    """Run the script once, and compare all stored values with the logged ones."""
    place.begin(calls_script(place.tracker, calls))
    target = place.box.side / "report.json"
    place.run(str(target))
    report: dict[str, float] = json.loads(target.read_text())
    expected = [logged_value(step) for step in range(int(report["calls"]) + 1)]
    found = place.stored()
    if found != expected:
        raise CommandFailed(f"{len(found)} stored values are not the {len(expected)} logged ones")
    return report


def measure_imports(places: Sequence[Place]) -> Iterator[Row]:
    """Yield rows with the time of an import beyond a bare interpreter."""
    what = "import, beyond `python -c pass`"
    spent = {place.tracker.name: Spent() for place in places}
    taken: dict[str, list[Beyond]] = {place.tracker.name: [] for place in places}
    failures = dict[str, str]()
    for number in range(IMPORTS + 1):
        for place in places:
            name = place.tracker.name
            if name in failures:
                continue
            try:
                more = spent[name].during(_import, place)
            except FAILURES as error:
                failures[name] = str(error)
                continue
            # The first import writes bytecode.
            if number:
                taken[name].append(more)
    for name, each in taken.items():
        if name in failures:
            yield failed(name, what, failures[name], spent[name])
        else:
            wall, cpu = (1000 * statistics.median(column) for column in zip(*each, strict=True))
            yield bounded(name, what, Figure(wall, "ms", cpu), IMPORT_LIMIT, spent[name])


def _import(place: Place) -> Beyond:
    """Return the time of an import, with the module of git-datmo that logs."""
    module = place.tracker.module
    loaded = f"import {module}" + ("; git_datmo.log_metric" if place.tracker.name == OURS else "")
    return beyond(_start(place, "pass"), _start(place, loaded))


def _start(place: Place, code: str) -> Sample:
    return place.box.time(Command((place.python, "-c", code), place.box.work, place.env))
