"""Names that a file system without case takes for one: payloads with them are refused before a file is written."""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.errors import DatmoError
from git_datmo.flows.workspace import Workspace
from git_datmo.git.paths import show
from git_datmo.model import Payload
from git_datmo.store.layout import compare, root_node


def refuse_collisions(ws: Workspace, payloads: Iterable[Payload]) -> None:
    """Raise `DatmoError` if two files of a payload would be one, where git found that case makes no difference.

    `git init` and `git clone` try that, and set core.ignoreCase.
    """
    if not ws.repo.config.flag("core.ignorecase"):
        return
    for payload in payloads:
        seen: dict[str, bytes] = {}
        for each in compare(None, root_node(payload.content), ws.store.read_tree):
            path = b"/".join((payload.path.encode(), *each.path))
            other = seen.setdefault(path.decode("utf-8", "surrogateescape").casefold(), path)
            if other != path:
                raise DatmoError(
                    f"{show(other)} and {show(path)} are one file on this file system, which ignores case",
                    "take the files that you need: git datmo checkout REV -- PATH",
                )
