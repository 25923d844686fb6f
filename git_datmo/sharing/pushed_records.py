"""Find the records that belong to the commits of a push."""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog
from git_datmo.records.check_record import Check
from git_datmo.repository.workspace import Workspace


def snapshots_of(ws: Workspace, revisions: tuple[str, ...]) -> set[Oid]:
    """Return the snapshots that belong to the commits of a revision range."""
    return {found.id for found in History(ws).walk(revisions)} if revisions else set()


def records_of(
    ws: Workspace, catalog: Catalog, revisions: tuple[str, ...], there: Iterable[Oid]
) -> set[Oid]:
    """Return the snapshots of a revision range, and the records about them.

    Records about those that are `there` already are included. So are dropped snapshots that
    others were made from: without them the graph breaks, and the versions before and after a
    dropped one look as if they were made side by side. Checks are included that were made at a
    commit of the range.
    """
    found = {*map(str, there), *map(str, snapshots_of(ws, revisions))}
    found |= _checks_of(ws, catalog, revisions)
    found |= catalog.graph.reached(found) & catalog.dropped
    # A record about another is newer, and rows are in the order of time.
    for row in catalog.rows:
        if not found.isdisjoint(row.about):
            found.add(row.record)
    return set(map(Oid.parse, found))


def _checks_of(ws: Workspace, catalog: Catalog, revisions: tuple[str, ...]) -> set[str]:
    """Return the checks of a revision range. They name data and contracts, and no other record."""
    checks = [row for row in catalog.rows if row.kind == Check.kind]
    if not checks or not revisions:
        return set()
    names = "".join(f"{revision}\n" for revision in revisions).encode()
    commits = set(ws.repo.git.text("rev-list", "--stdin", stdin=names).split())
    return {row.record for row in checks if row.commit in commits}
