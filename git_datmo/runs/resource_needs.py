"""Compute the resources that a rerun needs from those of the run, and find shortages."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path

from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.environments.machine import describe_machine
from git_datmo.history.experiments import Found
from git_datmo.records.codec import number
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.sizes import show_size


@dataclass(frozen=True, slots=True)
class Needs:
    """The resources of a rerun: seconds and bytes; None for values that were not measured.

    `disk` covers code, data and outputs. `gpu_memory` is the total of all `gpus`.
    """

    seconds: float
    cpu_seconds: float | None
    memory: float | None
    disk: float
    gpus: int
    gpu_memory: float | None

    def words(self) -> str:
        """Return the needs as a line of text."""
        cpu = f" ({self.cpu_seconds:.1f} s of CPU)" if self.cpu_seconds is not None else ""
        words = [f"{self.seconds:.1f} s{cpu}"]
        if self.memory is not None:
            words.append(f"{show_size(int(self.memory))} of memory")
        words.append(f"{show_size(int(self.disk))} of disk")
        if self.gpus:
            of = f" ({show_size(int(self.gpu_memory))})" if self.gpu_memory else ""
            words.append("a GPU" + of if self.gpus == 1 else f"{self.gpus} GPUs{of}")
        return ", ".join(words)


def needs_of(snapshot: Snapshot) -> Needs | None:
    """Return the needs of a snapshot's rerun; None if no command ran."""
    run = snapshot.run
    if run is None or not run.has_run:
        return None
    used = {
        name: figure
        for name, value in run.resources.items()
        if (figure := _amount(value)) is not None
    }
    content = [payload.content for payload in run.inputs]
    written = sum(
        payload.content.size for payload in snapshot.payloads if payload.path in run.outputs
    )
    stored = sum(each.size for each in (*content, *([snapshot.code] if snapshot.code else [])))
    times = [used[name] for name in ("user_seconds", "system_seconds") if name in used]
    return Needs(
        seconds=run.seconds,
        cpu_seconds=sum(times) if times else None,
        memory=used.get("peak_memory"),
        # Without a measurement, the outputs that were kept are the least that was written.
        disk=stored + used.get("disk_used", written),
        gpus=_gpus(run.machine, run.resources),
        gpu_memory=used.get("peak_gpu_memory"),
    )


def _gpus(machine: Mapping[str, Value], resources: Mapping[str, Value]) -> int:
    """Return the number of GPUs that a run had, and used if that was measured."""
    given, there = resources.get("gpus"), _amount(machine.get("gpus"))
    if isinstance(given, str) and given not in ("", "all"):
        return (
            # A record can name any number, so it is bounded.
            min(int(given), 1 << 16)
            if given.isdecimal() and len(given) < 6
            else len(given.split(","))
        )
    # The machine had GPUs, but the run used no memory of them.
    if resources.get("peak_gpu_memory") == 0:
        return 0
    return min(int(there or 0), 1 << 16) or int(bool(given))


def _amount(value: Value | None) -> float | None:
    """Return a finite number that is not negative; None for any other value."""
    figure = number(value)
    return figure if figure is not None and isfinite(figure) and figure >= 0 else None


def find_shortages(
    every: Iterable[Found],
    limits: ResourceLimits,
    environ: Mapping[str, str],
    *,
    folder: Path,
    isolated: bool,
) -> tuple[str, ...]:
    """Return a line for each resource that is too scarce on this machine.

    `folder` is the folder of the reruns; it need not exist yet.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free, machine = shutil.disk_usage(there).free, describe_machine(environ)
    known = [needs for found in every if (needs := needs_of(found.snapshot))]
    lines = (
        line
        for needs in known
        for line in shortages(needs, machine, limits, free=free, isolated=isolated)
    )
    return tuple(dict.fromkeys(lines))


def shortages(
    needs: Needs, machine: Mapping[str, Value], limits: ResourceLimits, *, free: int, isolated: bool
) -> Iterator[str]:
    """Yield a line for each resource that is too scarce for a rerun.

    `limits` are the limits of the rerun; `free` is the free disk space in bytes. `isolated` says
    that the rerun sees only GPUs that it is given.
    """
    memory = min(
        figure for figure in (_amount(machine.get("memory")), limits.memory, inf) if figure
    )
    if needs.memory is not None and needs.memory > memory:
        yield (
            f"the run took {show_size(int(needs.memory))} of memory; here it gets"
            f" {show_size(int(memory))}"
        )
    if needs.disk > free:
        yield f"the run needs {show_size(int(needs.disk))} of disk; here {show_size(free)} are free"
    if needs.gpus:
        yield from _gpu_shortages(needs, machine, given=bool(limits.gpus) or not isolated)


def _gpu_shortages(needs: Needs, machine: Mapping[str, Value], *, given: bool) -> Iterator[str]:
    """Yield a line if GPUs are missing.

    `given` says that the rerun may use those of this machine.
    """
    here, each = int(_amount(machine.get("gpus")) or 0), _amount(machine.get("gpu_memory"))
    if not here:
        yield "the run had a GPU; here there is none"
    elif not given:
        yield "the run had a GPU; a container gets none without --gpus"
    elif here < needs.gpus:
        yield f"the run had {needs.gpus} GPUs; here there are {here}"
    # The machine tells the memory of one GPU, and the run that of all.
    elif each is not None and needs.gpu_memory is not None and needs.gpu_memory > here * each:
        took, has = show_size(int(needs.gpu_memory)), show_size(int(here * each))
        yield f"the run took {took} of GPU memory; here there are {has}"
