"""Write an environment as three files: its manifest (`environment.json`), lock and Dockerfile.

Pure. The same interpreter and packages give the same bytes on every machine, without names of host,
user or folders. git-datmo's own packages are left out, since it is a guest in the user's
environment.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePath
from typing import Any, Literal

from git_datmo.environments.conda import (
    IMAGE,
    LIST,
    CondaPackage,
    can_make_image,
    explicit_list,
    kept_packages,
)
from git_datmo.environments.dockerfile import (
    julia_dockerfile,
    pin_bases,
    python_dockerfile,
    r_dockerfile,
    read_bases,
    starting_dockerfile,
)
from git_datmo.environments.interpreter_probe import Distribution, Probe, normalise
from git_datmo.environments.lock_files import Lock
from git_datmo.environments.user_packages import kept_distributions
from git_datmo.errors import DatmoError

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
        hashed = any(package.hashes for package in self.packages)
        return (
            2 if hashed or self.archives() or self.indexes or self.system or self.is_foreign else 1
        )

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


@dataclass(frozen=True, slots=True)
class Environment:
    """The files of an environment; `id` is the SHA-256, in hex, of their names and bytes."""

    id: str
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Environment:
        digest = hashlib.sha256()
        for name, content in sorted(files.items()):
            # With the lengths, no other list of files gives the same bytes.
            digest.update(b"%d %s %d\0" % (len(name.encode()), name.encode(), len(content)))
            digest.update(content)
        return cls(digest.hexdigest(), dict(files))


def make_environment(
    probe: Probe,
    *,
    repository: PurePath,
    variables: Mapping[str, str] | None = None,
    imported: Collection[str] = (),
    base_image: str = "",
    dockerfile: bytes | None = None,
    lock: Lock | None = None,
    system: Collection[str] = (),
    archives: Mapping[str, tuple[str, bytes]] | None = None,
    indexes: Collection[str] = (),
) -> Environment:
    """Return the environment for a run's record.

    `variables` are the allowed ones, `imported` the modules that the code imports. `dockerfile` is
    the repository's own and replaces `base_image` and `system`. `lock` adds hashes and indexes to
    matching packages. `archives` are files of packages that no index has.
    """
    kept = kept_distributions(probe, imported=imported)
    of_conda = kept_packages(probe.conda, frozenset(normalise(found.name) for found in kept))
    conda = tuple(each.package for each in of_conda)
    has_archives = dockerfile is None and can_make_image(conda)
    brought = {name for each in of_conda for name in each.brings} if has_archives else set()
    packages: list[Package] = []
    local: list[Local] = []
    for found in kept:
        made = _placed(found, repository, lock, archives or {})
        if isinstance(made, Local):
            local.append(made)
        elif normalise(found.name) in brought:
            # Conda installs it, so pip must not.
            packages.append(Package(made.name, made.version, CONDA))
        else:
            packages.append(made)
    # The image of micromamba has no git, with which pip fetches these packages.
    if has_archives and _need_git(packages):
        system = {*system, "git"}
    if dockerfile is None:
        base_image = base_image or (IMAGE if has_archives else default_image(probe, packages))
    elif b"\0" in dockerfile or not _is_text(dockerfile):
        raise DatmoError("cannot record 'Dockerfile': it is not UTF-8 text")
    manifest = Manifest(
        implementation=probe.implementation,
        python=probe.version,
        packages=tuple(packages),
        local=tuple(local),
        base_image="" if dockerfile is not None else base_image,
        dockerfile="generated" if dockerfile is None else "repository",
        variables=tuple(sorted((variables or {}).items())),
        indexes=_indexes(packages, lock, indexes),
        system=tuple(sorted(set(system))) if dockerfile is None else (),
        conda=conda,
    )
    contents = dict((archives or {}).values())
    return assemble(manifest, dockerfile, {name: contents[name] for name in manifest.archives()})


def assemble(
    manifest: Manifest, dockerfile: bytes | None, files: Mapping[str, bytes]
) -> Environment:
    """Return the environment of a manifest with the files that it names."""
    if dockerfile is None:
        dockerfile = generated_dockerfile(manifest)
    if manifest.is_of_conda:
        files = {**files, LIST: explicit_list(manifest.conda)}
    return Environment.of(
        {
            MANIFEST: encode_manifest(manifest),
            LOCK: manifest.lock(),
            DOCKERFILE: dockerfile,
            **files,
        }
    )


def _indexes(
    packages: Iterable[Package], lock: Lock | None, more: Iterable[str]
) -> tuple[str, ...]:
    """Return the indexes that a lock names, for one of the packages or for all."""
    named = set(more)
    if lock is not None:
        pins = (
            lock.pin(package.name, package.version)
            for package in packages
            if package.source == "index"
        )
        named |= {*lock.indexes, *(pin.index for pin in pins if pin is not None)}
    return tuple(sorted(index for index in named if INDEX.match(index)))


def _placed(
    found: Distribution,
    repository: PurePath,
    lock: Lock | None,
    archives: Mapping[str, tuple[str, bytes]],
) -> Package | Local:
    name, origin = normalise(found.name), found.origin
    folder = folder_within(found, repository)
    if folder is not None:
        return Local(name, folder)
    if name in archives:
        return Local(name, file=archives[name][0])
    if origin is not None and REFERENCE.match(origin.reference):
        return Package(name, found.version, origin.reference)
    # A package from a file or repository of this machine must not be installed by name: an index
    # may have a stranger's package of that name.
    if origin is not None or not PINNED.match(found.version):
        return Local(name)
    pin = lock.pin(name, found.version) if lock is not None else None
    return Package(name, found.version, hashes=tuple(sorted(pin.hashes)) if pin is not None else ())


def folder_within(found: Distribution, repository: PurePath) -> str | None:
    """Return the folder in the repository that a distribution was installed from."""
    if found.origin is None or found.origin.kind != "folder":
        return None
    folder = PurePath(found.origin.folder)
    return (
        folder.relative_to(repository).as_posix().removeprefix(".")
        if folder.is_relative_to(repository)
        else None
    )


def is_of_this_machine(found: Distribution, repository: PurePath) -> bool:
    """Return True if a distribution's origin is on this machine only and not in the repository."""
    local = found.origin is not None and not found.origin.reference
    return local and folder_within(found, repository) is None


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def default_image(probe: Probe, packages: Iterable[Package] = ()) -> str:
    """Return the official image of the interpreter's series: slim, or full if pip needs git."""
    family = "pypy" if probe.implementation == "pypy" else "python"
    return (
        f"{family}:{'.'.join(probe.version.split('.')[:2])}{'' if _need_git(packages) else '-slim'}"
    )


