"""Fetch the links of remotes' keep refs, without the content that they keep."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

from git_datmo.errors import Damaged, GitFailed, UnusableRefs
from git_datmo.git.remote_commands import Offer, Remote
from git_datmo.model import Oid
from git_datmo.records.namespaces import epoch_of
from git_datmo.remotes.keep_links import Chain, links_of, read_chain, read_link
from git_datmo.remotes.object_source import ALONE, open_source
from git_datmo.repository.workspace import Workspace

# The links of the first request to a remote that filters. Later requests ask for more.
DEPTH, GROWTH = 64, 4
# The most requests for links that may not exist. A remote that does not filter sends one link at a
# time.
LINKS = 256

Enough = Callable[[Chain], bool]


def keep_tips(offer: Offer) -> dict[str, Oid]:
    """Return the keep refs of a remote and their objects."""
    return {ref: oid for ref, oid in offer.refs.items() if epoch_of(ref)}


def bring_chain(
    ws: Workspace, remote: Remote, offer: Offer, tips: Iterable[Oid], enough: Enough | None = None
) -> Chain:
    """Fetch links from `tips` on, until they are `enough` or all are known.

    If the remote can omit objects, no payload is fetched. Raises `GitFailed` if it does not send a
    link.
    """
    return _Bringer(ws, remote, offer, tuple(tips)).bring(enough)


def bring_nearest(ws: Workspace, remote: Remote, offer: Offer, enough: Enough, most: int) -> Chain:
    """Fetch links from all keep refs on, with at most `most` requests.

    If the remote sends no more, the known links are the answer.
    """
    bringer = _Bringer(ws, remote, offer, tuple(keep_tips(offer).values()))
    with suppress(GitFailed):
        return bringer.bring(enough, most, entirely=False)
    return bringer.known()


class _Bringer:
    """Follows links back from `tips`, and fetches unknown ones."""

    def __init__(self, ws: Workspace, remote: Remote, offer: Offer, tips: tuple[Oid, ...]) -> None:
        self._ws, self._remote, self._offer, self._tips = ws, remote, offer, tips
        self._filters = offer.filters and offer.version >= 2
        self._others: set[Oid] = set()

    def known(self) -> Chain:
        return read_chain(links_of(self._ws), self._tips, self._others)

    def bring(
        self, enough: Enough | None, most: int = sys.maxsize, *, entirely: bool = True
    ) -> Chain:
        """Fetch links with at most `most` requests.

        `entirely` allows fetching everything that a keep ref keeps if no link comes alone.
        """
        depth = DEPTH
        while True:
            chain = self.known()
            if not chain.absent or (enough is not None and enough(chain)) or not most:
                return chain
            # Without requests by id, only the targets of refs can be fetched.
            alone = self._offer.by_id or chain.absent <= set(self._tips)
            if not alone and not entirely:
                return chain
            self._fetch(chain.absent, depth) if alone else self._fetch_all(chain.absent)
            depth *= GROWTH
            most -= 1

    def _fetch(self, absent: frozenset[Oid], depth: int) -> None:
        source, wants = open_source(self._ws, self._remote), sorted(absent)
        if self._filters:
            self._take(absent, source.commits(wants, depth=depth, filtered=ALONE))
        else:
            self._take(absent, source.commits(wants, depth=1))

    def _fetch_all(self, absent: frozenset[Oid]) -> None:
        self._take(absent, open_source(self._ws, self._remote).commits(self._tips, depth=0))

    def _take(self, absent: frozenset[Oid], contents: dict[Oid, bytes]) -> None:
        """Remember the links among fetched commits. A requested commit that is no link is a keep
        commit."""
        try:
            decoded = {
                oid: read_link(content, self._ws.store.format) for oid, content in contents.items()
            }
        except Damaged as error:
            raise UnusableRefs(self._remote.address, error.what) from error
        links_of(self._ws).add(*(link for link in decoded.values() if link is not None))
        for oid in absent:
            if oid not in contents:
                raise UnusableRefs(
                    self._remote.address, f"it does not give '{oid}', which its keep ref needs"
                )
            if decoded[oid] is None:
                self._others.add(oid)
