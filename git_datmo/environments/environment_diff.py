"""Compare two environments package by package. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from git_datmo.environments.conda import LIST
from git_datmo.environments.environment_files import Environment
from git_datmo.environments.manifest import Local, Manifest, Package
from git_datmo.sizes import show_count

# Files whose content the other changes describe.
_DESCRIBED = ("environment.json", "requirements.txt", LIST)


@dataclass(frozen=True, slots=True)
class PackageChange:
    """One difference of two environments; `before` or `after` is None if one has nothing to
    compare.

    `kind` is `interpreter`, `base image`, `package`, `conda`, `index`, `system`, `variable` or
    `file`.
    """

    kind: str
    name: str
    before: str | None
    after: str | None


def compare(
    one: Environment, other: Environment, before: Manifest, after: Manifest
) -> tuple[PackageChange, ...]:
    """Return the changes from `one` to `other`, by kind and name.

    `before` and `after` are their manifests.
    """
    pairs = zip(_things(before), _things(after), strict=True)
    changes = [change for (kind, old), (_, new) in pairs for change in _changes(kind, old, new)]
    # A generated Dockerfile follows from the packages, whose changes are listed already.
    shown = {"Dockerfile"} if before.dockerfile == after.dockerfile == "generated" else set()
    shown |= {*_DESCRIBED, *before.archives(), *after.archives()}
    files = sorted((one.files.keys() | other.files.keys()) - shown)
    changed = (name for name in files if one.files.get(name) != other.files.get(name))
    return (
        *changes,
        *(PackageChange("file", name, _size(one, name), _size(other, name)) for name in changed),
    )


def environment_values(environment: Environment, manifest: Manifest) -> dict[str, str]:
    """Return what an environment consists of, by name; of other files, the start of a hash.

    Names of packages are plain. Other names begin with their kind, as in `PackageChange`.
    """
    values = {
        name if kind == "package" else f"{kind} {name}".rstrip(): value or "(yes)"
        for kind, things in _things(manifest)
        for name, value in things.items()
    }
    shown = {*_DESCRIBED, *manifest.archives()}
    if manifest.dockerfile == "generated":
        shown.add("Dockerfile")
    for name in sorted(environment.files.keys() - shown):
        values[f"file {name}"] = sha256(environment.files[name]).hexdigest()[:10]
    return values


def _things(manifest: Manifest) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield "interpreter", {manifest.implementation: manifest.python}
    yield "base image", {"": manifest.base_image} if manifest.base_image else {}
    yield "package", dict(describe_packages(manifest))
    yield "conda", {package.name: package.describe() for package in manifest.conda}
    yield "index", dict.fromkeys(manifest.indexes, "")
    yield (
        "system",
        {name: version for name, _, version in (word.partition("=") for word in manifest.system)},
    )
    yield "variable", dict(manifest.variables)


def _changes(kind: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[PackageChange]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield PackageChange(kind, name, old.get(name), new.get(name))


def _describe(item: Package | Local) -> str:
    """Return a package's version or origin."""
    if isinstance(item, Package):
        return item.version if item.source == "index" else f"{item.version} from {item.source}"
    if item.path is not None:
        return f"the repository's folder '{item.path or '.'}'"
    return f"stored as '{item.file}'" if item.file else "of one machine alone"


def _size(environment: Environment, name: str) -> str | None:
    file = environment.files.get(name)
    return show_count(len(file), "byte") if file is not None else None


def describe_packages(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield each package with its version or origin."""
    items: tuple[Package | Local, ...] = (*manifest.packages, *manifest.local)
    yield from ((item.name, _describe(item)) for item in items)
