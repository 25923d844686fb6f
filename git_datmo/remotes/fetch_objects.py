"""Fetch needed and missing objects from remotes to the store, and as few others as possible."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain

from git_datmo.backends.pack_backend import PackBackend
from git_datmo.errors import Damaged, DatmoError, GitFailed, Incomplete, Silent
from git_datmo.git.fetch_head import all_sources
from git_datmo.git.local_remote import find_folder
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.git.remote_commands import Offer, Remote, beside, fetch_refs, find_remote
from git_datmo.git.remote_urls import is_bundle
from git_datmo.git.scratch_repository import Scratch
from git_datmo.history.record_heads import read_all, read_heads, unite_remotes
from git_datmo.model import Content, Oid
from git_datmo.objects.pack_copy import copy_objects
from git_datmo.objects.reachability import NeededObjects, reach
from git_datmo.objects.stored_folders import find_path
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.progress import QUIET, Progress
from git_datmo.records.namespaces import in_use
from git_datmo.remotes.keep_commits import keep_entries, write_keep
from git_datmo.remotes.link_fetch import fetch_by_links
from git_datmo.remotes.missing_objects import Missing, find_missing
from git_datmo.remotes.object_slices import divide_wanted, part_of_all
from git_datmo.remotes.object_source import ALONE, TREES, TWO_LEVELS, open_source, take_over
from git_datmo.remotes.record_intake import receive
from git_datmo.remotes.refusals import is_absence
from git_datmo.remotes.remote_probe import probe_remote
from git_datmo.remotes.remote_store import find_place, stores_of, take
from git_datmo.remotes.working_clones import store_of_clone
from git_datmo.repository.healing import heal
from git_datmo.repository.workspace import Workspace
from git_datmo.sizes import show_count

LEVELS = 64
# The number of records that are checked for being completely local.
LOOKED_AT = 32
SLOW = "does not support partial fetches, so this may take long; set uploadpack.allowFilter there"
# The trees of a payload with at most this many files are fetched whole: some 200 KB.
FEW_FILES = 4096


def fetch_objects(
    ws: Workspace,
    nodes: Iterable[Node],
    *,
    size: int = 0,
    remotes: Iterable[str] = (),
    progress: Progress = QUIET,
) -> Missing:
    """Fetch the missing objects of `nodes` from the first remotes that have them.

    `size` is their total in bytes, if known. Returns the objects that no remote has.
    """
    wanted = list(nodes)
    missing = find_missing(ws.store, wanted)
    # A pack whose index cannot be used may have the objects.
    if missing and ws.store.objects.unreadable:
        heal(ws, list(ws.store.objects.unreadable), progress)
        missing = find_missing(ws.store, wanted)
    # An interrupted fetch may have left them.
    if missing and ws.store.take_up():
        missing = find_missing(ws.store, wanted)
    problems: list[DatmoError] = []
    for name in tuple(remotes) or all_sources(ws.repo):
        remote = find_remote(ws.repo.config, name)
        has_stores = bool(stores_of(ws.repo.config, remote))
        # Stores are asked before the remote itself (FORMAT.md, section 10.1).
        for step in (
            *((_obtain_elsewhere,) if has_stores else ()),
            _try_to_obtain,
            _obtain_from_clone,
        ):
            if missing:
                problems += step(ws, remote, wanted, size, progress)
                ws.store.objects.refresh()
                missing = find_missing(ws.store, wanted)
    if missing and problems:
        raise Incomplete(
            f"cannot fetch {show_count(len(missing.all), 'object')}: {problems[0].what}",
            "check the remote with 'git fetch', then run this again",
            missing=sorted(map(str, missing.all)),
        )
    return missing


def _obtain_elsewhere(
    ws: Workspace, remote: Remote, wanted: list[Node], size: int, progress: Progress
) -> list[DatmoError]:
    """Fetch from the stores that a remote's settings name; return the errors."""
    problems: list[DatmoError] = []
    for url in stores_of(ws.repo.config, remote):
        try:
            place = find_place(ws, remote, url)
            if isinstance(place, PackBackend):
                _take_levels(ws, place, wanted, progress)
            else:
                problems += _try_to_obtain(ws, place, wanted, size, progress)
        except DatmoError as error:
            problems.append(error)
    return problems


def _obtain_from_clone(
    ws: Workspace, remote: Remote, wanted: list[Node], size: int, progress: Progress
) -> list[DatmoError]:
    """Fetch from the store of a remote that is a working clone; return the errors."""
    try:
        store = store_of_clone(ws, remote) or store_of_clone(ws, remote, probe_remote(ws, remote))
    except DatmoError:
        # An unreachable remote was reported before.
        return []
    return _try_to_obtain(ws, store, wanted, size, progress) if store is not None else []


