"""Conda packages by the exact archives that they were installed from. Pure.

If an image can be made from these archives, conda's Python packages come from them too. Their
builds are linked against the libraries in the same environment, and a package index has other
builds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from git_datmo.redact import hide_passwords

LIST = "conda.txt"
IMAGE = "mambaorg/micromamba:1.5.8"
"""A Debian with micromamba and without Python. It installs a list of archives without solving."""

NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*\Z")
WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.!+-]*\Z")
URL = re.compile(r"(?:https?://[^\s;\\\"'$`#]+\.(?:conda|tar\.bz2))?\Z")
MD5, SHA256 = re.compile(r"(?:[0-9a-f]{32})?\Z"), re.compile(r"(?:[0-9a-f]{64})?\Z")
_BUILT_FOR = re.compile(r"/(?:linux-[a-z0-9]+|noarch)/[^/]+\Z")
# The URL of a private channel has a secret in its path: `/t/TOKEN/`.
_TOKEN = re.compile(r"/t/[^/]+/")


@dataclass(frozen=True, slots=True)
class CondaPackage:
    """A package at one build.

    `url` is its archive's address; '' for a package built on this machine. Hashes are in hex.
    """

    name: str
    version: str
    build: str
    url: str = ""
    md5: str = ""
    sha256: str = ""

    def describe(self) -> str:
        return f"{self.version} ({self.build})"

    def line(self) -> str:
        """Return the line of an explicit list. Every version of conda's tools reads the MD5."""
        return f"{self.url}#{self.md5}" if self.md5 else self.url


@dataclass(frozen=True, slots=True)
class Installed:
    """A package, the names that it needs, and the Python distributions that it contains."""

    package: CondaPackage
    needs: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()


def read_installed(records: Iterable[Mapping[str, Any]]) -> tuple[Installed, ...]:
    """Parse conda's own records as the probe reports them; skip invalid names and versions."""
    found = []
    for record in records:
        name, version, build = (str(record[key]) for key in ("name", "version", "build"))
        if NAME.match(name) and WORD.match(version) and WORD.match(build):
            url = _TOKEN.sub("/", hide_passwords(str(record["url"])))
            package = CondaPackage(
                name,
                version,
                build,
                *(
                    _checked(*pair)
                    for pair in ((url, URL), (record["md5"], MD5), (record["sha256"], SHA256))
                ),
            )
            found.append(Installed(package, tuple(record["needs"]), tuple(record["brings"])))
    return tuple(found)


def _checked(value: object, pattern: re.Pattern[str]) -> str:
    return value if isinstance(value, str) and pattern.match(value) else ""


def kept_packages(installed: Iterable[Installed], kept: frozenset[str]) -> tuple[Installed, ...]:
    """Return the packages that a run needs, each after those that it needs.

    A Python package is kept if `kept` has its distribution. Pip is kept, since it installs the
    rest.
    """
    known = {found.package.name: found for found in installed}
    needed = {
        name: found
        for name, found in known.items()
        if name == "pip" or not found.brings or not kept.isdisjoint(found.brings)
    }
    return tuple(needed[name] for name in _in_order(needed))


def _in_order(known: Mapping[str, Installed]) -> Iterator[str]:
    """Yield names, each after those that it needs, unless they need each other."""
    done: set[str] = set()
    for root in sorted(known):
        waiting = [(root, False)]
        while waiting:
            name, ready = waiting.pop()
            # The second visit of a name comes after those of all names that it needs.
            if ready:
                yield name
            elif name not in done:
                done.add(name)
                waiting.append((name, True))
                waiting += [
                    (needed, False)
                    for needed in sorted(known[name].needs, reverse=True)
                    if needed in known
                ]


def can_make_image(packages: Sequence[CondaPackage]) -> bool:
    """Return True if the packages can be installed again on Linux: all have an address, and
    Python is one."""
    return all(_BUILT_FOR.search(package.url) for package in packages) and any(
        p.name == "python" for p in packages
    )


def explicit_list(packages: Iterable[CondaPackage]) -> bytes:
    """Return a list from which conda's tools install without solving."""
    return "".join(
        f"{line}\n" for line in ("@EXPLICIT", *(package.line() for package in packages))
    ).encode()
