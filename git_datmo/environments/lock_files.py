"""Read versions, hashes and indexes from lock and project files. Pure except for its parsers.

A file that its own tool could not read is skipped. The environment is what is installed; a lock
only adds to it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from git_datmo.environments.interpreter_probe import normalise
from git_datmo.redact import hide_passwords

LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock", "conda-lock.yml")
PROJECTS = ("environment.yml", "environment.yaml", "pyproject.toml")
SIZE_LIMIT = 16 << 20

_REQUIREMENTS = re.compile(r"requirements[\w.-]*\.(?:txt|lock)\Z")
_SHA256 = re.compile(r"(?:sha256[:=])?([0-9a-f]{64})\Z")
_HASH_OPTION = re.compile(r"\s--hash[= ](\S+)")
# A single equals sign allows all versions that begin so. A build after the version restricts
# nothing.
_CONDA_SPEC = re.compile(
    r"(?:\S+::)?([a-z0-9_.-]+)\s*(==|=|>=|<=|>|<)\s*([0-9][0-9.]*[0-9]|[0-9])(?:\.\*)?(?:=\S+)?\Z"
)
_INDEX_OPTION = re.compile(r"(?:-i|--index-url|--extra-index-url)[= ]+(\S+)")


@dataclass(frozen=True, slots=True)
class Pin:
    """A version that a lock allows, its SHA-256 hashes in hex, and its index if not the usual
    one."""

    version: str
    hashes: frozenset[str] = frozenset()
    index: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """The content of one file, by normalised name.

    `pins` are exact versions, several if they depend on the platform. `ranges` are other
    requirements as in PEP 440. `conda` has conda's names, with alternatives. `python` is a version
    range. `required` names packages for every platform.
    """

    path: str
    pins: Mapping[str, tuple[Pin, ...]]
    ranges: Mapping[str, str]
    indexes: tuple[str, ...] = ()
    conda: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    python: str = ""
    required: frozenset[str] = frozenset()

    @property
    def exactness(self) -> tuple[bool, bool, int]:
        """Return a key by which more exact files are greater: all pinned, all with hashes, more
        packages."""
        pins = [pin for pins in self.pins.values() for pin in pins]
        return (
            bool(pins) and not self.ranges,
            bool(pins) and all(pin.hashes for pin in pins),
            len(self.pins),
        )

    def pin(self, name: str, version: str) -> Pin | None:
        """Return the pin of exactly this version."""
        return next((pin for pin in self.pins.get(name, ()) if _same(pin.version, version)), None)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A package that does not match the lock; `installed` is '' for a missing one."""

    name: str
    installed: str
    asked: str


def is_lock(name: str) -> bool:
    """Return True if `read_lock` knows files of this name."""
    return name in LOCKS or name in PROJECTS or _REQUIREMENTS.match(name) is not None


def most_exact(files: Mapping[str, bytes]) -> Lock | None:
    """Return the most exact of some files; of equal ones, the more usual."""
    found = [
        lock
        for name, content in sorted(files.items())
        if (lock := read_lock(name, content)) is not None
    ]
    ranks = {name: -index for index, name in enumerate((*LOCKS, "requirements.txt", *PROJECTS))}
    return max(
        found, key=lambda lock: (*lock.exactness[:2], ranks.get(lock.path, -99)), default=None
    )


def read_lock(name: str, content: bytes) -> Lock | None:
    """Parse a file; None if it names no package."""
    read = _READERS.get(name) or (_requirements if _REQUIREMENTS.match(name) else None)
    if read is None or len(content) > SIZE_LIMIT:
        return None
    try:
        lock = read(name, content.decode())
    except Exception:  # noqa: BLE001 - parsers of strangers' files: whatever they raise, see the module's docstring
        return None
    return lock if lock.pins or lock.ranges or lock.conda or lock.python else None


def contradictions(
    lock: Lock,
    installed: Mapping[str, str],
    conda: Mapping[str, str] | None = None,
    python: str = "",
) -> tuple[Contradiction, ...]:
    """Yield installed packages that do not match the lock.

    `python` is the interpreter's version. A pinned package that is missing may belong to another
    platform, extra or group. One that a list requires unconditionally is reported.
    """
    found = []
    if python and lock.python and not _fits(python, lock.python):
        found.append(Contradiction("python", python, lock.python))
    found += _pin_contradictions(lock, installed)
    for name, wanted in sorted(lock.ranges.items()):
        here = installed.get(name, "")
        if not here or not _fits(here, wanted):
            found.append(Contradiction(name, here, wanted or "any version"))
    found += _conda_contradictions(lock, installed, conda)
    return tuple(found)