def _take_levels(ws: Workspace, place: PackBackend, wanted: list[Node], progress: Progress) -> None:
    """Fetch level by level, since trees name what is below them, until the store has no more."""
    while missing := find_missing(ws.store, wanted).all:
        if not take(ws, place, missing, progress):
            return


def _try_to_obtain(
    ws: Workspace, remote: Remote, wanted: list[Node], size: int, progress: Progress
) -> list[DatmoError]:
    """Fetch from one remote. Missing objects are no error; anything else is."""
    if _take_from_folder(ws, remote, wanted, progress):
        return []
    try:
        _persist(ws, remote, wanted, size, progress)
    except Silent as error:
        return [error]
    except GitFailed as error:
        if not is_absence(error):
            return [error]
        if open_source(ws, remote).refuses_ids():
            # The host now counts as one that sends nothing by id, so this fetches refs.
            return _try_to_obtain(ws, remote, wanted, size, progress)
        if len(wanted) > 1:
            # A remote refuses a request if one of its objects is missing.
            ws.store.objects.refresh()
            return [
                problem
                for node in wanted
                for problem in _try_to_obtain(ws, remote, [node], 0, progress)
            ]
    finally:
        progress.finish()
    return []


def _persist(
    ws: Workspace, remote: Remote, wanted: list[Node], size: int, progress: Progress
) -> None:
    """Fetch from a remote that may become silent; repeat while each attempt brings something."""
    before: frozenset[Oid] | None = None
    while True:
        try:
            _obtain_from(ws, remote, wanted, size, progress)
        except Silent as error:
            if not error.again:
                raise
            ws.store.take_up()
            ws.store.objects.refresh()
            missing = frozenset(find_missing(ws.store, wanted).all)
            if missing == before:
                raise error.final() from error
            before = missing
        else:
            return


def obtain_trees(
    ws: Workspace, oids: Iterable[Oid], *, levels: str = ALONE, progress: Progress = QUIET
) -> None:
    """Fetch trees, and at most `levels` below them if the remote can limit that.

    Raises `Incomplete` if a tree is unavailable.
    """
    wanted = list(oids)
    for name in all_sources(ws.repo):
        remote = find_remote(ws.repo.config, name)
        elsewhere = (find_place(ws, remote, url) for url in stores_of(ws.repo.config, remote))
        for place in chain(elsewhere, [remote]):
            if isinstance(place, PackBackend):
                take(ws, place, wanted, progress)
            else:
                _try_to_obtain_trees(ws, place, wanted, levels, progress)
            if all(oid in ws.store for oid in wanted):
                return
    raise Incomplete(
        f"tree '{wanted[0]}' cannot be found here or on any remote",
        "ask the person who made the snapshot to run 'git push'",
        missing=list(map(str, wanted)),
    )


def _try_to_obtain_trees(
    ws: Workspace, remote: Remote, wanted: list[Oid], levels: str, progress: Progress
) -> None:
    try:
        _fetch_trees(ws, remote, wanted, levels, progress)
    except GitFailed as error:
        if not is_absence(error):
            raise
        if open_source(ws, remote).refuses_ids():
            _fetch_trees(ws, remote, wanted, levels, progress)


def _fetch_trees(
    ws: Workspace, remote: Remote, wanted: list[Oid], levels: str, progress: Progress
) -> None:
    source = open_source(ws, remote)
    host = source.host
    if not host.by_id:
        _fetch_all_kept(ws, remote, progress)
    elif host.filters:
        source.fetch(wanted, progress, levels)
    else:
        fetch_by_links(
            ws,
            remote,
            wanted,
            lambda: frozenset(oid for oid in wanted if oid not in ws.store),
            progress,
        )
        left = [oid for oid in wanted if oid not in ws.store]
        if left:
            source.explain(
                progress,
                "does not support partial fetches: fetching a whole folder to read its names",
            )
            source.fetch(left, progress)


def obtain_way(
    ws: Workspace, content: Content, steps: Sequence[bytes], *, progress: Progress = QUIET
) -> Node | None:
    """Return the node at the path `steps` of a payload; fetch the trees on the way and few others.

    All trees of a small payload come at once. Of a large one the first tree is fetched alone. Later
    ones come two levels at a time, which costs little in divided folders and saves every second
    request.
    """
    levels = TREES if content.files <= FEW_FILES else ALONE
    while True:
        try:
            return find_path(root_node(content), steps, ws.store.read_tree)
        except Incomplete as error:
            absent = [Oid.parse(text) for text in error.missing]
        obtain_trees(ws, absent, levels=levels, progress=progress)
        levels = TREES if levels == TREES else TWO_LEVELS


