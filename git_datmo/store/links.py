"""Symbolic links of a payload that cannot lead anywhere in another clone: they are counted, and the first few named."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum

NAMED = 3


class Fault(Enum):
    """The way in which a link depends on this machine: its target is outside of the payload, named by an absolute path,
    or nothing."""

    OUTSIDE = "outside"
    ABSOLUTE = "absolute"
    DANGLING = "dangling"


@dataclass(slots=True)
class Faulty:
    """Links with one fault in one payload."""

    count: int = 0
    first: list[bytes] = field(default_factory=list)


class LinkCheck:
    """Looks at the links of payloads below `root` as they are stored."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self.found: dict[tuple[bytes, Fault], Faulty] = {}

    def look(self, path: bytes, top: bytes) -> None:
        """Take note of the link `path` in the payload `top`, both relative to the root."""
        fault = self._fault(path, top)
        if fault is None:
            return
        faulty = self.found.setdefault((top, fault), Faulty())
        faulty.count += 1
        if len(faulty.first) < NAMED:
            faulty.first.append(path)

    def _fault(self, path: bytes, top: bytes) -> Fault | None:
        full = os.path.join(self._root, path)
        try:
            target = os.readlink(full)
        except OSError:
            return None
        inside = os.path.join(self._root, top) + b"/"
        leads_to = os.path.normpath(os.path.join(os.path.dirname(full), target))
        if not (leads_to + b"/").startswith(inside):
            return Fault.OUTSIDE
        if os.path.isabs(target):
            return Fault.ABSOLUTE
        return None if os.path.exists(full) else Fault.DANGLING
