"""Reproduce several snapshots, on this machine or on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from git_datmo.cluster.cluster_client import spread, take_receipt
from git_datmo.cluster.cluster_tasks import Reproduction, find_source
from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.history.record_signatures import require_key, wants_signature
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.reproduce import Reproduced, reproduce
from git_datmo.runs.rerun import RerunOptions
from git_datmo.runs.rerun_folder import scratch_folder


@dataclass(frozen=True, slots=True)
class WantedReproduction:
    """A snapshot to reproduce, the limits of its rerun, and how far each figure may be off."""

    found: Found
    limits: ResourceLimits
    tolerances: Mapping[str, float]


Result = tuple[Found, Reproduced | DatmoError]


def reproduce_here(
    ws: Workspace,
    every: Sequence[WantedReproduction],
    options: RerunOptions,
    *,
    repeat: int,
    sign: bool,
) -> Iterator[Result]:
    """Reproduce one snapshot after the other, and yield the receipt or the error of each."""
    for wanted in every:
        how = replace(options, limits=wanted.limits)
        try:
            with scratch_folder(ws, None) as folder:
                done = reproduce(
                    ws,
                    wanted.found,
                    how,
                    folder=folder,
                    tolerances=wanted.tolerances,
                    repeat=repeat,
                    sign=sign,
                )
        except DatmoError as error:
            yield wanted.found, error
            continue
        yield wanted.found, done


def reproduce_on_cluster(
    ws: Workspace,
    every: Sequence[WantedReproduction],
    address: str,
    engine: str,
    *,
    repeat: int,
    sign: bool,
    tags: tuple[str, ...] = (),
) -> Iterator[Result]:
    """Reproduce snapshots on the workers of a Dask cluster, and yield each as it ends.

    `address` is the scheduler's. The receipts get `tags`. Workers get code and data from the git
    remote.
    """
    sign = wants_signature(ws, asked=sign)
    if sign:
        # A missing key shows before the workers begin.
        require_key(ws)
    source = find_source(ws)
    tasks = [
        Reproduction(
            source,
            str(wanted.found.id),
            engine,
            wanted.limits,
            dict(wanted.tolerances),
            repeat,
            ws.person,
            tags,
        )
        for wanted in every
    ]
    for number, answer in spread(address, tasks):
        found = every[number].found
        try:
            yield found, take_receipt(ws, tasks[number], answer, sign=sign)
        except DatmoError as error:
            yield found, error
