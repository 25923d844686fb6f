"""Make the environment of a run's record from the packages that its interpreter has.

Pure. The same interpreter and packages give the same environment on every machine, without names of
host, user or folders. git-datmo's own packages are left out, since it is a guest in the user's
environment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePath

from git_datmo.environments.conda import IMAGE, can_make_image, kept_packages
from git_datmo.environments.environment_files import Environment, assemble
from git_datmo.environments.interpreter_probe import Distribution, Probe, normalise
from git_datmo.environments.locked_versions import Lock
from git_datmo.environments.manifest import (
    CONDA,
    INDEX,
    PINNED,
    REFERENCE,
    Local,
    Manifest,
    Package,
)
from git_datmo.environments.user_packages import kept_distributions
from git_datmo.errors import DatmoError


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
    archives = archives or {}
    kept = kept_distributions(probe, imported=imported)
    of_conda = kept_packages(probe.conda, frozenset(normalise(found.name) for found in kept))
    conda = tuple(each.package for each in of_conda)
    has_archives = dockerfile is None and can_make_image(conda)
    made = [_placed(found, repository, lock, archives) for found in kept]
    local = tuple(each for each in made if isinstance(each, Local))
    packages = tuple(each for each in made if isinstance(each, Package))
    if has_archives:
        brought = {name for each in of_conda for name in each.brings}
        packages = tuple(_without_pip(each, brought) for each in packages)
        # The image of micromamba has no git, with which pip fetches these packages.
        system = {*system, "git"} if _need_git(packages) else system
    if dockerfile is None:
        base_image = base_image or (IMAGE if has_archives else default_image(probe, packages))
    else:
        _refuse_binary(dockerfile)
        base_image, system = "", ()
    manifest = Manifest(
        implementation=probe.implementation,
        python=probe.version,
        packages=packages,
        local=local,
        base_image=base_image,
        dockerfile="generated" if dockerfile is None else "repository",
        variables=tuple(sorted((variables or {}).items())),
        indexes=_indexes(packages, lock, indexes),
        system=tuple(sorted(set(system))),
        conda=conda,
    )
    contents = dict(archives.values())
    return assemble(manifest, dockerfile, {name: contents[name] for name in manifest.archives()})


def _without_pip(package: Package, brought: Collection[str]) -> Package:
    """Return a package as one of conda's if its archives bring it: then pip must not install it."""
    if package.name not in brought:
        return package
    return Package(package.name, package.version, CONDA)


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
    # A package from a file or folder of this machine must not be installed by name. An index may
    # have a stranger's package of that name.
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


def _refuse_binary(dockerfile: bytes) -> None:
    """Raise `DatmoError` for a Dockerfile that is not text."""
    try:
        is_text = "\0" not in dockerfile.decode()
    except UnicodeDecodeError:
        is_text = False
    if not is_text:
        raise DatmoError("cannot record 'Dockerfile': it is not UTF-8 text")


def default_image(probe: Probe, packages: Iterable[Package] = ()) -> str:
    """Return the official image of the interpreter's series: slim, or full if pip needs git."""
    family = "pypy" if probe.implementation == "pypy" else "python"
    return (
        f"{family}:{'.'.join(probe.version.split('.')[:2])}{'' if _need_git(packages) else '-slim'}"
    )


def _need_git(packages: Iterable[Package]) -> bool:
    # A reference to a repository has the tool before a plus sign: `git+https://`.
    return any("+" in package.source.partition("://")[0] for package in packages)
