"""Hold the versions, hashes and indexes that a lock or project file allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from git_datmo.redact import hide_passwords

_SHA256 = re.compile(r"(?:sha256[:=])?([0-9a-f]{64})\Z")


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
        return next(
            (pin for pin in self.pins.get(name, ()) if is_same_version(pin.version, version)), None
        )


def is_same_version(one: str, other: str) -> bool:
    """Return True for spellings of one version. A lock may omit the build (`2.1.0` for
    `2.1.0+cpu`)."""
    return one == other or (fits(other, f"=={one}") if re.match(r"[0-9]", one) else False)


def fits(version: str, wanted: str) -> bool:
    """Return True if a version is in a range as in PEP 440, or if the range is not understood."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    try:
        # An installed prerelease is compared like any other version.
        return SpecifierSet(wanted).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True


def find_digests(values: Iterable[Any]) -> frozenset[str]:
    """Return the SHA-256 hashes in hex; other values are skipped."""
    return frozenset(
        match[1] for value in values if isinstance(value, str) and (match := _SHA256.match(value))
    )


def clean_index(url: object) -> str:
    """Return a lock's index without credentials; '' for the usual one or a folder."""
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"}:
        return ""
    host = urlsplit(url).hostname or ""
    return (
        ""
        if host == "pypi.org" or host.endswith((".pypi.org", ".pythonhosted.org"))
        else hide_passwords(url)
    )
