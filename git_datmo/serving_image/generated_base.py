"""Make the layers of an environment that is not frozen, without a container engine.

The base image comes from its registry, and the packages from the package index. Nothing runs in the
image meanwhile, so packages that must be built, and Debian packages, need an engine.
"""

from __future__ import annotations

import json
import os
import posixpath
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.engines.build_log import telling_line
from git_datmo.environments.environment_files import Environment
from git_datmo.environments.manifest import LOCK, Manifest
from git_datmo.errors import DatmoError
from git_datmo.oci.layer_archive import Layer, LayerFile, files_below, write_layer
from git_datmo.progress import Progress

if TYPE_CHECKING:
    from git_datmo.oci.image_pull import PulledImage

# The names that pip has for processors, by those of OCI.
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
PLATFORMS = tuple(f"linux/{name}" for name in _MACHINES)
"""The platforms whose packages pip can choose."""

# The newest glibc that a package may need: that of Debian 11 and later has more.
_GLIBC = 28
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Files that name the machine on which pip ran.
_LEFT_OUT = ("direct_url.json", "REQUESTED", "INSTALLER")
_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class GeneratedBase:
    """The base image, and a layer of packages."""

    base: PulledImage
    packages: Layer


def find_obstacle(manifest: Manifest) -> str:
    """Return why an environment cannot be made without an engine; '' if it can."""
    if manifest.dockerfile == "repository":
        return "it has a Dockerfile, whose commands run in a container"
    if manifest.conda:
        return "it has packages of conda"
    if manifest.system:
        return f"it has Debian packages ({manifest.system[0]})"
    if manifest.implementation != "cpython":
        return f"its Python is {manifest.implementation}"
    built = [each.name for each in manifest.installed_by_pip() if each.source != "index"]
    built += [name for name in manifest.archives() if not name.endswith(".whl")]
    return f"package {built[0]} must be built" if built else ""


def make_base(
    environment: Environment,
    manifest: Manifest,
    platform: str,
    environ: Mapping[str, str],
    folder: Path,
    progress: Progress,
) -> GeneratedBase:
    """Fetch the base image and the packages, and write their layers into `folder`.

    Raises `DatmoError` if one of them is not available.
    """
    # Late, since an image of a frozen environment needs no registry.
    from git_datmo.oci.image_pull import pull_image

    pulled = pull_image(manifest.base_image, platform, environ, folder, progress)
    site = _find_site(pulled, manifest)
    packages = folder / "packages"
    packages.mkdir()
    progress.begin("installing the packages of the environment", unit="step")
    try:
        _install(environment, manifest, platform, environ, packages)
    finally:
        progress.finish()
    files = _packaged(packages / "site", site)
    return GeneratedBase(pulled, write_layer(files, folder, "the packages"))


def _find_site(pulled: PulledImage, manifest: Manifest) -> str:
    """Return the folder of the base image in which its Python finds packages."""
    names = {f"/{name}" for layer in pulled.layers for name in _names(layer.path)}
    if any(name.startswith("/lib/ld-musl") for name in names):
        raise DatmoError(f"the base image '{manifest.base_image}' has no glibc")
    settings = json.loads(pulled.config).get("config") or {}
    variables = dict(each.partition("=")[::2] for each in settings.get("Env") or ())
    for folder in variables.get("PATH", _PATH).split(":"):
        prefix = posixpath.dirname(folder)
        site = f"{prefix}/lib/python{manifest.series}/site-packages"
        if f"{folder}/python{manifest.series}" in names and site in names:
            return site
    raise DatmoError(
        f"the base image '{manifest.base_image}' has no Python {manifest.series} with a folder"
        " 'site-packages'"
    )


def _names(layer: Path) -> Iterator[str]:
    """Yield the paths of all entries of a layer, and of their folders."""
    try:
        with tarfile.open(layer, "r:") as archive:
            names = {posixpath.normpath(entry.name).lstrip("/") for entry in archive}
    except tarfile.TarError as error:
        raise DatmoError(f"a layer of the base image is damaged: {error}") from error
    for name in names:
        path = name
        while path and path != ".":
            yield path
            path = posixpath.dirname(path)


def _install(
    environment: Environment,
    manifest: Manifest,
    platform: str,
    environ: Mapping[str, str],
    folder: Path,
) -> None:
    """Install the packages for the platform into `site` below `folder`; nothing is built."""
    machine = _MACHINES[platform.rpartition("/")[2]]
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC, 4, -1)]
    tags += [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}"]
    for name in manifest.files():
        (folder / name).write_bytes(environment.files[name])
    archives = [str(folder / name) for name in manifest.archives()]
    (folder / "site").mkdir()
    for wanted in (["-r", str(folder / LOCK)] if manifest.installed_by_pip() else [], archives):
        if wanted:
            _run_pip([*_options(manifest, folder, (*tags, f"linux_{machine}")), *wanted], environ)


def _options(manifest: Manifest, folder: Path, tags: tuple[str, ...]) -> list[str]:
    """Return pip's options for packages of another machine."""
    fixed = (
        "--no-deps --no-compile --no-input --disable-pip-version-check --no-warn-script-location"
    )
    return [
        *fixed.split(),
        "--only-binary=:all:",
        "--implementation=cp",
        f"--python-version={manifest.series}",
        *(f"--platform={tag}" for tag in tags),
        f"--target={folder / 'site'}",
    ]


def _run_pip(words: list[str], environ: Mapping[str, str]) -> None:
    """Run pip of git-datmo's own Python; raise `DatmoError` with its most telling line."""
    if find_spec("pip") is None:
        raise DatmoError(f"git-datmo's own Python, {sys.executable}, has no pip")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", *words],
            env=dict(environ),
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise DatmoError(f"pip did not end within {_SECONDS} s") from None
    if done.returncode:
        line = telling_line(done.stderr.decode("utf-8", "replace"))
        raise DatmoError(f"the packages cannot be installed: {line}")


def _packaged(folder: Path, site: str) -> Iterator[LayerFile]:
    """Yield the files of the packages, without those that depend on the machine that wrote them."""
    for record in folder.glob("*.dist-info/RECORD"):
        lines = record.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if _is_kept(line.split(",")[0])]
        record.write_text("".join(sorted(kept)), "utf-8")
    for file in files_below(folder, site):
        if _is_kept(os.path.relpath(file.path, site)):
            yield file


def _is_kept(path: str) -> bool:
    """Return False for programs, which name pip's own Python, and for notes of pip."""
    top = path.removeprefix("../../").partition("/")[0]
    is_note = top.endswith(".dist-info") and path.rpartition("/")[2] in _LEFT_OUT
    return top != "bin" and not is_note
