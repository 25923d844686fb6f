"""Tells what waits to be shared, from what remotes had when they were asked last; asks nobody."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.errors import Damaged
from git_datmo.flows.history import Heads
from git_datmo.flows.workspace import Workspace
from git_datmo.git.remote import Remote
from git_datmo.git.urls import fetch_url, location, push_urls
from git_datmo.model import Oid
from git_datmo.records.listing import list_records


def count_unshared(ws: Workspace, heads: Heads, name: str) -> int:
    """Return how many records a remote lacked when it was last heard of; of its push URLs, the one that lacks most."""
    # A fetch that is not taken in yet brought what the next push shares too.
    here = {tips.records for tips in (heads.here, *heads.remotes.values()) if tips.records is not None}
    tips_of = [set(_known_tips(ws, heads, Remote(name, url))) for url in push_urls(ws.repo.config, name)]
    if all(here <= tips for tips in tips_of):
        return 0
    mine = set[Oid]().union(*(_records(ws, tip) for tip in here))
    return max(len(mine.difference(*(_records(ws, tip) for tip in tips))) for tips in tips_of)


def seen_records(ws: Workspace, heads: Heads, remote: Remote) -> set[Oid]:
    """Return the records that a remote had when it was last heard of."""
    return set[Oid]().union(*(_records(ws, tip) for tip in set(_known_tips(ws, heads, remote))))


def _known_tips(ws: Workspace, heads: Heads, remote: Remote) -> Iterator[Oid]:
    """Yield the commits of records that a remote had: those seen at its URL, and what a plain fetch brought from it."""
    yield from map(Oid.parse, ws.hosts.of(remote).seen.split())
    came_from = ws.hosts.url_of(remote.name)
    url = fetch_url(ws.repo.config, remote.name)
    if location(url) == location(remote.url) and (not came_from or location(came_from) == location(url)):
        yield from (tips.records for tips in heads.known_of(remote.name) if tips.records)


def _records(ws: Workspace, tip: Oid) -> set[Oid]:
    try:
        return list_records(ws.odb, tip)
    except Damaged:
        # What was seen once may have been collected since: it then counts as unknown.
        return set()
