"""Find the keep commits of a remote that a push can build on.

A push sends only the objects that these commits do not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from git_datmo.errors import Damaged, GitFailed, Incomplete
from git_datmo.git.command import Git
from git_datmo.git.remote_commands import Offer, Remote
from git_datmo.history.record_heads import read_catalog
from git_datmo.model import Form, Oid
from git_datmo.objects.chunks import AVERAGE_SIZE
from git_datmo.progress import QUIET
from git_datmo.records.catalog import Row
from git_datmo.records.ledger import Tips
from git_datmo.records.listing import list_records
from git_datmo.records.record_registry import Record
from git_datmo.remotes.keep_chain import LINKS, bring_nearest
from git_datmo.remotes.keep_commits import KeptEntry, keep_entries, keep_id
from git_datmo.remotes.object_source import TREES, open_source
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.push_overlap import (
    ENOUGH,
    ENTRY_SIZE,
    cover,
    difference,
    differs_little,
    weigh,
)

# The most records that are examined: the nearest ones in the history of the sent commits, and the
# newest ones.
NEAREST = 64
NEWEST = 192
COMMITS = 2000
BASES = 64

# Trees of missing versions are fetched if they cost at most this part of the bytes that they save.
LISTING_SHARE = 20


def choose_push_bases(
    ws: Workspace, remote: Remote, offer: Offer, tips: Tips, keepers: Sequence[Record]
) -> list[Record]:
    """Return records of a remote whose content overlaps most with that of `keepers`.

    The keep refs in `offer` lead to the keep commit of each returned record. A record alone proves
    nothing, since it may name objects that the remote does not have. `tips` are the remote's
    histories of records. Raises `Incomplete` for an object that neither this store nor the remote
    has.
    """
    shared = _shared_keepers(ws, tips, keepers)
    wanted = [kept for keeper in keepers for kept in keep_entries(keeper)]
    reached, filters = _ReachedCommits(ws, remote, offer), offer.filters and offer.version >= 2
    # Each turn drops uncertain bases, or fetches trees once, so this ends.
    while True:
        bases, unsent = _overlapping(ws, wanted, shared)
        absent = reached.missing_from(bases)
        if absent:
            shared = [keeper for keeper in shared if id(keeper) not in absent]
        elif (
            filters
            and unsent > ENOUGH
            and _list_versions(ws, remote, wanted, reached, shared, unsent // LISTING_SHARE)
        ):
            filters = False
        else:
            _require_objects(ws, remote, keepers, bases)
            return bases


class _ReachedCommits:
    """Commits that the keep refs of a remote lead to.

    Only these are certain to be on the remote. The links of the keep chain name them.
    """

    def __init__(self, ws: Workspace, remote: Remote, offer: Offer) -> None:
        self._ws, self._remote, self._offer = ws, remote, offer
        self._most = LINKS

    def missing_from(self, keepers: Iterable[Record]) -> set[int]:
        """Return those of `keepers`, by identity, that no keep ref is known to lead to."""
        keeps = {keep_id(keeper, self._ws.store.format): id(keeper) for keeper in keepers}
        if not keeps:
            return set()
        chain = bring_nearest(
            self._ws, self._remote, self._offer, lambda c: c.keeps >= keeps.keys(), self._most
        )
        if not chain.keeps >= keeps.keys():
            # A commit that was not found within this number of requests is not searched again.
            self._most = 0
        return {place for oid, place in keeps.items() if oid not in chain.keeps}


def _shared_keepers(ws: Workspace, tips: Tips, keepers: Sequence[Record]) -> list[Record]:
    """Return some records of the remote that name objects, the most similar ones first."""
    if tips.records is None:
        return []
    on_remote = list_records(ws.odb, tips.records)
    catalog = read_catalog(ws, ws.ledger.tips())
    rows = [row for row in catalog.rows if row.keeps and _id(row) in on_remote]
    by_commit: dict[str, list[Row]] = {}
    # Rows are sorted by time, and the newest one comes first in each list.
    for row in reversed(rows):
        by_commit.setdefault(row.commit, []).append(row)
    near = (row for commit in _history(ws.repo.git, keepers) for row in by_commit.get(commit, ()))
    chosen = dict.fromkeys([*islice(near, NEAREST), *reversed(rows[-NEWEST:])])
    records = ws.ledger.checked_records([_id(row) for row in chosen])
    return [record for record in records if not isinstance(record, Damaged)]


def _id(row: Row) -> Oid:
    return Oid.parse(row.record)


def _history(git: Git, keepers: Sequence[Record]) -> list[str]:
    """Return the commits of `keepers` and earlier ones, newest first. Skip unknown commits."""
    commits = "".join(f"{oid}\n" for oid in {keeper.commit for keeper in keepers})
    argv = ("rev-list", "--ignore-missing", f"--max-count={COMMITS}", "--stdin")
    return git.finish(*argv, stdin=commits.encode()).stdout.decode().split()


def _overlapping(
    ws: Workspace, wanted: Sequence[KeptEntry], shared: Sequence[Record]
) -> tuple[list[Record], int]:
    """Return the records of `shared` that contain most of `wanted`.

    Also return the approximate number of bytes that none of them is known to contain.
    """
    chosen: dict[int, Record] = {}
    roots: list[Oid] = []
    for kept in wanted:
        match = _find_version(ws, kept, shared)
        if match is not None:
            chosen[id(match[0])] = match[0]
        if match is None or not differs_little(ws.store, match[1].node, kept.node):
            roots.append(kept.node.oid)
    if not shared or not roots:
        return list(chosen.values()), 0
    known = list(_roots(chosen.values()))
    unsent = weigh(ws.store, roots, known)
    if unsent > ENOUGH:
        needed = difference(ws.store, roots, known, list(_roots(shared)))
        more = islice(cover(ws.store, [list(_roots([each])) for each in shared], needed), BASES)
        chosen.update((id(shared[index]), shared[index]) for index in more)
        unsent -= sum(needed.values())
    return list(chosen.values()), unsent


def _find_version(
    ws: Workspace, kept: KeptEntry, shared: Iterable[Record]
) -> tuple[Record, KeptEntry] | None:
    """Return the first record with an object, or else with another version of it in the store."""
    version = None
    for keeper in shared:
        for other in keep_entries(keeper):
            if other.node.oid == kept.node.oid:
                return keeper, other
            if version is None and other.path == kept.path and other.node.oid in ws.store:
                version = keeper, other
    return version


def _roots(keepers: Iterable[Record]) -> Iterator[Oid]:
    return (kept.node.oid for keeper in keepers for kept in keep_entries(keeper))


def _list_versions(
    ws: Workspace,
    remote: Remote,
    wanted: Sequence[KeptEntry],
    reached: _ReachedCommits,
    shared: Sequence[Record],
    most: int,
) -> bool:
    """Fetch the trees of versions that are missing from the store, of about `most` bytes.

    Then their content can be compared. Return True if any tree was fetched.
    """
    paths = {kept.path for kept in wanted}
    known = ((keeper, kept) for keeper in shared for kept in keep_entries(keeper))
    unknown = [
        (keeper, kept)
        for keeper, kept in known
        if kept.node.oid not in ws.store and _is_worth(kept)
    ]
    picked: dict[Oid, Record] = {}
    # Versions at the same paths come first.
    for keeper, kept in sorted(unknown, key=lambda pair: pair[1].path not in paths):
        # A tree has an entry for each file, or for each chunk of a large one.
        size = ENTRY_SIZE * (kept.content.files + kept.content.size // AVERAGE_SIZE + 1)
        if size <= most and kept.node.oid not in picked:
            picked[kept.node.oid] = keeper
            most -= size
    # A host refuses a whole request if one of its objects is missing.
    absent = reached.missing_from(picked.values())
    trees = [oid for oid, keeper in picked.items() if id(keeper) not in absent]
    try:
        open_source(ws, remote).fetch(trees, QUIET, TREES)
    except GitFailed:
        return False
    ws.store.objects.refresh()
    return bool(trees)


def _is_worth(kept: KeptEntry) -> bool:
    """Return True if an object consists of trees with enough content below them."""
    return kept.content.size > ENOUGH and (kept.content.form is Form.FOLDER or kept.node.chunked)


def _require_objects(
    ws: Workspace, remote: Remote, keepers: Sequence[Record], bases: Sequence[Record]
) -> None:
    """Raise `Incomplete` for an object that neither this store nor the remote has."""
    on_remote = set(_roots(bases))
    for keeper in keepers:
        for kept in keep_entries(keeper):
            if kept.node.oid not in ws.store and kept.node.oid not in on_remote:
                raise Incomplete(
                    f"'{kept.path}' of a record is neither in this clone nor on '{remote.address}'",
                    f"ask {keeper.author.name} to run 'git push', then push again",
                    missing=[str(kept.node.oid)],
                )
