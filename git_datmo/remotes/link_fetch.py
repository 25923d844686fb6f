"""Fetch from a remote that cannot omit objects: link by link, each with the content of one push.

Such a remote sends a tree only with everything below it. Asked for much at once, its git searches
long for deltas between objects of different packs. The content of one link lies in one pack, which
is sent as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from git_datmo.errors import Damaged
from git_datmo.git.remote_commands import Remote
from git_datmo.history.record_heads import read_all, read_heads
from git_datmo.model import Oid
from git_datmo.progress import Progress
from git_datmo.remotes.keep_chain import LINKS, bring_nearest, keep_tips
from git_datmo.remotes.keep_commits import keep_entries, keep_id
from git_datmo.remotes.keep_links import links_of, walk_links
from git_datmo.remotes.object_source import open_source
from git_datmo.remotes.remote_probe import probe_remote
from git_datmo.repository.workspace import Workspace

# The number of records that are read at once.
AT_ONCE = 256


def fetch_by_links(
    ws: Workspace,
    remote: Remote,
    roots: Iterable[Oid],
    find_missing: Callable[[], frozenset[Oid]],
    progress: Progress,
) -> None:
    """Fetch the content of the links that tie `roots`, and of links before them, until nothing is
    missing.

    The newest comes first, because its trees tell what else is needed. A link whose content reduces
    nothing ends the search. Raises `GitFailed`.
    """
    holders, offer = _find_holders(ws, set(roots)), probe_remote(ws, remote)
    if not holders:
        return
    # A later link may tie a keep commit again. The first that did is known only at the end of the
    # chain.
    bring_nearest(ws, remote, offer, lambda _: False, LINKS)
    chain = list(walk_links(links_of(ws), keep_tips(offer).values()))
    # The chain has the newest link first, so of several places the oldest link's stays.
    places = {parent: place for place, (_, link) in enumerate(chain) for parent in link.parents[1:]}
    pending, done = {places[keep] for keep in holders if keep in places}, set[int]()
    missing, source = find_missing(), open_source(ws, remote)
    while pending and missing:
        # The smallest index is the newest link.
        place = min(pending)
        done.add(place)
        oid, link = chain[place]
        if not source.fetch_beyond(oid, link.parents[:1], progress):
            return
        before, missing = missing, find_missing()
        if missing != before:
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
        if not isinstance(record, Damaged)
        and any(kept.node.oid in oids for kept in keep_entries(record))
    }
