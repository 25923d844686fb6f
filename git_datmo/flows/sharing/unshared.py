"""What waits to be shared, as far as is known here."""

from __future__ import annotations

from git_datmo.flows.history import read_heads, unshared
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid


def has_unshared(ws: Workspace, remote: str) -> bool:
    """Whether, as far as is known here, `remote` lacks a record or a note; asks nobody."""
    if not ws.has_store:
        return False
    heads = read_heads(ws)
    return heads.here.records is not None and heads.of(remote) != heads.here


def size_of_unshared(ws: Workspace, remote: str) -> int:
    """At most how many bytes of payload a share will send: the size of all that new records name."""
    from git_datmo.flows.sharing.keep import kept_objects
    from git_datmo.records.types import Keeper

    heads = read_heads(ws)
    new = unshared(ws, heads, remote)
    sizes: dict[Oid, int] = {}
    for row in ws.catalog(heads.here).rows:
        if row.keeps and Oid.parse(row.record) in new:
            record = ws.ledger.record(Oid.parse(row.record), checked=True)
            if isinstance(record, Keeper):
                sizes.update({kept.content.object: kept.content.size for kept in kept_objects(record)})
    return sum(sizes.values())
