"""Options for the engine that runs a command, and for the limits and devices of the run."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from git_datmo.engines.engine_capabilities import BUILT_IN

if TYPE_CHECKING:
    from contextlib import closing

    from git_datmo.engines.engine_contract import Engine
    from git_datmo.engines.resource_limits import ResourceLimits
    from git_datmo.repository.workspace import Workspace


class EngineNames:
    """Values of `--engine`.

    Other packages are searched only for a name that is not built in. Iteration yields the built-in
    names.
    """

    def __contains__(self, name: object) -> bool:
        from git_datmo.engines.engine_registry import is_engine

        return name in BUILT_IN or (isinstance(name, str) and is_engine(name))

    def __iter__(self) -> Iterator[str]:
        return iter(BUILT_IN)


def add_limit_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for limits, devices and network to a parser."""
    add = parser.add_argument
    add("--memory", metavar="SIZE", help="in a container: the memory limit (512m, 8g)")
    add("--cpus", metavar="N", help="in a container: the processor limit (2, 0.5)")
    add(
        "--gpus",
        metavar="WHICH",
        help="in a container: the available GPUs (all, a number, or ids)",
    )
    add(
        "--device",
        action="append",
        default=[],
        metavar="PATH",
        help="in a container: an available device; may be repeated",
    )
    add("--network", action="store_true", help="in a container: allow network access")


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for limits, devices, network and remote engines to a parser."""
    add_limit_options(parser)
    add = parser.add_argument
    add(
        "--on",
        default="",
        metavar="WHERE",
        help="use the engine of another machine (ssh://host, tcp://host:port, a Docker context)",
    )
    add("--rebuild", action="store_true", help="build the environment again even if it exists")


def read_limits(
    options: argparse.Namespace, engine: str, recorded: ResourceLimits | None = None
) -> ResourceLimits:
    """Return the limits that the options set, else the `recorded` limits.

    Devices and network access come from the options alone. Raises `UsageError` if the options set a
    limit that `engine` cannot enforce.
    """
    from git_datmo.engines.engine_registry import find_engine
    from git_datmo.engines.resource_limits import (
        ResourceLimits,
        parse_cpus,
        parse_gpus,
        parse_memory,
    )
    from git_datmo.errors import UsageError

    limited = [
        name for name in ("memory", "cpus", "gpus", "device", "network") if getattr(options, name)
    ]
    if not find_engine(engine).capabilities.enforces_limits:
        if limited:
            raise UsageError(
                f"the engine '{engine}' cannot hold a run to --{limited[0]}", "give --engine docker"
            )
        return ResourceLimits()
    recorded = recorded or ResourceLimits()
    return ResourceLimits(
        memory=parse_memory(options.memory) if options.memory else recorded.memory,
        cpus=parse_cpus(options.cpus) if options.cpus else recorded.cpus,
        gpus=parse_gpus(options.gpus) if options.gpus else recorded.gpus,
        devices=tuple(options.device),
        network=options.network,
    )


def open_engine(options: argparse.Namespace, name: str, ws: Workspace) -> closing[Engine]:
    """Return the engine `name` as a context manager that closes it."""
    from contextlib import closing

    from git_datmo.engines.engine_registry import EngineOptions, make_engine

    cache = ws.shared_state / "environments"
    on = getattr(options, "on", "")
    return closing(
        make_engine(name, EngineOptions(cache, ws.environ, rebuild=options.rebuild, on=on))
    )
