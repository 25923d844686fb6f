"""The environment of a run as three files: what it was (`environment.json`), its lock, and how to build it again.

Pure: the same interpreter and set of packages gives the same bytes on every machine; no host's name, user or path
is in them. The packages of git-datmo itself are left out, since it is a guest in the user's environment.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from git_datmo.engines.probe import Distribution, Probe
from git_datmo.errors import DatmoError

VERSION = 1
MANIFEST, LOCK, DOCKERFILE = "environment.json", "requirements.txt", "Dockerfile"
OWN = "git-datmo"
SEEDS = frozenset({"pip", "setuptools", "wheel", "uv"})

ALLOWED_VARIABLES = frozenset(
    {
        "CUBLAS_WORKSPACE_CONFIG",
        "CUDA_DEVICE_ORDER",
        "CUDA_LAUNCH_BLOCKING",
        "CUDA_VISIBLE_DEVICES",
        "JAX_ENABLE_X64",
        "KERAS_BACKEND",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "NVIDIA_TF32_OVERRIDE",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "PYTHONHASHSEED",
        "PYTHONOPTIMIZE",
        "PYTHONUTF8",
        "TF_CUDNN_DETERMINISTIC",
        "TF_DETERMINISTIC_OPS",
        "TF_ENABLE_ONEDNN_OPTS",
        "TOKENIZERS_PARALLELISM",
        "TZ",
        "XLA_FLAGS",
    }
)

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*\Z")
REFERENCE = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?[a-z][a-z0-9.-]*://[^\s;\\]+\Z")


@dataclass(frozen=True, slots=True)
class Package:
    """A package at one version; `source` is `index`, or the reference that pip installs it by."""

    name: str
    version: str
    source: str = "index"

    def requirement(self) -> str:
        return f"{self.name}=={self.version}" if self.source == "index" else f"{self.name} @ {self.source}"


@dataclass(frozen=True, slots=True)
class Local:
    """A package installed from a folder; `path` is relative to the repository, None for one that is not in it.

    It has no version here: a folder's own often names a commit, and the environment would change with each.
    """

    name: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """`environment.json` as values; `base_image` is '' where the repository's own Dockerfile builds the image."""

    implementation: str
    python: str
    packages: tuple[Package, ...] = ()
    local: tuple[Local, ...] = ()
    base_image: str = ""
    dockerfile: Literal["generated", "repository"] = "generated"
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def series(self) -> str:
        """The version that packages are built for: `3.11`."""
        return ".".join(self.python.split(".")[:2])

    def absent(self) -> tuple[str, ...]:
        """The names that a rebuilt environment lacks: installed from a place that only one machine has."""
        return tuple(local.name for local in self.local if local.path is None)

    def source_folders(self) -> tuple[str, ...]:
        """Where, relative to the repository, imports of its own packages are found, in either usual layout.

        A rebuilt environment does not install them (their code is the repository's, which is there); it has these
        folders on PYTHONPATH instead.
        """
        folders = (
            (local.path, f"{local.path}/src".removeprefix("/")) for local in self.local if local.path is not None
        )
        return tuple(dict.fromkeys(folder for pair in folders for folder in pair))


@dataclass(frozen=True, slots=True)
class Environment:
    """The files that rebuild an environment; `id` is the SHA-256 of their names and bytes, in hex."""

    id: str
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Environment:
        digest = hashlib.sha256()
        for name, content in sorted(files.items()):
            digest.update(b"%d %s %d\0" % (len(name.encode()), name.encode(), len(content)))
            digest.update(content)
        return cls(digest.hexdigest(), dict(files))


