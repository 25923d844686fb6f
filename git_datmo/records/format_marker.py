"""The format marker of a records tree: the version and the capabilities that a writer must know.

`docs/FORMAT.md`, section 7.5, has the rules. A tree without a marker is of version 1 and requires
nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from git_datmo.errors import NewerRecords

MARKER_PATH = b"format"
MARKER_LIMIT = 65536
VERSION = 1
# The capability that a tree with tombstones requires.
REDACTION = "redaction"
# What this version knows, and what the records that it writes require of others.
KNOWN = frozenset({REDACTION})
REQUIRED: frozenset[str] = frozenset()

_CAPABILITY = re.compile(r"[a-z0-9][a-z0-9-]{0,99}\Z")


@dataclass(frozen=True, slots=True)
class Marker:
    """Version and capabilities that a writer checks before it adds to a records tree."""

    version: int = VERSION
    requires: frozenset[str] = frozenset()

    def unknown(self) -> str:
        """Return what this version does not know of the marker, in words; '' where it knows all."""
        if self.version != VERSION:
            return f"format {self.version}"
        return ", ".join(f"'{name}'" for name in sorted(self.requires - KNOWN))


# Stands for a marker that cannot be read, which no writer knows.
UNREADABLE = Marker(0)


def encode_marker(marker: Marker) -> bytes:
    """Encode a marker as canonical JSON."""
    document = {"requires": sorted(marker.requires), "version": marker.version}
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def parse_marker(raw: bytes) -> Marker:
    """Parse a marker; return `UNREADABLE` for bytes that are none."""
    if len(raw) > MARKER_LIMIT:
        return UNREADABLE
    try:
        document = json.loads(raw.decode())
        version, requires = document["version"], document["requires"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return UNREADABLE
    # `True` is an instance of `int` too.
    if type(version) is not int or version < 1 or not isinstance(requires, list):
        return UNREADABLE
    if not all(isinstance(name, str) and _CAPABILITY.match(name) for name in requires):
        return UNREADABLE
    return Marker(version, frozenset(requires))


def check_marker(marker: Marker, whose: str) -> None:
    """Raise `NewerRecords` unless this version knows all that a marker requires; `whose` names the
    records."""
    if marker == UNREADABLE:
        raise NewerRecords(
            f"the file 'format' of {whose} cannot be read, so nothing is added to them"
        )
    unknown = marker.unknown()
    if unknown:
        raise NewerRecords(f"{whose} were made by a newer git-datmo, which requires {unknown}")
