"""Reproduce several snapshots from the command line."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence

from git_datmo.cli.console import Console
from git_datmo.cli.rerun_options import (
    find_limits,
    limits_for,
    open_means,
    receipt_tags,
    warn_of_weaker,
)
from git_datmo.cli.verdicts import GOOD, receipt_document, verdict_lines
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found, History
from git_datmo.operations.reproduce_many import (
    Result,
    WantedReproduction,
    reproduce_here,
    reproduce_on_cluster,
)
from git_datmo.payloads.checkout_target import find_experiment
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.reproduce import Reproduced
from git_datmo.runs.tolerances import find_tolerances, parse_tolerances


def reproduce_many(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Reproduce all snapshots, print each verdict as it arrives, and return the exit code.

    The exit code is the largest of all snapshots. An error does not stop the other reruns.
    """
    every = _find_all(options, console, ws)
    status, verdicts = 0, Counter[str]()
    for found, done in (_on_cluster if options.cluster else _here)(options, console, ws, every):
        if isinstance(done, DatmoError):
            status = max(status, _tell_error(options, console, found, done))
            continue
        _tell(options, console, found, done)
        verdicts[done.receipt.verdict] += 1
        status = max(status, 0 if done.receipt.verdict in GOOD else 1)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    console.tell(
        f"{verdicts.total()} of {len(every)} were rerun" + (f": {counts}" if counts else "")
    )
    return status


def _find_all(options: argparse.Namespace, console: Console, ws: Workspace) -> list[Found]:
    """Return the snapshots that the user named, each once."""
    history = History(ws)
    named = (
        find_experiment(ws, history, name, progress=console.progress()) for name in options.names
    )
    return list({found.id: found for found in named}.values())


def _tolerances(
    options: argparse.Namespace, ws: Workspace, every: Sequence[Found]
) -> list[dict[str, float]]:
    """Return the tolerances of each snapshot."""
    given = parse_tolerances(options.tolerance)
    return [find_tolerances(ws, found.snapshot, given) for found in every]


def _here(
    options: argparse.Namespace, console: Console, ws: Workspace, every: Sequence[Found]
) -> Iterator[Result]:
    """Yield the results of reruns on this machine."""
    from git_datmo.cli.streams import copy_to_errors

    tolerances = _tolerances(options, ws, every)
    with open_means(options, console, ws, every, copy_to_errors) as rerun_options:
        wanted = [
            WantedReproduction(
                found, limits_for(options, rerun_options.engine.name, found), allowed
            )
            for found, allowed in zip(every, tolerances, strict=True)
        ]
        yield from reproduce_here(
            ws, wanted, rerun_options, repeat=options.repeat, sign=options.sign
        )


def _on_cluster(
    options: argparse.Namespace, console: Console, ws: Workspace, every: Sequence[Found]
) -> Iterator[Result]:
    """Yield the results of reruns on a Dask cluster."""
    tolerances = _tolerances(options, ws, every)
    engine, limits = find_limits(options, console, ws, every)
    wanted = [WantedReproduction(*each) for each in zip(every, limits, tolerances, strict=True)]
    yield from reproduce_on_cluster(
        ws,
        wanted,
        options.cluster,
        engine,
        repeat=options.repeat,
        sign=options.sign,
        tags=receipt_tags(options),
    )
    warn_of_weaker(options, console, engine)


def _tell(options: argparse.Namespace, console: Console, found: Found, done: Reproduced) -> None:
    """Print the verdict and the warnings of a rerun."""
    if options.json:
        console.print_json(
            {"id": str(done.id) if done.id else None, **receipt_document(done.receipt)}
        )
    else:
        console.print(console.paint("yellow", _headline(found)))
        for line in verdict_lines(done.receipt, console):
            console.print(line)
        console.print()
    # Each verdict shows when its rerun has ended, in a pipe too.
    console.out.flush()
    for warning in done.warnings:
        console.warn(f"{str(found.id)[:10]}: {warning}")


def _tell_error(
    options: argparse.Namespace, console: Console, found: Found, error: DatmoError
) -> int:
    """Print the error of a rerun with the snapshot's headline; return its exit code."""
    from git_datmo.cli.main import tell

    named = DatmoError(f"{_headline(found)}: {error.what}", error.hint)
    tell(named, console, as_json=options.json)
    return error.exit_code


def _headline(found: Found) -> str:
    """Return the short id of a snapshot with the first line of its message."""
    first = next(iter(found.snapshot.message.splitlines()), "")
    return f"snapshot {str(found.id)[:10]}" + (f" ({first})" if first else "")
