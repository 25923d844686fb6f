"""Read the lock files of uv, poetry, pdm, pipenv, conda-lock, and `pylock.toml`.

The parsers raise any exception for a file that its own tool could not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from git_datmo.environments.interpreter_probe import normalise
from git_datmo.environments.locked_versions import Lock, Pin, clean_index, find_digests
from git_datmo.environments.toml_and_yaml import read_toml, read_yaml


def _collect(name: str, found: Iterable[tuple[str, Pin]], indexes: Iterable[str] = ()) -> Lock:
    pins: dict[str, tuple[Pin, ...]] = {}
    for package, pin in found:
        pins[normalise(package)] = (*pins.get(normalise(package), ()), pin)
    return Lock(name, pins, {}, tuple(dict.fromkeys(indexes)))


def read_uv(name: str, text: str) -> Lock:
    """Read a `uv.lock`. Packages from other sources than an index have no pin."""

    def pins() -> Iterator[tuple[str, Pin]]:
        for package in read_toml(text).get("package", ()):
            source = package.get("source", {})
            if "version" in package and "registry" in source:
                files = [package.get("sdist", {}), *package.get("wheels", ())]
                hashes = find_digests(file.get("hash") for file in files)
                yield (
                    package["name"],
                    Pin(package["version"], hashes, clean_index(source["registry"])),
                )

    document = read_toml(text)
    lock = _collect(name, pins())
    return replace(
        lock,
        python=document.get("requires-python", ""),
        required=_required(document.get("package", ())),
    )


def _required(packages: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the packages that the project of a `uv.lock` needs on every platform.

    Without a project, these are the packages that no other needs.
    """
    # A marker limits a dependency to some platforms.
    needs = {
        normalise(package["name"]): [
            normalise(d["name"]) for d in package.get("dependencies", ()) if "marker" not in d
        ]
        for package in packages
    }
    local = [
        p["name"]
        for p in packages
        if p.get("source", {}).keys() & {"editable", "virtual", "directory"}
    ]
    begun = set(map(normalise, local)) or needs.keys() - {
        name for every in needs.values() for name in every
    }
    found, open_ = set[str](), list(begun)
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += needs.get(name, ())
    return frozenset(found)


def read_pylock(name: str, text: str) -> Lock:
    """Read a `pylock.toml` (PEP 751)."""

    def pins() -> Iterator[tuple[str, Pin]]:
        for package in read_toml(text).get("packages", ()):
            if "version" in package and not package.keys() & {"vcs", "directory", "archive"}:
                files = [package.get("sdist", {}), *package.get("wheels", ())]
                hashes = find_digests(file.get("hashes", {}).get("sha256") for file in files)
                yield (
                    package["name"],
                    Pin(package["version"], hashes, clean_index(package.get("index"))),
                )

    return _collect(name, pins())


def read_poetry(name: str, text: str) -> Lock:
    """Read a lock of poetry or pdm, which has the same form. Old ones have hashes after the
    packages."""
    document = read_toml(text)
    older = document.get("metadata", {}).get("files", {})

    def pins() -> Iterator[tuple[str, Pin]]:
        for package in document.get("package", ()):
            source = package.get("source", {})
            # `legacy` is poetry's word for an index of packages.
            if source.get("type", "legacy") != "legacy" or package.keys() & {"path", "git", "url"}:
                continue
            files = package.get("files") or older.get(package["name"], ())
            hashes = find_digests(file.get("hash") for file in files)
            yield package["name"], Pin(package["version"], hashes, clean_index(source.get("url")))

    return _collect(name, pins())


def read_pipfile(name: str, text: str) -> Lock:
    """Read a `Pipfile.lock`, with the packages for development."""
    import json

    document = json.loads(text)
    urls = {
        source.get("name"): source.get("url")
        for source in document.get("_meta", {}).get("sources", ())
    }

    def pins() -> Iterator[tuple[str, Pin]]:
        for group in ("default", "develop"):
            for package, entry in document.get(group, {}).items():
                if "version" in entry:
                    index = clean_index(urls.get(entry.get("index")))
                    yield (
                        package,
                        Pin(
                            entry["version"].removeprefix("=="),
                            find_digests(entry.get("hashes", ())),
                            index,
                        ),
                    )

    return _collect(name, pins())


def read_conda_lock(name: str, text: str) -> Lock:
    """Read a conda-lock file. Pip can use names and hashes only of packages that pip installs."""
    packages = read_yaml(text).get("package", ())
    conda: dict[str, tuple[str, ...]] = {}
    for package in packages:
        # A package is listed once for each platform.
        if package.get("manager") == "conda":
            known, wanted = conda.get(package["name"], ()), f"=={package['version']}"
            conda[package["name"]] = known if wanted in known else (*known, wanted)

    def pins() -> Iterator[tuple[str, Pin]]:
        for package in packages:
            if package.get("manager") == "pip":
                yield (
                    package["name"],
                    Pin(package["version"], find_digests([package.get("hash", {}).get("sha256")])),
                )

    return replace(_collect(name, pins()), conda=conda)
