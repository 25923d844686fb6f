"""Share data from one clone, and clone from a host."""

from __future__ import annotations

from tests.support.commands import datmo
from tests.support.pair import Pair
from tests.support.shell import Shell

MIB = 1 << 20


def share(pair: Pair, files: dict[str, bytes], message: str = "data") -> None:
    """Add these files as `data` in Alex's clone, and push."""
    for path, content in files.items():
        pair.alex.write(f"data/{path}", content)
    datmo(pair.alex, "add-data", "data")
    pair.alex.commit("code.py", message)
    pair.alex.git("push", "-q", "origin", "main")


def clone(pair: Pair, url: str, name: str = "ignacio", **variables: str) -> Shell:
    shell = pair.top.having(**variables)
    shell.git("clone", "-q", f"datmo::{url}", name)
    return shell.at(name)