def _pin_contradictions(lock: Lock, installed: Mapping[str, str]) -> Iterator[Contradiction]:
    for name, pins in sorted(lock.pins.items()):
        here = installed.get(name)
        if here is None:
            # A list of requirements names all that it wants. A lock file also names packages of
            # other platforms, extras and groups.
            if lock.path not in LOCKS or name in lock.required:
                yield Contradiction(name, "", pins[0].version)
        elif not any(_same(pin.version, here) for pin in pins):
            versions = sorted({pin.version for pin in pins})
            yield Contradiction(name, here, " or ".join(versions))


def _conda_contradictions(
    lock: Lock, installed: Mapping[str, str], conda: Mapping[str, str] | None
) -> Iterator[Contradiction]:
    # Without conda's own list, a pip package of the same name counts.
    by_conda = conda or installed
    for name, allowed in sorted(lock.conda.items()):
        here = by_conda.get(name, "")
        if here:
            is_wrong = not any(_fits(here, wanted) for wanted in allowed)
        else:
            is_wrong = lock.path in PROJECTS and bool(conda)
        if is_wrong:
            yield Contradiction(name, here, " or ".join(allowed))


def _same(one: str, other: str) -> bool:
    """Return True for spellings of one version. A lock may omit the build (`2.1.0` for
    `2.1.0+cpu`)."""
    return one == other or (_fits(other, f"=={one}") if re.match(r"[0-9]", one) else False)


