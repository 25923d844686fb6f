"""A checkout of payloads that is under way: to which snapshot, and of which payloads.

It is written before the first file changes and removed last. Found by another command, it says that a checkout was cut
off: the files of these payloads may be of the old version or of the new, and no snapshot is to be made of that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from git_datmo import fsio
from git_datmo.errors import Damaged, DatmoError
from git_datmo.flows.workspace import Workspace
from git_datmo.terminal_text import quote_words

MARK = "checkout"
# Beside it, while payloads are merged, and until a person decided about what a merge left (see unresolved.py).
MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Underway:
    """The id of the snapshot that `payloads` are brought to: '' for the one that a merge is to make, and for a restore.

    A restore brings them to what was added last. `before` is the id of the snapshot that the working tree stands on.
    """

    snapshot: str
    payloads: frozenset[str]
    restores: bool = False
    before: str = ""

    @property
    def is_merge(self) -> bool:
        return not self.snapshot and not self.restores

    @property
    def way(self) -> str:
        """The command that finishes it."""
        if self.restores:
            return f"git datmo checkout -- {quote_words(sorted(self.payloads))}"
        return f"git datmo checkout {self.snapshot[:10]}".rstrip()

    @property
    def way_back(self) -> str:
        """The command that gives it up, or '' where no snapshot was there before."""
        return f"git datmo checkout --force {self.before[:10]}" if self.before not in ("", self.snapshot) else ""

    @property
    def hint(self) -> str:
        """Both ways out."""
        return f"finish it with '{self.way}'" + (f", or give it up with '{self.way_back}'" if self.way_back else "")


# A merge that was cut off before it changed a file.
MERGING = Underway("", frozenset())


def read_underway(ws: Workspace) -> Underway | None:
    """The checkout that was cut off, if one was; the caller holds the lock, or only tells of it."""
    path = ws.state / MARK
    try:
        raw = json.loads(path.read_bytes())
        return Underway(raw["snapshot"], frozenset(raw["payloads"]), bool(raw.get("restores")), raw.get("before", ""))
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Damaged(f"cannot read '{path}': {error}", "remove it, then run 'git datmo checkout'") from error


def write_underway(ws: Workspace, underway: Underway) -> None:
    document: dict[str, object] = {"snapshot": underway.snapshot, "payloads": sorted(underway.payloads)}
    if underway.restores:
        document["restores"] = True
    if underway.before:
        document["before"] = underway.before
    fsio.write_file(ws.state / MARK, json.dumps(document).encode())


def end_underway(ws: Workspace) -> None:
    (ws.state / MARK).unlink(missing_ok=True)


def end_merge(ws: Workspace) -> None:
    (ws.state / MERGE).unlink(missing_ok=True)


def interrupted(underway: Underway) -> DatmoError:
    """What a command says that cannot go on before the checkout was finished."""
    what = "merge" if underway.is_merge else "checkout"
    return DatmoError(f"a {what} of payloads was interrupted", underway.hint)


def refuse_during_checkout(ws: Workspace) -> None:
    underway = read_underway(ws)
    if underway is not None:
        raise interrupted(underway)
