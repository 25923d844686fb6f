"""Hold the values of `environment.json`, the manifest of an environment, and encode them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from git_datmo.environments.conda import LIST, CondaPackage, can_make_image

VERSION = 3
"""The latest. An environment is written in the earliest version that can hold it, so ids stay."""

CONDA = "conda"
MANIFEST, LOCK, DOCKERFILE = "environment.json", "requirements.txt", "Dockerfile"

PROJECT_FILES: Mapping[str, tuple[str, ...]] = {
    "r": ("renv.lock",),
    "julia": ("Project.toml", "Manifest.toml"),
}
"""The files from which another language's own tool installs what a project needs."""

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
FOREIGN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._]*\Z")
PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*\Z")
REFERENCE = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?[a-z][a-z0-9.-]*://[^\s;\\]+\Z")
INDEX = re.compile(r"https?://[^\s;\\\"'$`]+\Z")
SYSTEM = re.compile(r"[a-z0-9][a-z0-9+.-]*(?::[a-z0-9]+)?(?:=[A-Za-z0-9.+~:-]+)?\Z")
ARCHIVE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.(?:whl|tar)\Z")
_HASHED = re.compile(r"#(?:.*&)?sha256=[0-9a-f]{64}(?:&|\Z)")


@dataclass(frozen=True, slots=True)
class Package:
    """A package at one version; `source` is `index`, `conda`, or a pip reference.

    `hashes` are the sorted SHA-256 hashes, in hex, of the index files that a lock allows.
    """

    name: str
    version: str
    source: str = "index"
    hashes: tuple[str, ...] = ()

    def requirement(self) -> str:
        """Return the pip requirement. Pip knows conda's packages by the same name and version,
        in other builds."""
        return (
            f"{self.name}=={self.version}"
            if self.source in ("index", CONDA)
            else f"{self.name} @ {self.source}"
        )

    @property
    def is_hashed(self) -> bool:
        """Return True if pip can check hashes of the package."""
        return (
            bool(self.hashes) if self.source == "index" else _HASHED.search(self.source) is not None
        )


@dataclass(frozen=True, slots=True)
class Local:
    """A package installed from a folder; `path` is relative to the repository, None for one
    outside.

    It has no version: a folder's version often names a commit, and the environment would change
    with each. `file` is the environment's file to install it from elsewhere; '' if there is none.
    """

    name: str
    path: str | None = None
    file: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The values of `environment.json`.

    `implementation` is `cpython`, `pypy` or another language's name, `python` its version.
    `base_image` is '' if the repository's Dockerfile decides. `indexes` are asked besides the usual
    one. `system` are Debian packages, with or without `=VERSION`. `conda` lists conda's packages in
    installation order; those also in `packages` have the source `conda` if the image is made from
    these archives.
    """

    implementation: str
    python: str
    packages: tuple[Package, ...] = ()
    local: tuple[Local, ...] = ()
    base_image: str = ""
    dockerfile: Literal["generated", "repository"] = "generated"
    variables: tuple[tuple[str, str], ...] = ()
    indexes: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    conda: tuple[CondaPackage, ...] = ()

    @property
    def version(self) -> int:
        """Return the format version that a reader must know to build the environment."""
        if self.conda:
            return 3
        return 2 if self._needs_second_version else 1

    @property
    def _needs_second_version(self) -> bool:
        """Return True if a value is set that version 1 does not have."""
        hashed = any(package.hashes for package in self.packages)
        return hashed or bool(self.archives() or self.indexes or self.system) or self.is_foreign

    @property
    def is_foreign(self) -> bool:
        """Return True if another language's tool installs the packages."""
        return self.implementation in PROJECT_FILES

    @property
    def series(self) -> str:
        """Return the version that packages are built for: `3.11`."""
        return ".".join(self.python.split(".")[:2])

    @property
    def is_of_conda(self) -> bool:
        """Return True if the image is made from conda's archives."""
        return self.dockerfile == "generated" and can_make_image(self.conda)

    def installed_by_pip(self) -> tuple[Package, ...]:
        return tuple(package for package in self.packages if package.source != CONDA)

    def absent(self) -> tuple[str, ...]:
        """Return the packages that a rebuilt environment cannot have: their origin is on one
        machine only."""
        return tuple(local.name for local in self.local if local.path is None and not local.file)

    def archives(self) -> tuple[str, ...]:
        """Return the environment's files that are packages."""
        return tuple(local.file for local in self.local if local.file)

    def files(self) -> tuple[str, ...]:
        """Return all files that a build needs besides the Dockerfile."""
        conda = (LIST,) if self.is_of_conda else ()
        return (LOCK, *self.archives(), *conda, *PROJECT_FILES.get(self.implementation, ()))

    def lock(self) -> bytes:
        """Return `requirements.txt`."""
        return b"" if self.is_foreign else self.requirements(self.installed_by_pip())

    def requirements(self, packages: Iterable[Package]) -> bytes:
        """Return a requirements file of some packages. Pip requires hashes for all of them or
        for none."""
        hashed = all(package.is_hashed for package in self.installed_by_pip())
        lines = [f"--extra-index-url {index}" for index in self.indexes]
        for package in packages:
            options = [f"--hash=sha256:{digest}" for digest in package.hashes] if hashed else []
            lines.append(" ".join([package.requirement(), *options]))
        return "".join(f"{line}\n" for line in lines).encode()

    def source_folders(self) -> tuple[str, ...]:
        """Return folders, relative to the repository, from which its own packages are imported.

        A rebuilt environment does not install them, since the code is present. It has these folders
        on PYTHONPATH.
        """
        # A package lies at the top of its folder or below `src`.
        folders = (
            (local.path, f"{local.path}/src".removeprefix("/"))
            for local in self.local
            if local.path is not None
        )
        return tuple(dict.fromkeys(folder for pair in folders for folder in pair))


def encode_manifest(manifest: Manifest) -> bytes:
    """Encode a manifest: UTF-8, sorted keys, indent of one, final line end."""
    packages = [
        {"name": p.name, "version": p.version, "source": p.source} for p in manifest.packages
    ]
    local: list[dict[str, Any]] = [{"name": p.name, "path": p.path} for p in manifest.local]
    document: dict[str, Any] = {
        "version": manifest.version,
        "packages": packages,
        "local": local,
        "base_image": manifest.base_image,
        "dockerfile": manifest.dockerfile,
        "variables": dict(manifest.variables),
    }
    interpreter = {"implementation": manifest.implementation, "version": manifest.python}
    if manifest.version == 1:
        document["python"] = interpreter
    else:
        document["interpreter"] = interpreter
        document["packages"] = [
            {**row, "hashes": list(p.hashes)}
            for row, p in zip(packages, manifest.packages, strict=True)
        ]
        document["local"] = [
            {**row, "file": p.file} for row, p in zip(local, manifest.local, strict=True)
        ]
        document["indexes"] = list(manifest.indexes)
        document["system"] = list(manifest.system)
    if manifest.conda:
        document["conda"] = [asdict(package) for package in manifest.conda]
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
