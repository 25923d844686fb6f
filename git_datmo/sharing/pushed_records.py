"""Find the records that belong to the commits of a push."""

from __future__ import annotations

from collections.abc import Container, Iterable

from git_datmo.errors import DatmoError
from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog
from git_datmo.records.check_record import Check
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace


def snapshots_of(ws: Workspace, revisions: tuple[str, ...]) -> dict[Oid, Snapshot]:
    """Return the snapshots that belong to the commits of a revision range, by id."""
    if not revisions:
        return {}
    return {found.id: found.snapshot for found in History(ws).walk(revisions)}


def records_of(
    ws: Workspace, catalog: Catalog, revisions: tuple[str, ...], there: Iterable[Oid]
) -> set[Oid]:
    """Return the snapshots of a revision range, and the records about them.

    Records about those that are `there` already are included. So are dropped snapshots that
    others were made from: without them the graph breaks, and the versions before and after a
    dropped one look as if they were made side by side. Checks are included that were made at a
    commit of the range, of data that these snapshots have.
    """
    snapshots = snapshots_of(ws, revisions)
    found = {*map(str, there), *map(str, snapshots)}
    found |= _checks_of(ws, catalog, revisions, snapshots.values(), found)
    found |= catalog.graph.reached(found) & catalog.dropped
    # A record about another is newer, and rows are in the order of time.
    for row in catalog.rows:
        if not found.isdisjoint(row.about):
            found.add(row.record)
    return set(map(Oid.parse, found))


def _checks_of(
    ws: Workspace,
    catalog: Catalog,
    revisions: tuple[str, ...],
    snapshots: Iterable[Snapshot],
    there: Container[str],
) -> set[str]:
    """Return the checks of a revision range that are not `there` yet.

    They name data and contracts, and no other record. A check of data that no commit has yet stays
    in this clone until one has them.
    """
    checks = [row for row in catalog.rows if row.kind == Check.kind and row.record not in there]
    if not checks or not revisions:
        return set()
    names = "".join(f"{revision}\n" for revision in revisions).encode()
    commits = set(ws.repo.git.text("rev-list", "--stdin", stdin=names).split())
    shared = {payload.content.object for each in snapshots for payload in each.payloads}
    return {
        row.record
        for row in checks
        if row.commit in commits and shared.issuperset(_payloads(ws, row.record))
    }


def _payloads(ws: Workspace, check: str) -> tuple[Oid, ...]:
    """Return the objects of the payloads that a check read; none for an unreadable record."""
    try:
        record = ws.ledger.record(Oid.parse(check))
    except DatmoError:
        return ()
    return record.payloads if isinstance(record, Check) else ()