def _need_git(packages: Iterable[Package]) -> bool:
    # A reference to a repository has the tool before a plus sign: `git+https://`.
    return any("+" in package.source.partition("://")[0] for package in packages)


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


def generated_dockerfile(manifest: Manifest) -> bytes:
    """Return the Dockerfile for a repository without one."""
    match manifest.implementation:
        case "r":
            return r_dockerfile(manifest.base_image, system=manifest.system)
        case "julia":
            return julia_dockerfile(manifest.base_image, system=manifest.system)
    return layered_dockerfile(manifest, (LOCK,) if manifest.installed_by_pip() else ())


def layered_dockerfile(manifest: Manifest, locks: Sequence[str]) -> bytes:
    """Return the same for Python with one layer for each of `locks`."""
    conda = LIST if manifest.is_of_conda else ""
    return python_dockerfile(
        manifest.base_image,
        locks=locks,
        system=manifest.system,
        archives=manifest.archives(),
        conda=conda,
    )


def own_dockerfile(manifest: Manifest) -> bytes:
    """Return a Dockerfile of the same for a person to edit and commit."""
    if manifest.is_foreign:
        return generated_dockerfile(manifest)
    packages = [package.requirement() for package in manifest.installed_by_pip()]
    conda = explicit_list(manifest.conda).decode().splitlines() if manifest.is_of_conda else ()
    left_out = [local.name for local in manifest.local if local.path is None]
    return starting_dockerfile(
        manifest.base_image, packages, system=manifest.system, left_out=left_out, conda=conda
    )


def pinned(environment: Environment, manifest: Manifest, pin: Callable[[str], str]) -> Environment:
    """Return an environment whose base images are replaced by `pin`."""
    files = environment.files
    if manifest.dockerfile == "repository":
        return Environment.of({**files, DOCKERFILE: pin_bases(files[DOCKERFILE], pin)})
    # A reference with a digest is exact already.
    if "@" in manifest.base_image:
        return environment
    exact = replace(manifest, base_image=pin(manifest.base_image))
    return Environment.of(
        {**files, MANIFEST: encode_manifest(exact), DOCKERFILE: generated_dockerfile(exact)}
    )


def pinned_alike(environment: Environment, manifest: Manifest, other: Environment) -> Environment:
    """Return an environment whose base images have the digests that `other` has."""
    both = zip(
        read_bases(environment.files[DOCKERFILE]), read_bases(other.files[DOCKERFILE]), strict=False
    )
    known = {
        base: exact for base, exact in both if exact.partition("@")[0] in (base, f"{base}:latest")
    }
    return pinned(environment, manifest, lambda reference: known.get(reference, reference))
