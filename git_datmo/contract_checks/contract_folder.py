"""Tell whether a working tree has contracts, before anything else of them is loaded."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "contracts"


def has_contracts(root: Path) -> bool:
    """Return whether a working tree has a folder of contracts, at the cost of one `stat`."""
    return os.path.isdir(os.path.join(root, FOLDER))
