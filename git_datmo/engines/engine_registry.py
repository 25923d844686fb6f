"""Find an engine by its name. No engine is ever chosen silently.

Another package adds an engine by an entry point of the group `git_datmo.engines`. The entry point
has the engine's name, and its object is an `EngineKind`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.engine_capabilities import BUILT_IN, Capabilities
from git_datmo.engines.engine_contract import Engine
from git_datmo.errors import UsageError

GROUP = "git_datmo.engines"


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """The options with which an engine is made.

    `cache` is a folder for virtual environments. `rebuild` asks for a build even if the environment
    is built. `on` is the address of the engine, or the name of a Docker context; '' for this
    machine.
    """

    cache: Path
    environ: Mapping[str, str]
    rebuild: bool = False
    on: str = ""


@dataclass(frozen=True, slots=True)
class EngineKind:
    """A registered engine: its name, its capabilities, and the function that makes it."""

    name: str
    capabilities: Capabilities
    make: Callable[[EngineOptions], Engine]


def _make_container(options: EngineOptions) -> Engine:
    """Make a container engine. The Docker SDK is imported only now, when it is needed."""
    from git_datmo.engines.container_engine import ContainerEngine

    environ = _elsewhere(options.environ, options.on) if options.on else options.environ
    return ContainerEngine(environ, options.rebuild)


def _make_venv(options: EngineOptions) -> Engine:
    """Make an engine for virtual environments."""
    from git_datmo.engines.venv_engine import VenvEngine

    return VenvEngine(options.cache, options.environ, options.rebuild)


def _make_host(options: EngineOptions) -> Engine:
    """Make an engine that uses the current environment."""
    from git_datmo.engines.host_engine import HostEngine

    return HostEngine(options.environ)


_MAKERS = {"docker": _make_container, "venv": _make_venv, "host": _make_host}
_KINDS = {name: EngineKind(name, BUILT_IN[name], make) for name, make in _MAKERS.items()}
DEFAULT = "docker"


def find_engine(name: str) -> EngineKind:
    """Return the engine with this name; raise `UsageError` if no package provides it."""
    kind = _KINDS.get(name) or _from_package(name)
    if kind is None:
        *names, last = BUILT_IN
        raise UsageError(
            f"there is no engine '{name}'", f"the engines are {', '.join(names)} and {last}"
        )
    return kind


def make_engine(name: str, options: EngineOptions) -> Engine:
    """Make the engine with this name. The caller closes it.

    Raises `UsageError` if the engine is unknown, or cannot run on the machine of `options.on`.
    """
    kind = find_engine(name)
    if options.on and not kind.capabilities.reaches_other_machines:
        raise UsageError(f"the engine '{name}' runs on this machine alone", "give --engine docker")
    return kind.make(options)


def is_engine(name: str) -> bool:
    """Return True if this or another package provides an engine with this name."""
    return name in BUILT_IN or _from_package(name) is not None


def _from_package(name: str) -> EngineKind | None:
    """Return the engine that another package provides under this name, or None."""
    from importlib.metadata import entry_points

    # Only the named entry point is loaded, so no other package is imported.
    for point in entry_points(group=GROUP, name=name):
        kind = point.load()
        if isinstance(kind, EngineKind):
            return kind
    return None


def _elsewhere(environ: Mapping[str, str], on: str) -> dict[str, str]:
    """Return `environ` with its address or Docker context replaced by `on`."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in ("DOCKER_HOST", "DOCKER_CONTEXT")
    }
    return {**kept, "DOCKER_HOST" if "://" in on else "DOCKER_CONTEXT": on}
