"""Mark a checkout of payloads that is in progress.

The mark is written before the first file changes and removed last. If another command finds it, the
checkout was interrupted: files may be of either version, and no snapshot must be made of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from git_datmo import fsio
from git_datmo.errors import Damaged, DatmoError
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import quote_words

MARK = "checkout"
# The file of a merge, which stays until a person has decided (see `merge_state.py`).
MERGE = "merge"


@dataclass(frozen=True, slots=True)
class CheckoutInProgress:
    """The target of an interrupted checkout and its payloads.

    `snapshot` is '' for the result of a merge, and for a restore, which brings payloads to the
    state added last. `before` is the snapshot that the working tree stands on.
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
        """Return the command that finishes the checkout."""
        if self.restores:
            return f"git datmo checkout -- {quote_words(sorted(self.payloads))}"
        return f"git datmo checkout {self.snapshot[:10]}".rstrip()

    @property
    def way_back(self) -> str:
        """Return the command that abandons the checkout; '' if there was no snapshot before."""
        return (
            f"git datmo checkout --force {self.before[:10]}"
            if self.before not in ("", self.snapshot)
            else ""
        )

    @property
    def hint(self) -> str:
        """Return both ways out."""
        return f"finish it with '{self.way}'" + (
            f", or give it up with '{self.way_back}'" if self.way_back else ""
        )


# A merge that was interrupted before it changed a file.
MERGING = CheckoutInProgress("", frozenset())


def read_underway(state: Path) -> CheckoutInProgress | None:
    """Return the interrupted checkout, if any. The caller holds the lock, or only reports it."""
    path = state / MARK
    try:
        raw = json.loads(path.read_bytes())
        return CheckoutInProgress(
            raw["snapshot"],
            frozenset(raw["payloads"]),
            bool(raw.get("restores")),
            raw.get("before", ""),
        )
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Damaged(
            f"cannot read '{path}': {error}", "remove it, then run 'git datmo checkout'"
        ) from error


def write_underway(state: Path, underway: CheckoutInProgress) -> None:
    document: dict[str, object] = {
        "snapshot": underway.snapshot,
        "payloads": sorted(underway.payloads),
    }
    if underway.restores:
        document["restores"] = True
    if underway.before:
        document["before"] = underway.before
    fsio.write_file(state / MARK, json.dumps(document).encode())


def end_underway(state: Path) -> None:
    (state / MARK).unlink(missing_ok=True)


def end_merge(ws: Workspace) -> None:
    (ws.state / MERGE).unlink(missing_ok=True)


def interrupted(underway: CheckoutInProgress) -> DatmoError:
    """Return the error of a command that cannot start before the checkout is finished."""
    what = "merge" if underway.is_merge else "checkout"
    return DatmoError(f"a {what} of payloads was interrupted", underway.hint)


def refuse_during_checkout(ws: Workspace) -> None:
    underway = read_underway(ws.state)
    if underway is not None:
        raise interrupted(underway)
