"""Makes the engine that a person named; an engine is never chosen silently."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from git_datmo.engines.base import Engine
from git_datmo.errors import UsageError


def make_engine(name: str, *, cache: Path, environ: Mapping[str, str], rebuild: bool = False) -> Engine:
    """The engine called `name`; `cache` is the folder where virtual environments are kept.

    `rebuild` builds an environment again though there is one.
    """
    match name:
        case "docker":
            from git_datmo.engines.container import ContainerEngine

            return ContainerEngine(environ, rebuild)
        case "venv":
            from git_datmo.engines.venv import VenvEngine

            return VenvEngine(cache, environ, rebuild)
        case "host":
            from git_datmo.engines.host import HostEngine

            return HostEngine(environ)
    raise UsageError(f"there is no engine '{name}'", "the engines are docker, venv and host")
