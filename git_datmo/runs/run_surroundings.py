"""Warn about dependencies of a run's sources that the record does not fix.

They are environment variables, hashes, the number of CPUs, and the locale.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from git_datmo.engines.command_locale import environment_locale, is_plain, odd_encoding
from git_datmo.engines.engine_capabilities import Capabilities
from git_datmo.environments.machine import usable_cpus
from git_datmo.payloads.captured_environment import read_source, variables_of
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.read_variables import find_cpu_count, find_hashing, find_locale, find_variables
from git_datmo.secrets.secret_rules import is_secret_name

SOURCES = (b".py", b".sh", b".bash")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The texts of a run's sources, and the state of the environment around the run.

    `set_here` are the names of all variables that the user has set. `recorded` are the variables in
    the record. `locale` is the locale of the command.
    """

    sources: Mapping[str, bytes]
    set_here: Collection[str]
    recorded: Mapping[str, str]
    locale: str


def find_surroundings(
    ws: Workspace, capabilities: Capabilities, paths: Collection[bytes]
) -> Surroundings:
    """Read the sources among `paths`, and the variables and locale of a run."""
    sources = {}
    for path in paths:
        text = (
            read_source(os.path.join(os.fsencode(ws.root), path))
            if path.endswith(SOURCES)
            else None
        )
        if text is not None:
            sources[os.fsdecode(path)] = text
    recorded = variables_of(ws)
    return Surroundings(
        sources, ws.environ.keys(), recorded, environment_locale(capabilities, ws.environ, recorded)
    )


def remarks_on_surroundings(seen: Surroundings) -> Iterator[str]:
    """Yield a warning for each dependency. A secret variable is never recommended for recording."""
    for name, source in find_variables(seen.sources, seen.recorded):
        # A variable that is not set here has not affected the run.
        if name in seen.set_here and not is_secret_name(name):
            yield (
                f"'{source}' reads the variable '{name}', which is not recorded:"
                f" record it with 'git config --add datmo.variable {name}'"
            )
    hashing = find_hashing(seen.sources)
    if hashing is not None and "PYTHONHASHSEED" not in seen.recorded:
        yield (
            f"'{hashing}' depends on a hash or on the order of a set, which a rerun may not repeat:"
            " run it with PYTHONHASHSEED=0"
        )
    counting = find_cpu_count(seen.sources)
    if counting is not None:
        cpus = usable_cpus()
        yield (
            f"'{counting}' depends on the number of CPUs ({cpus} here): a rerun with another"
            " number may differ;"
            " pass the number to it as an option of the command"
        )
    yield from _remarks_on_locale(seen)


def _remarks_on_locale(seen: Surroundings) -> Iterator[str]:
    """Yield a warning if a rerun would decode, sort or format in another way."""
    encoding = odd_encoding(seen.locale)
    if encoding:
        yield (
            f"the locale's encoding is '{encoding}', and UTF-8 in a rerun in a container or"
            " virtual environment:"
            " run it with LC_ALL=C.UTF-8"
        )
    elif not is_plain(seen.locale):
        source = find_locale(seen.sources)
        if source is not None:
            yield (
                f"'{source}' sorts or formats by the locale '{seen.locale}', which a rerun in a"
                " container or virtual"
                " environment does not have: run it with LC_ALL=C.UTF-8"
            )