def normalise(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def allowed_variables(environ: Mapping[str, str], *, more: Collection[str] = ()) -> dict[str, str]:
    """The variables of `environ` that decide results, and no others: the rest may be secrets or names of the host."""
    allowed = {name: value for name, value in sorted(environ.items()) if name in ALLOWED_VARIABLES or name in more}
    for name, value in allowed.items():
        if not value.isprintable() and (set(value) & set("\0\r\n") or any("\ud800" <= c <= "\udfff" for c in value)):
            raise DatmoError(f"the variable '{name}' is not one line of UTF-8", "unset or correct it")
    return allowed


_IMPORT = re.compile(rb'^[ \t]*"?(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([^#;\r\n"\\]+))', re.MULTILINE)


def imported_modules(sources: Iterable[bytes]) -> frozenset[str]:
    """The top-level modules that Python sources (and notebooks) import, over-counting rather than missing one."""
    found: set[str] = set()
    for source in sources:
        for match in _IMPORT.finditer(source):
            names = [match[1]] if match[1] else match[2].split(b",")
            found.update(name.split()[0].split(b".")[0].decode("ascii", "replace") for name in names if name.split())
    return frozenset(found)


def kept_distributions(probe: Probe, *, imported: Collection[str] = ()) -> tuple[Distribution, ...]:
    """The distributions that belong to the user's work, by name.

    Left out: git-datmo and what only it needs, what the operating system brought, and the seeds of an environment;
    except for what a person asked for, what the code imports, and all that these and other kept ones require.
    """
    known = {normalise(found.name): found for found in reversed(probe.distributions)}
    guests = _reached(known, [OWN]) - {OWN}
    roots = []
    for name, found in known.items():
        asked = found.requested and (name not in SEEDS or name == "setuptools")
        needed = asked or any(module in imported for module in found.modules)
        if name != OWN and (needed or not (name in guests or name in SEEDS or found.vendor)):
            roots.append(name)
    without_own = {name: found for name, found in known.items() if name != OWN}
    return tuple(known[name] for name in sorted(_reached(without_own, roots)))


def _reached(known: Mapping[str, Distribution], start: Iterable[str]) -> set[str]:
    """All that `start` requires, and itself, as far as installed."""
    waiting = [name for name in start if name in known]
    reached = set(waiting)
    while waiting:
        for needed in map(normalise, known[waiting.pop()].requires):
            if needed in known and needed not in reached:
                reached.add(needed)
                waiting.append(needed)
    return reached


def make_environment(
    probe: Probe,
    *,
    repository: PurePath,
    variables: Mapping[str, str] | None = None,
    imported: Collection[str] = (),
    dockerfile: bytes | None = None,
    base_image: str = "",
) -> Environment:
    """The environment that `probe` saw. `repository` is the resolved path of the working tree.

    `variables` are the allowed ones, `imported` the modules that the repository's code imports, `dockerfile` the
    repository's own.
    """
    packages: list[Package] = []
    local: list[Local] = []
    for found in kept_distributions(probe, imported=imported):
        made = _placed(found, repository)
        packages.append(made) if isinstance(made, Package) else local.append(made)
    if dockerfile is None:
        base_image = base_image or default_image(probe, packages)
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
    )
    return Environment.of(
        {
            MANIFEST: encode_manifest(manifest),
            LOCK: "".join(f"{package.requirement()}\n" for package in packages).encode(),
            DOCKERFILE: generated_dockerfile(manifest) if dockerfile is None else dockerfile,
        }
    )


def _placed(found: Distribution, repository: PurePath) -> Package | Local:
    name, origin = normalise(found.name), found.origin
    if origin is not None and origin.kind == "folder":
        folder = PurePath(origin.folder)
        inside = folder.is_relative_to(repository)
        return Local(name, folder.relative_to(repository).as_posix().removeprefix(".") if inside else None)
    if origin is not None and REFERENCE.match(origin.reference):
        return Package(name, found.version, origin.reference)
    # What came from a file or repository of this machine must not be taken by its name from an index: that is
    # somebody else's package.
    return Package(name, found.version) if origin is None and PINNED.match(found.version) else Local(name)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def default_image(probe: Probe, packages: Iterable[Package] = ()) -> str:
    """The official image of the interpreter's series: the slim one, or where pip needs git in it, the full one."""
    family = "pypy" if probe.implementation == "pypy" else "python"
    full = any("+" in package.source.partition("://")[0] for package in packages)
    return f"{family}:{'.'.join(probe.version.split('.')[:2])}{'' if full else '-slim'}"


def encode_manifest(manifest: Manifest) -> bytes:
    """The one encoding of a manifest: UTF-8, keys sorted, an indent of one, a line end."""
    document = {
        "version": VERSION,
        "python": {"implementation": manifest.implementation, "version": manifest.python},
        "packages": [{"name": p.name, "version": p.version, "source": p.source} for p in manifest.packages],
        "local": [{"name": p.name, "path": p.path} for p in manifest.local],
        "base_image": manifest.base_image,
        "dockerfile": manifest.dockerfile,
        "variables": dict(manifest.variables),
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def generated_dockerfile(manifest: Manifest) -> bytes:
    """The Dockerfile for a repository without one: the base image and the lock, which is complete (`--no-deps`)."""
    lines = [f"FROM {manifest.base_image}"]
    if manifest.packages:
        lines.append(f"COPY {LOCK} /opt/datmo/{LOCK}")
        lines.append(
            "RUN python -m pip install --no-cache-dir --no-deps --no-input --disable-pip-version-check"
            f" -r /opt/datmo/{LOCK}"
        )
    lines.append("WORKDIR /work")
    return "".join(f"{line}\n" for line in lines).encode()
