"""Fetches from a remote that cannot leave objects out: link by link, each with just what was shared with it.

Such a remote gives a tree only with all below it. Asked for much of that at once, its git looks at length for deltas
between objects of different packs. What came with a link lies in one pack there, and is sent as it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from git_datmo.errors import Damaged
from git_datmo.flows.history import read_all, read_heads
from git_datmo.flows.sharing.chain import LINKS, bring_nearest, keep_tips
from git_datmo.flows.sharing.contact import ask
from git_datmo.flows.sharing.keep import keep_id, kept_objects
from git_datmo.flows.sharing.links import walk_links
from git_datmo.flows.sharing.source import open_source
from git_datmo.flows.workspace import Workspace
from git_datmo.git.remote import Remote
from git_datmo.model import Oid
from git_datmo.progress import Progress

# So many records are read together.
AT_ONCE = 256


def fetch_by_links(
    ws: Workspace, remote: Remote, roots: Iterable[Oid], lack: Callable[[], frozenset[Oid]], progress: Progress
) -> None:
    """Fetch what came with the links that tie `roots`, and with those that they lean on, until there is no `lack`.

    The newest comes first: it has the trees that tell what else is needed. One that changes nothing of what is lacking
    ends the way back. Raises `GitFailed`.
    """
    holders, offer = _find_holders(ws, set(roots)), ask(ws, remote)
    if not holders:
        return
    # A later link may tie a keep commit again: which one did so first is known at the end of the chain.
    bring_nearest(ws, remote, offer, lambda _: False, LINKS)
    chain = list(walk_links(ws.links, keep_tips(offer).values()))
    places = {parent: place for place, (_, link) in enumerate(chain) for parent in link.parents[1:]}
    pending, done = {places[keep] for keep in holders if keep in places}, set[int]()
    lacking, source = lack(), open_source(ws, remote)
    while pending and lacking:
        place = min(pending)
        done.add(place)
        oid, link = chain[place]
        if not source.fetch_beyond(oid, link.parents[:1], progress):
            return
        before, lacking = lacking, lack()
        if lacking != before:
            pending |= {places[parent] for parent in link.parents[1:]}
        pending -= done


def _find_holders(ws: Workspace, oids: set[Oid]) -> set[Oid]:
    """Return the keep commits of records that keep any of these objects."""
    rows = [Oid.parse(row.record) for row in read_all(ws, read_heads(ws)).rows if row.keeps]
    groups = (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))
    records = (record for group in groups for record in ws.ledger.checked_records(group))
    return {
        keep_id(record, ws.store.format)
        for record in records
        if not isinstance(record, Damaged) and any(kept.node.oid in oids for kept in kept_objects(record))
    }
