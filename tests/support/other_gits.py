"""Find the other versions of git that tests start."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MACHINE = "machine"

CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "git-datmo-tests" / "gits"
)

GITS = Path(os.environ.get("DATMO_TEST_GITS") or CACHE)
NAMES = sorted(path.parent.parent.name for path in GITS.glob("*/bin/git"))
ABSENT = f"no other git in {GITS}: run tests/gits.sh as root"


@dataclass(frozen=True)
class Gits:
    """Name the gits that clients and servers start."""

    client: str
    server: str

    def __str__(self) -> str:
        return f"{self.client} to {self.server}"


def folder(name: str) -> str:
    """Return the folder of a git's programs; none for the machine's own."""
    return "" if name == MACHINE else str(GITS / name / "bin")


PAIRS = [Gits(*ends) for name in NAMES for ends in ((MACHINE, name), (name, MACHINE), (name, name))]
