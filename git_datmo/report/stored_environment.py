"""Summarise the environment of an experiment, if its files are here."""

from __future__ import annotations

from dataclasses import dataclass

from git_datmo.environments.manifest_reader import read_environment as read_manifest
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.payloads.captured_environment import read_environment
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class EnvironmentSummary:
    """Packages with version and source, and other properties with their values.

    `is_local` is False if the environment's files are not here.
    """

    python: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    packages: tuple[tuple[str, str, str], ...] = ()
    is_local: bool = True


def summarise_environment(ws: Workspace, found: Found) -> EnvironmentSummary:
    """Return the environment of an experiment; nothing is fetched for it."""
    content = found.snapshot.environment
    if content is None:
        return EnvironmentSummary()
    try:
        manifest = read_manifest(read_environment(ws, content).files)
    except DatmoError:
        return EnvironmentSummary(is_local=False)
    lines = [
        ("interpreter", f"{manifest.implementation} {manifest.python}"),
        *([("base image", manifest.base_image)] if manifest.base_image else ()),
        ("Dockerfile", manifest.dockerfile),
        *(("index", index) for index in manifest.indexes),
        *((f"variable {name}", value) for name, value in manifest.variables),
        *(("Debian package", name) for name in manifest.system),
    ]
    packages = [
        *((each.name, each.version, each.source) for each in manifest.packages),
        *((each.name, each.describe(), "conda") for each in manifest.conda),
        *((each.name, "", each.path or "folder") for each in manifest.local),
    ]
    return EnvironmentSummary(manifest.python, tuple(lines), tuple(sorted(packages)))
