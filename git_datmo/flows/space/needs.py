"""What records and working trees need of the store: nothing else may be taken for what is needed by nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from git_datmo.errors import Damaged
from git_datmo.flows.history import read_all
from git_datmo.flows.sharing.keep import kept_objects
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog
from git_datmo.records.types import Record
from git_datmo.store.tracking import Tracking, read_tracking

# Files of a working tree's state, and of what all share, whose ids are read for what they are, or name no content.
READ = frozenset(
    {
        *("tracked.json", "index", "code-index", "catalog", "patches", "lock", "store.lock", "links"),
        *("hosts", "template", "trailers", "trusted"),
    }
)

_IDS = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")


def read_catalog_of_all(ws: Workspace) -> Catalog:
    """The records of this repository, with those that a fetch brought."""
    return read_all(ws)


def keepers(ws: Workspace, catalog: Catalog) -> Iterator[tuple[Oid, Record]]:
    """Every record that names objects and was not dropped, oldest first."""
    for row in catalog.rows:
        if row.keeps:
            record = ws.ledger.record(Oid.parse(row.record), checked=True)
            assert isinstance(record, Record)
            yield Oid.parse(row.record), record


def dropped_keepers(ws: Workspace, catalog: Catalog) -> Iterator[tuple[Oid, Record]]:
    """Every such record that was dropped and can be read."""
    for text in sorted(catalog.dropped):
        try:
            record = ws.ledger.record(Oid.parse(text))
        except Damaged:
            continue
        if isinstance(record, Record):
            yield Oid.parse(text), record


def working_trees(ws: Workspace) -> Iterator[Tracking]:
    """What each working tree of the repository tracks; raises `Damaged` where one cannot be read."""
    for folder in _state_folders(ws):
        state = read_tracking(folder / "tracked.json")
        if state is not None:
            yield state


def _state_folders(ws: Workspace) -> Iterator[Path]:
    for folder in (ws.repo.common_dir, *sorted((ws.repo.common_dir / "worktrees").glob("*"))):
        yield folder / "datmo"


def unclear(ws: Workspace, catalog: Catalog) -> Iterator[Oid]:
    """What may be needed beside what records and working trees name.

    A record that this version cannot read may name objects: each id in it counts. So does each in what a working tree
    has written down for a command that was cut off, or waits for a person; a record there stands for all it names.
    """
    for text in catalog.unreadable:
        yield from _ids(ws.odb.read(Oid.parse(text), "blob"))
    for folder in _state_folders(ws):
        for path in sorted(folder.glob("*")):
            # What is hidden was being written when its process died, and never took its place.
            if path.name not in READ and not path.name.startswith(".") and path.is_file():
                for oid in _ids(path.read_bytes()):
                    yield oid
                    yield from _contents(ws, oid)


def _ids(raw: bytes) -> Iterator[Oid]:
    return (Oid.fromhex(found.decode()) for found in _IDS.findall(raw))


def _contents(ws: Workspace, oid: Oid) -> Iterator[Oid]:
    """What the record `oid` names, if it names objects."""
    try:
        record = ws.ledger.record(oid)
    except Damaged:
        return
    if isinstance(record, Record):
        yield from (kept.content.object for kept in kept_objects(record))
