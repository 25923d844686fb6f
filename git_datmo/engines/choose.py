"""Makes the engine that a person named; an engine is never chosen silently."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from git_datmo.engines.base import Engine
from git_datmo.errors import UsageError


def make_engine(name: str, *, cache: Path, environ: Mapping[str, str], rebuild: bool = False, on: str = "") -> Engine:
    """The engine called `name`; `cache` is the folder where virtual environments are kept.

    `rebuild` builds an environment again though there is one. `on` is where a container engine is, if not where the
    environment says: its address, or the name of a Docker context.
    """
    if on and name != "docker":
        raise UsageError(f"the engine '{name}' runs on this machine alone", "give --engine docker")
    match name:
        case "docker":
            from git_datmo.engines.container import ContainerEngine

            return ContainerEngine(_elsewhere(environ, on) if on else environ, rebuild)
        case "venv":
            from git_datmo.engines.venv import VenvEngine

            return VenvEngine(cache, environ, rebuild)
        case "host":
            from git_datmo.engines.host import HostEngine

            return HostEngine(environ)
    raise UsageError(f"there is no engine '{name}'", "the engines are docker, venv and host")


def _elsewhere(environ: Mapping[str, str], on: str) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if name not in ("DOCKER_HOST", "DOCKER_CONTEXT")}
    return {**kept, "DOCKER_HOST" if "://" in on else "DOCKER_CONTEXT": on}
