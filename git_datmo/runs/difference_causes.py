"""List possible causes for the differences of a rerun, without proof."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from git_datmo.engines.engine_contract import Engine, Job
from git_datmo.environments.interpreter_probe import (
    Probe,
    inventory_program,
    normalise,
    read_answer,
)
from git_datmo.environments.manifest import Manifest
from git_datmo.errors import DatmoError
from git_datmo.records.receipt_record import Cause
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Read
from git_datmo.runs.read_variables import find_hashing, find_variables
from git_datmo.runs.rerun import Rerun
from git_datmo.runs.unseeded_sources import find_unseeded
from git_datmo.sizes import show_count

SOURCE_LIMIT, SOURCES_LIMIT = 1 << 20, 2000
SOURCES = (".py", ".ipynb", ".sh", ".bash")
# The most causes that are listed of a kind.
SHOWN = 5
# Facts that are never a cause: another amount of memory does not change results.
NO_CAUSE = frozenset({"memory"})


def find_causes(
    recorded: Manifest,
    machine: Mapping[str, Value],
    here: Mapping[str, Value],
    ran: Probe | None,
    done: Rerun,
    read: Read | None = None,
    variables: Mapping[str, str] | None = None,
) -> tuple[Cause, ...]:
    """Return the possible causes of a difference.

    They are changed packages, another machine, unseeded random numbers, and variables and files
    that the record does not contain. `ran` is the answer of the rerun's Python. `variables` are the
    environment variables of the rerun that affect results.
    """
    sources = _read_sources(done.folder)
    return (
        *(changed_packages(recorded, ran) if ran is not None else ()),
        *_changed_machine(machine, here),
        *(Cause("seed", name, None, path) for name, path in find_unseeded(sources)),
        *_changed_variables(recorded, variables or {}),
        *_unrecorded(recorded, sources),
        *(Cause("outside", path) for path in (read.outside if read is not None else ())[:SHOWN]),
    )


def _unrecorded(recorded: Manifest, sources: Mapping[str, bytes]) -> Iterator[Cause]:
    """Yield the unrecorded variables that sources read.

    PYTHONHASHSEED counts if a source depends on a hash or on the order of a set.
    """
    known = {name for name, _ in recorded.variables}
    for name, path in islice(find_variables(sources, known), SHOWN):
        yield Cause("variable", name, None, path)
    hashing = find_hashing(sources)
    if hashing is not None and "PYTHONHASHSEED" not in known:
        yield Cause("variable", "PYTHONHASHSEED", None, hashing)


def _changed_variables(recorded: Manifest, variables: Mapping[str, str]) -> Iterator[Cause]:
    """Yield the variables of the rerun that the run did not have, or that had another value."""
    before = dict(recorded.variables)
    for name, value in sorted(variables.items()):
        if before.get(name) != value:
            yield Cause("setting", name, before.get(name), value)


def _changed_machine(machine: Mapping[str, Value], here: Mapping[str, Value]) -> Iterator[Cause]:
    """Yield the facts about both machines that differ, and GPUs that only one machine has.

    Yields nothing if a machine was not described.
    """
    if not machine or not here:
        return
    if "usable_cpus" in (*machine, *here):
        machine, here = _with_usable_cpus(machine), _with_usable_cpus(here)
    graphics = {name for name in (*machine, *here) if name.startswith("gpu")}
    for name in sorted(((machine.keys() & here.keys()) | graphics) - NO_CAUSE):
        if machine.get(name) != here.get(name):
            yield Cause("machine", name, machine.get(name), here.get(name))


def _with_usable_cpus(machine: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return a machine's facts with `usable_cpus`.

    It is recorded only if it differs from `cpus`.
    """
    return {"usable_cpus": machine["cpus"], **machine} if "cpus" in machine else machine


def changed_packages(recorded: Manifest, ran: Probe) -> Iterator[Cause]:
    """Yield the interpreter and packages of the rerun that differ from the record."""
    if (recorded.implementation, recorded.python) != (ran.implementation, ran.version):
        yield Cause("python", recorded.implementation, recorded.python, str(ran.version)[:80])
    # The rerun's program can forge the answer of its interpreter, so values are cut to 80
    # characters.
    here = {normalise(str(found.name)): str(found.version)[:80] for found in ran.distributions}
    for package in recorded.packages:
        if here.get(package.name) != package.version:
            yield Cause("package", package.name, package.version, here.get(package.name))
    for name in recorded.absent():
        if name not in here:
            yield Cause("package", name, "installed from a folder", None)
    yield from _changed_in_conda(recorded, ran)


def _changed_in_conda(recorded: Manifest, ran: Probe) -> Iterator[Cause]:
    """Yield the conda packages with another build. If the rerun has none, they are one cause."""
    here = {each.package.name: each.package.describe()[:80] for each in ran.conda}
    if recorded.conda and not here:
        yield Cause("package", "conda", show_count(len(recorded.conda), "package"), None)
        return
    for package in recorded.conda:
        if here.get(package.name) != package.describe():
            yield Cause(
                "package", f"conda {package.name}", package.describe(), here.get(package.name)
            )


def ask_interpreter(engine: Engine, folder: Path) -> Probe | None:
    """Return the packages of the rerun's own Python; None if no Python answers."""
    said = bytearray()

    def listen(stream: str, data: bytes) -> None:
        if stream == "stdout":
            said.extend(data)

    # A system need not have both names (PEP 394).
    for name in ("python", "python3"):
        try:
            if (
                engine.run(Job((name, "-c", inventory_program()), folder), output=listen).exit_code
                == 0
            ):
                return read_answer(bytes(said))
        except DatmoError:
            continue
    return None


def _read_sources(folder: Path) -> dict[str, bytes]:
    """Return the programs in a rerun's folder by path, without files over `SOURCE_LIMIT` bytes.

    The search ends after the folder in which `SOURCES_LIMIT` is exceeded.
    """
    found: dict[str, bytes] = {}
    for base, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(base, name)
            if name.endswith(SOURCES) and path.is_file() and path.stat().st_size <= SOURCE_LIMIT:
                found[str(path.relative_to(folder))] = path.read_bytes()
        if len(found) > SOURCES_LIMIT:
            break
    return found