def _take_from_folder(
    ws: Workspace, remote: Remote, wanted: list[Node], progress: Progress
) -> bool:
    """Take files from a remote that is a folder and has everything; return True if it has."""
    folder = find_folder(ws.repo.git, ws.repo.config, remote, ws.store.format)
    if folder is None:
        return False
    with (
        closing(PackedObjects(folder.objects, ws.store.format)) as giver,
        # If the folder cannot be read, git fetches from it.
        suppress(OSError, Damaged),
    ):
        marks = reach(giver, find_missing(ws.store, wanted).all, NeededObjects(giver))
        copy_objects(giver, ws.store.objects, marks, progress, promisor=True)
    return not find_missing(ws.store, wanted)


def _obtain_from(
    ws: Workspace, remote: Remote, wanted: list[Node], size: int, progress: Progress
) -> None:
    store, source = ws.store, open_source(ws, remote)
    host, related = source.host, _has_versions(ws)
    if not host.by_id:
        _fetch_all_kept(ws, remote, progress)
        return
    # Links stand in for filters, so a host that filters needs none.
    tried_links = host.filters
    # Each turn fetches one level of trees, or all that is left. A turn without progress is the
    # last: the remote does not have the rest.
    for _ in range(LEVELS):
        missing = find_missing(store, wanted)
        if not missing:
            return
        left = missing.part_of(size)
        is_large = left > part_of_all(left)
        by_level = bool(missing.trees) and (related or is_large)
        if by_level and not tried_links:
            progress.begin("Fetching", left)
            fetch_by_links(
                ws,
                remote,
                (node.oid for node in wanted),
                lambda: find_missing(store, wanted).trees,
                progress,
            )
            tried_links = True
            continue
        if by_level and host.filters:
            progress.begin("Looking for what is missing")
            # Without other versions, nearly all trees are missing, so they come together.
            source.fetch(missing.trees, progress, ALONE if related else TREES)
        else:
            if missing.trees and is_large:
                source.explain(progress, SLOW)
            progress.begin("Fetching", left)
            for wants in _requests(missing, left):
                source.fetch(wants, progress)
        if find_missing(store, wanted).all == missing.all:
            return


def _requests(missing: Missing, size: int) -> Iterator[Collection[Oid]]:
    """Yield the objects of each request: all of them, or the blobs in parts of a known size."""
    if missing.trees:
        # Below a missing tree may be more, which the remote sends in the same answer.
        yield missing.all
    else:
        yield from (part.blobs for part in divide_wanted(missing.blobs, size))


def _has_versions(ws: Workspace) -> bool:
    """Return True if the store has payloads of this working tree, and so perhaps most objects."""
    return any(tracked.payload.object in ws.store for tracked in ws.tracking().payloads)


def _fetch_all_kept(ws: Workspace, remote: Remote, progress: Progress) -> None:
    """Fetch by refs, everything at once, from a remote that sends no objects by id."""
    source = open_source(ws, remote)
    why = "speaks an old protocol" if source.host.version < 2 else "serves no objects by id"
    if not is_bundle(remote.url):
        source.explain(progress, f"{why}: fetching everything that it keeps")
    with ws.new_scratch() as scratch:
        git = beside(scratch.git, ws.repo.config, remote)
        refspecs = [
            f"+{ns.keep}*:refs/kept/{number}/*"
            for number, ns in enumerate(in_use(probe_remote(ws, remote).refs))
        ]
        # Git leaves out everything that a tip leads to, so only complete records are offered.
        whole = [f"--negotiation-tip={oid}" for oid in _write_whole(ws, scratch)]
        fetch_refs(git, remote, refspecs, progress, "--quiet", *whole)
        take_over(ws, scratch)


def _write_whole(ws: Workspace, scratch: Scratch) -> Iterator[Oid]:
    """Write the keep commits of complete records, newest first, so that the remote need not send
    them."""
    rows = [row for row in read_all(ws, read_heads(ws)).rows if row.keeps]
    for record in ws.ledger.checked_records(
        [Oid.parse(row.record) for row in reversed(rows[-LOOKED_AT:])]
    ):
        if not isinstance(record, Damaged) and not find_missing(
            ws.store, (kept.node for kept in keep_entries(record))
        ):
            yield write_keep(scratch.write, record, ws.store.format)


def fetch(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> Offer:
    """Fetch a remote's records and notes, and unite them with the local ones."""
    remote = find_remote(ws.repo.config, name or ws.repo.default_remote() or "")
    offer = probe_remote(ws, remote, progress)
    receive(ws, remote, offer, progress=progress)
    unite_remotes(ws)
    return offer
