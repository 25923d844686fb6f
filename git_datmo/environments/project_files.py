"""Read projects of other languages by their lock files, and lists of system packages."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from git_datmo.environments.environment_files import Environment, assemble
from git_datmo.environments.manifest import (
    FOREIGN_NAME,
    PINNED,
    PROJECT_FILES,
    SYSTEM,
    Manifest,
    Package,
)
from git_datmo.environments.toml_and_yaml import read_toml
from git_datmo.errors import DatmoError

APT_FILES = ("apt.txt", "binder/apt.txt", ".binder/apt.txt")
# These repositories have a tag for each version of their language.
BASES = {"r": "rocker/r-ver", "julia": "julia"}
_PROGRAMS = {"rscript": "r", "r": "r", "julia": "julia"}
_ENDINGS = {".r": "r", ".jl": "julia"}
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){1,2}\Z")


def find_language(command: Sequence[str]) -> str:
    """Return the language of a command's program or script; '' for Python or none."""
    if not command:
        return ""
    program = os.path.basename(command[0]).lower()
    return _PROGRAMS.get(program) or _ENDINGS.get(os.path.splitext(program)[1], "")


def read_apt(content: bytes) -> tuple[str, ...]:
    """Return the Debian packages of an `apt.txt`; raise `DatmoError` for an invalid line."""
    found = []
    for line in content.decode("utf-8", "replace").splitlines():
        for word in line.partition("#")[0].split():
            if not SYSTEM.match(word):
                raise DatmoError(
                    f"'apt.txt' names no package with {word[:40]!r}",
                    "it lists NAME or NAME=VERSION",
                )
            found.append(word)
    return tuple(sorted(set(found)))


def project_environment(
    language: str,
    files: Mapping[str, bytes],
    *,
    variables: Mapping[str, str],
    base_image: str = "",
    dockerfile: bytes | None = None,
    system: Iterable[str] = (),
) -> Environment | None:
    """Return the environment of a project with all lock files of its language; None if one is
    missing."""
    if any(name not in files for name in PROJECT_FILES[language]):
        return None
    version, packages = (_read_r if language == "r" else _read_julia)(files)
    manifest = Manifest(
        implementation=language,
        python=version,
        packages=packages,
        base_image="" if dockerfile is not None else base_image or f"{BASES[language]}:{version}",
        dockerfile="generated" if dockerfile is None else "repository",
        variables=tuple(sorted(variables.items())),
        system=() if dockerfile is not None else tuple(sorted(set(system))),
    )
    return assemble(manifest, dockerfile, {name: files[name] for name in PROJECT_FILES[language]})


def _read_r(files: Mapping[str, bytes]) -> tuple[str, tuple[Package, ...]]:
    try:
        document = json.loads(files["renv.lock"])
        version = document["R"]["Version"]
        named = [
            (name, record.get("Version")) for name, record in document.get("Packages", {}).items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise DatmoError(
            "'renv.lock' is no lock of renv", "write it anew with renv::snapshot()"
        ) from e
    return _checked("renv.lock", version), _packages(named)


def _read_julia(files: Mapping[str, bytes]) -> tuple[str, tuple[Package, ...]]:
    hint = "write it anew with Julia 1.7 or later: Pkg.resolve()"
    try:
        document = read_toml(files["Manifest.toml"].decode())
    except ValueError as e:
        raise DatmoError("'Manifest.toml' is no manifest of Julia", hint) from e
    # Julia writes this key since 1.7.
    if "julia_version" not in document:
        raise DatmoError("'Manifest.toml' does not say which Julia made it", hint)
    found: list[tuple[str, Any]] = []
    for name, entries in document.get("deps", {}).items():
        for entry in entries:
            if "path" in entry:
                raise DatmoError(
                    f"'Manifest.toml' takes '{name}' from a folder of this machine",
                    "add it by its URL: Pkg.add(url=…)",
                )
            found.append((name, entry.get("version")))
    return _checked("Manifest.toml", document["julia_version"]), _packages(found)


def _checked(file: str, version: object) -> str:
    if not isinstance(version, str) or not _NUMBERS.match(version):
        raise DatmoError(
            f"'{file}' names no released version: {version!r:.40}", "lock the project with one"
        )
    return version


def _packages(named: Iterable[tuple[str, Any]]) -> tuple[Package, ...]:
    """Return the packages with a version. A language's own packages may have none."""
    known = [
        (name, version)
        for name, version in named
        if isinstance(version, str) and PINNED.match(version)
    ]
    return tuple(
        Package(name, version) for name, version in sorted(known) if FOREIGN_NAME.match(name)
    )
