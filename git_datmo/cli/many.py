"""Many reproductions in one command: one after the other here, or by the workers of a cluster."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from git_datmo.cli.console import Console
from git_datmo.cli.rerunning import find_limits, limits_for, open_means, warn_of_weaker
from git_datmo.cli.verdicts import GOOD, receipt_document, verdict_lines
from git_datmo.errors import DatmoError
from git_datmo.flows.history import Found, History
from git_datmo.flows.running.reproduce import Reproduced, reproduce
from git_datmo.flows.running.rerun import Means
from git_datmo.flows.running.scratch import scratch_folder
from git_datmo.flows.running.tolerances import find_tolerances, parse_tolerances
from git_datmo.flows.target import find_experiment
from git_datmo.flows.workspace import Workspace

Result = tuple[Found, Reproduced | DatmoError]


def reproduce_many(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Reproduce all that were named; prints what came of each as it comes, and returns the exit code."""
    history = History(ws)
    named = (find_experiment(ws, history, name, progress=console.progress()) for name in options.names)
    every = list({found.id: found for found in named}.values())
    asked = parse_tolerances(options.tolerance)
    tolerances = [find_tolerances(ws, found.snapshot, asked) for found in every]
    status, verdicts = 0, Counter[str]()
    for found, done in (_on_cluster if options.cluster else _here)(options, console, ws, every, tolerances):
        if isinstance(done, DatmoError):
            status = max(status, _tell_error(options, console, found, done))
            continue
        _tell(options, console, found, done)
        verdicts[done.receipt.verdict] += 1
        status = max(status, 0 if done.receipt.verdict in GOOD else 1)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    console.tell(f"{verdicts.total()} of {len(every)} were rerun" + (f": {counts}" if counts else ""))
    return status


def _here(
    options: argparse.Namespace,
    console: Console,
    ws: Workspace,
    every: Sequence[Found],
    tolerances: Sequence[dict[str, float]],
) -> Iterator[Result]:
    from git_datmo.cli.streams import copy_to_errors

    with open_means(options, console, ws, every, copy_to_errors) as means:
        for found, allowed in zip(every, tolerances, strict=True):
            how = replace(means, limits=limits_for(options, means.engine.name, found))
            yield found, _try(ws, found, how, allowed, repeat=options.repeat, sign=options.sign)


def _try(
    ws: Workspace, found: Found, how: Means, tolerances: dict[str, float], *, repeat: int, sign: bool
) -> Reproduced | DatmoError:
    try:
        with scratch_folder(ws, None) as folder:
            return reproduce(ws, found, how, folder=folder, tolerances=tolerances, repeat=repeat, sign=sign)
    except DatmoError as error:
        return error


def _on_cluster(
    options: argparse.Namespace,
    console: Console,
    ws: Workspace,
    every: Sequence[Found],
    tolerances: Sequence[dict[str, float]],
) -> Iterator[Result]:
    from git_datmo.cluster.client import spread, take_receipt
    from git_datmo.cluster.tasks import Reproduction, find_source
    from git_datmo.flows.signing import require_key, wants_signature

    sign = wants_signature(ws, asked=options.sign)
    if sign:
        require_key(ws)
    name, limits = find_limits(options, console, ws, every)
    source = find_source(ws)
    tasks = [
        Reproduction(source, str(found.id), name, held, allowed, options.repeat, ws.person)
        for found, held, allowed in zip(every, limits, tolerances, strict=True)
    ]
    for number, answer in spread(options.cluster, tasks):
        try:
            yield every[number], take_receipt(ws, tasks[number], answer, sign=sign)
        except DatmoError as error:
            yield every[number], error
    warn_of_weaker(options, console, name)


def _tell(options: argparse.Namespace, console: Console, found: Found, done: Reproduced) -> None:
    if options.json:
        console.print_json({"id": str(done.id) if done.id else None, **receipt_document(done.receipt)})
    else:
        console.print(console.paint("yellow", _headline(found)))
        for line in verdict_lines(done.receipt, console):
            console.print(line)
        console.print()
    console.out.flush()
    for warning in done.warnings:
        console.warn(f"{str(found.id)[:10]}: {warning}")


def _tell_error(options: argparse.Namespace, console: Console, found: Found, error: DatmoError) -> int:
    from git_datmo.cli.main import tell

    told = DatmoError(f"{_headline(found)}: {error.what}", error.hint)
    tell(told, console, as_json=options.json)
    return error.exit_code


def _headline(found: Found) -> str:
    first = next(iter(found.snapshot.message.splitlines()), "")
    return f"snapshot {str(found.id)[:10]}" + (f" ({first})" if first else "")
