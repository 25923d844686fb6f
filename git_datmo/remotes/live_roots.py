"""List the objects that records and working trees need. Anything that may be needed counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Damaged
from git_datmo.history.record_heads import read_all
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog
from git_datmo.records.drop_record import Drop
from git_datmo.records.record_registry import Record
from git_datmo.remotes.keep_commits import keep_entries
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.tracking import Tracking, read_tracking

# State files that are parsed elsewhere, or that name no content.
READ = frozenset(
    {
        *(
            "tracked.json",
            "index",
            "code-index",
            "catalog",
            "checks",
            "patches",
            "lock",
            "store.lock",
            "links",
        ),
        *("hosts", "template", "trailers", "trusted", "written", "ended-runs", "detached.log"),
        *("ui.json", "ui.lock", "ui.lock.held"),
    }
)

_IDS = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")


def read_catalog_of_all(ws: Workspace) -> Catalog:
    """Return the catalog of local and fetched records."""
    return read_all(ws)


def keepers(ws: Workspace, catalog: Catalog) -> Iterator[tuple[Oid, Record]]:
    """Yield every record that keeps objects and is not dropped, oldest first."""
    for row in catalog.rows:
        if row.keeps:
            record = ws.ledger.record(Oid.parse(row.record), checked=True)
            yield Oid.parse(row.record), record


def dropped_keepers(ws: Workspace, catalog: Catalog) -> Iterator[tuple[Oid, Record]]:
    """Yield every dropped record that keeps objects and can be read."""
    for text in sorted(catalog.dropped):
        oid = Oid.parse(text)
        with suppress(Damaged):
            yield oid, ws.ledger.record(oid)


def redacted_keeps(ws: Workspace, catalog: Catalog) -> set[Oid]:
    """Return the keep commits of redacted records, as far as the drops can be read."""
    found = set[Oid]()
    for row in catalog.redactions:
        with suppress(Damaged):
            record = ws.ledger.record(Oid.parse(row.record))
            if isinstance(record, Drop):
                found |= {entry.keep for entry in record.redacted if entry.keep is not None}
    return found


def working_trees(ws: Workspace) -> Iterator[Tracking]:
    """Yield the state of each working tree; raise `Damaged` if one cannot be read."""
    for folder in _state_folders(ws):
        state = read_tracking(folder / "tracked.json")
        if state is not None:
            yield state


def _state_folders(ws: Workspace) -> Iterator[Path]:
    for folder in (ws.repo.common_dir, *sorted((ws.repo.common_dir / "worktrees").glob("*"))):
        yield folder / "datmo"


def unclear(ws: Workspace, catalog: Catalog) -> Iterator[Oid]:
    """Yield objects that may be needed in addition.

    Every id in a record that this version cannot read counts. So does every id in the state that an
    interrupted command has written, or that waits for a person.
    """
    for text in catalog.unreadable:
        yield from _ids(ws.odb.read(Oid.parse(text), "blob"))
    for folder in _state_folders(ws):
        for path in sorted(folder.glob("*")):
            # A hidden file was being written when its process died. It never took effect.
            if path.name not in READ and not path.name.startswith(".") and path.is_file():
                for oid in _ids(path.read_bytes()):
                    yield oid
                    yield from _contents(ws, oid)


def _ids(raw: bytes) -> Iterator[Oid]:
    return (Oid.fromhex(found.decode()) for found in _IDS.findall(raw))


def _contents(ws: Workspace, oid: Oid) -> Iterator[Oid]:
    """Yield the objects of the record `oid`, if it is a record that keeps objects."""
    try:
        record = ws.ledger.record(oid)
    except Damaged:
        return
    yield from (kept.content.object for kept in keep_entries(record))
