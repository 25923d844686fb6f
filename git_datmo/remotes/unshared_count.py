"""Count records that wait to be shared, by what remotes had when they were last asked."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.errors import Damaged
from git_datmo.git.remote_commands import Remote
from git_datmo.git.remote_urls import fetch_url, location, push_urls
from git_datmo.history.record_heads import Heads
from git_datmo.model import Oid
from git_datmo.records.listing import list_records
from git_datmo.remotes.host_profiles import hosts_of
from git_datmo.repository.workspace import Workspace


def count_unshared(ws: Workspace, heads: Heads, name: str) -> int:
    """Return how many records a remote did not have; of several push URLs, the most."""
    # Fetched records that are not united yet count too.
    here = {
        tips.records for tips in (heads.here, *heads.remotes.values()) if tips.records is not None
    }
    tips_of = [
        set(_known_tips(ws, heads, Remote(name, url))) for url in push_urls(ws.repo.config, name)
    ]
    if all(here <= tips for tips in tips_of):
        return 0
    mine = set[Oid]().union(*(_records(ws, tip) for tip in here))
    return max(len(mine.difference(*(_records(ws, tip) for tip in tips))) for tips in tips_of)


def time_of_asking(ws: Workspace, remote: Remote) -> int | None:
    """Return when a remote was last asked, in seconds since 1970; None if that is unknown."""
    return hosts_of(ws).of(remote).asked or None


def seen_records(ws: Workspace, heads: Heads, remote: Remote) -> set[Oid]:
    """Return the records that a remote had when it was last asked."""
    return set[Oid]().union(*(_records(ws, tip) for tip in set(_known_tips(ws, heads, remote))))


def _known_tips(ws: Workspace, heads: Heads, remote: Remote) -> Iterator[Oid]:
    """Yield the commits of records that a remote had: seen at its URL, or fetched from it."""
    yield from map(Oid.parse, hosts_of(ws).of(remote).seen.split())
    came_from = hosts_of(ws).url_of(remote.name)
    url = fetch_url(ws.repo.config, remote.name)
    # Refs under a remote's name may be from another URL that it had before.
    if location(url) == location(remote.url) and (
        not came_from or location(came_from) == location(url)
    ):
        yield from (tips.records for tips in heads.known_of(remote.name) if tips.records)


def _records(ws: Workspace, tip: Oid) -> set[Oid]:
    try:
        return list_records(ws.odb, tip)
    except Damaged:
        # A commit that git has collected since is unknown.
        return set()
