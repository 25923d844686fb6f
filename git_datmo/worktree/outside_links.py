"""Find symbolic links of a payload that do not work in another clone.

They are counted, and the first few are named.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum

NAMED = 3


class Fault(Enum):
    """Reason why a link does not work elsewhere.

    Its target is outside of the payload, has an absolute path, or is missing.
    """

    OUTSIDE = "outside"
    ABSOLUTE = "absolute"
    DANGLING = "dangling"


@dataclass(slots=True)
class Faulty:
    """Links of a payload with the same fault: their number and the first `NAMED` paths."""

    count: int = 0
    first: list[bytes] = field(default_factory=list)


class LinkCheck:
    """Check of the links in payloads below `root` while they are stored."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self.found: dict[tuple[bytes, Fault], Faulty] = {}

    def look(self, path: bytes, top: bytes) -> None:
        """Check the link `path` of the payload `top`; both paths are relative to the root."""
        fault = self._fault(path, top)
        if fault is None:
            return
        faulty = self.found.setdefault((top, fault), Faulty())
        faulty.count += 1
        if len(faulty.first) < NAMED:
            faulty.first.append(path)

    def _fault(self, path: bytes, top: bytes) -> Fault | None:
        """Return the fault of a link, or None if it works in every clone."""
        full = os.path.join(self._root, path)
        try:
            target = os.readlink(full)
        except OSError:
            # The link has been removed meanwhile, or is none any more.
            return None
        inside = os.path.join(self._root, top) + b"/"
        leads_to = os.path.normpath(os.path.join(os.path.dirname(full), target))
        if not (leads_to + b"/").startswith(inside):
            return Fault.OUTSIDE
        # Another clone is in another folder, so it does not find an absolute target.
        if os.path.isabs(target):
            return Fault.ABSOLUTE
        return None if os.path.exists(full) else Fault.DANGLING
