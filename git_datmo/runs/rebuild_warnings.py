"""Warn during a run about packages that a rebuilt environment would not have.

They are system packages that the run used, and Python packages that were built from source.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from git_datmo.engines.run_journal import Observed, is_python
from git_datmo.environments.debian_packages import find_packages
from git_datmo.environments.interpreter_probe import Distribution, normalise
from git_datmo.payloads.captured_environment import CapturedEnvironment
from git_datmo.repository.workspace import Workspace

SHOWN = 5


def remarks_on_rebuilding(
    ws: Workspace,
    command: Sequence[str],
    observed: Observed,
    surrounded: CapturedEnvironment,
    *,
    complete: bool,
) -> Iterator[str]:
    """Yield a warning with the lines to add to `apt.txt`.

    Yields nothing if the repository has a Dockerfile. `complete` says that the observer saw
    everything that the run used.
    """
    if not surrounded.is_generated:
        return
    programs = {os.fsdecode(program) for program in observed.programs} | {command[0]}
    system = [program for program in programs if not is_python(os.fsencode(program))]
    preloaded = _preloaded(ws.environ.get("LD_PRELOAD", ""))
    libraries = [
        library
        for library in map(os.fsdecode, observed.libraries)
        if _library_name(library) not in preloaded
    ]
    known = {package.partition("=")[0] for package in surrounded.system}
    missing = [name for name in find_packages(system, libraries, ws.environ) if name not in known]
    if missing:
        yield (
            f"the run used {_listed(missing)}, which an image of its environment does not have:"
            f" add the line '{' '.join(missing)}' to apt.txt at the top of the repository"
        )
    if surrounded.built and "build-essential" not in known:
        yield from _remark_on_built(surrounded.built, observed, complete=complete)


def _preloaded(value: str) -> frozenset[str]:
    """Return the names of libraries that LD_PRELOAD puts into every program (ld.so(8)).

    A person wraps commands of this machine with them. The run does not need them.
    """
    return frozenset(map(_library_name, value.replace(":", " ").split()))


def _library_name(path: str) -> str:
    """Return the name of a shared library without folder and version: `libx` for `libx.so.1.2`."""
    return os.path.basename(path).partition(".so")[0]


def _remark_on_built(
    built: Sequence[Distribution], observed: Observed, *, complete: bool
) -> Iterator[str]:
    """Yield a warning for packages built from source, separately for those not imported."""
    imported = {name for process in observed.processes for name in process.extensions}
    # Only a complete observation shows that a package was not imported.
    unused = [
        normalise(each.name) for each in built if complete and imported.isdisjoint(each.modules)
    ]
    used = [name for name in (normalise(each.name) for each in built) if name not in unused]
    if used:
        yield (
            f"{_listed(used)} {_was(used)} built from source on this machine, for which an image"
            " needs a compiler:"
            " add the line 'build-essential' to apt.txt at the top of the repository"
        )
    if unused:
        yield (
            f"{_listed(unused)} {_was(unused)} built from source on this machine, and the run did"
            " not import"
            f" {'it' if len(unused) == 1 else 'them'}: uninstall what is not needed, or add the"
            " line 'build-essential'"
            " to apt.txt at the top of the repository"
        )


def _was(names: Sequence[str]) -> str:
    """Return the verb for a list of names."""
    return "was" if len(names) == 1 else "were"


def _listed(names: Sequence[str]) -> str:
    """Return the first names as text, with the number of the others."""
    shown = ", ".join(f"'{name}'" for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