def _fits(version: str, wanted: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    try:
        # An installed prerelease is compared like any other version.
        return SpecifierSet(wanted).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True  # a wording that cannot be understood contradicts nothing


def read_toml(text: str) -> Any:
    """Parse TOML; raise `ValueError`."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _yaml(text: str) -> Any:
    import yaml

    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe one


def _digests(values: Iterable[Any]) -> frozenset[str]:
    return frozenset(
        match[1] for value in values if isinstance(value, str) and (match := _SHA256.match(value))
    )


def _collect(name: str, found: Iterable[tuple[str, Pin]], indexes: Iterable[str] = ()) -> Lock:
    pins: dict[str, tuple[Pin, ...]] = {}
    for package, pin in found:
        pins[normalise(package)] = (*pins.get(normalise(package), ()), pin)
    return Lock(name, pins, {}, tuple(dict.fromkeys(indexes)))


def _index(url: object) -> str:
    """Return a lock's index without credentials; '' for the usual one or a folder."""
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"}:
        return ""
    host = urlsplit(url).hostname or ""
    return (
        ""
        if host == "pypi.org" or host.endswith((".pypi.org", ".pythonhosted.org"))
        else hide_passwords(url)
    )


def _uv(name: str, text: str) -> Lock:
    def pins() -> Iterator[tuple[str, Pin]]:
        for package in read_toml(text).get("package", ()):
            source = package.get("source", {})
            if "version" in package and "registry" in source:
                files = [package.get("sdist", {}), *package.get("wheels", ())]
                hashes = _digests(file.get("hash") for file in files)
                yield package["name"], Pin(package["version"], hashes, _index(source["registry"]))

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


def _pylock(name: str, text: str) -> Lock:
    def pins() -> Iterator[tuple[str, Pin]]:
        for package in read_toml(text).get("packages", ()):
            if "version" in package and not package.keys() & {"vcs", "directory", "archive"}:
                files = [package.get("sdist", {}), *package.get("wheels", ())]
                hashes = _digests(file.get("hashes", {}).get("sha256") for file in files)
                yield package["name"], Pin(package["version"], hashes, _index(package.get("index")))

    return _collect(name, pins())


def _poetry(name: str, text: str) -> Lock:
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
            hashes = _digests(file.get("hash") for file in files)
            yield package["name"], Pin(package["version"], hashes, _index(source.get("url")))

    return _collect(name, pins())


def _pipfile(name: str, text: str) -> Lock:
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
                    index = _index(urls.get(entry.get("index")))
                    yield (
                        package,
                        Pin(
                            entry["version"].removeprefix("=="),
                            _digests(entry.get("hashes", ())),
                            index,
                        ),
                    )

    return _collect(name, pins())


def _conda_lock(name: str, text: str) -> Lock:
    """Read a conda-lock file. Pip can use names and hashes only of packages that pip installs."""
    packages = _yaml(text).get("package", ())
    conda: dict[str, tuple[str, ...]] = {}
    for package in packages:
        if package.get("manager") == "conda":
            known, wanted = conda.get(package["name"], ()), f"=={package['version']}"
            conda[package["name"]] = known if wanted in known else (*known, wanted)

    def pins() -> Iterator[tuple[str, Pin]]:
        for package in packages:
            if package.get("manager") == "pip":
                yield (
                    package["name"],
                    Pin(package["version"], _digests([package.get("hash", {}).get("sha256")])),
                )

    return replace(_collect(name, pins()), conda=conda)


def _requirements(name: str, text: str) -> Lock:
    # Only `#` after a blank starts a comment: a URL can contain `#`.
    lines = [line.split(" #")[0].strip() for line in text.replace("\\\n", " ").splitlines()]
    indexes = (_index(match[1]) for line in lines if (match := _INDEX_OPTION.match(line)))
    return _asked(name, lines, filter(None, indexes))


def _pyproject(name: str, text: str) -> Lock:
    document = read_toml(text)
    project, poetry = (
        document.get("project", {}),
        document.get("tool", {}).get("poetry", {}).get("dependencies", {}),
    )
    python = str(poetry.get("python", ""))
    asked = [
        f"{package}{_poetry_range(wanted)}"
        for package, wanted in poetry.items()
        if package != "python"
    ]
    lock = _asked(name, [*project.get("dependencies", ()), *asked])
    return replace(lock, python=project.get("requires-python") or _poetry_range(python))


def _poetry_range(wanted: object) -> str:
    """Return a poetry constraint as in PEP 440; '' for other kinds."""
    if not isinstance(wanted, str) or "||" in wanted:
        return ""
    return ",".join(filter(None, (_poetry_clause(each.strip()) for each in wanted.split(","))))


def _poetry_clause(clause: str) -> str:
    match = re.match(r"([\^~])?\s*([0-9]+(?:\.[0-9]+)*)\Z", clause)
    if match is None:
        return "" if clause == "*" else clause.replace(" ", "")
    numbers = [int(number) for number in match[2].split(".")]
    if match[1] is None:
        return f"=={match[2]}"
    if match[1] == "~":
        # A tilde allows other patches, or other minor versions if only the major version is given.
        last = 0 if len(numbers) == 1 else 1
    else:
        # A caret fixes all numbers up to the first that is not zero.
        last = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    upper = [*numbers[:last], numbers[last] + 1]
    return f">={match[2]},<{'.'.join(map(str, upper))}"


def _conda(name: str, text: str) -> Lock:
    """Read an environment.yml. Conda's packages have conda's names; its pip list has pip's."""
    entries = _yaml(text).get("dependencies", ())
    asked = (
        match for entry in entries if isinstance(entry, str) and (match := _CONDA_SPEC.match(entry))
    )
    conda = {
        match[1]: (f"=={match[3]}.*" if match[2] == "=" else f"{match[2]}{match[3]}",)
        for match in asked
    }
    lock = _asked(
        name,
        [line for entry in entries if isinstance(entry, dict) for line in entry.get("pip", ())],
    )
    python = conda.pop("python", ("",))[0]
    return replace(lock, conda=conda, python=python)


def _asked(name: str, lines: Iterable[str], indexes: Iterable[str] = ()) -> Lock:
    """Read a list of requirements. A conditional line counts only if it pins a version."""
    from packaging.requirements import InvalidRequirement, Requirement

    pins: dict[str, tuple[Pin, ...]] = {}
    ranges: dict[str, str] = {}
    for line in lines:
        try:
            # Pip's options, such as `--hash`, follow the requirement.
            asked = Requirement(line.split(" --")[0])
        except InvalidRequirement:
            continue
        if asked.url or (asked.marker is not None and not asked.marker.evaluate({"extra": ""})):
            continue
        package, specifiers = normalise(asked.name), list(asked.specifier)
        if (
            len(specifiers) == 1
            and specifiers[0].operator in {"==", "==="}
            and "*" not in specifiers[0].version
        ):
            pin = Pin(specifiers[0].version, _digests(_HASH_OPTION.findall(line)))
            pins[package] = (*pins.get(package, ()), pin)
        elif asked.marker is None:
            ranges[package] = str(asked.specifier)
    return Lock(name, pins, ranges, tuple(dict.fromkeys(indexes)))


_READERS: Mapping[str, Callable[[str, str], Lock]] = {
    "uv.lock": _uv,
    "pylock.toml": _pylock,
    "poetry.lock": _poetry,
    "pdm.lock": _poetry,
    "Pipfile.lock": _pipfile,
    "conda-lock.yml": _conda_lock,
    "environment.yml": _conda,
    "environment.yaml": _conda,
    "pyproject.toml": _pyproject,
}
