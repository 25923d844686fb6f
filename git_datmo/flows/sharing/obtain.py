"""From a remote to the store: the objects that are needed and lacking, and as little else as the remote allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain

from git_datmo.errors import Damaged, DatmoError, GitFailed, Incomplete, Silent
from git_datmo.flows.healing import heal
from git_datmo.flows.history import read_all, read_heads, unite_remotes
from git_datmo.flows.sharing.by_links import fetch_by_links
from git_datmo.flows.sharing.clones import store_of_clone
from git_datmo.flows.sharing.contact import ask
from git_datmo.flows.sharing.intake import receive
from git_datmo.flows.sharing.keep import kept_objects, write_keep
from git_datmo.flows.sharing.missing import Missing, find_missing
from git_datmo.flows.sharing.places import find_place, stores_of, take
from git_datmo.flows.sharing.slices import divide_wanted, part_of_all
from git_datmo.flows.sharing.source import ALONE, TREES, TWO_LEVELS, open_source, take_over
from git_datmo.flows.workspace import Workspace
from git_datmo.git.fetch_head import all_sources
from git_datmo.git.folder import find_folder
from git_datmo.git.namespaces import in_use
from git_datmo.git.packs import PackedObjects
from git_datmo.git.refusals import is_absence
from git_datmo.git.remote import Offer, Remote, beside, fetch_refs, find_remote
from git_datmo.git.scratch import Scratch
from git_datmo.git.urls import is_bundle
from git_datmo.model import Content, Oid
from git_datmo.places.packs import PackPlace
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Record
from git_datmo.store.handover import hand_over
from git_datmo.store.layout import Node, find_path, root_node
from git_datmo.store.reach import Marks, reach

LEVELS = 64
# Of so many records it is found out whether all that they name is here.
LOOKED_AT = 32
SLOW = "cannot leave objects out, so its git may compare all before it sends them; uploadpack.allowFilter there helps"
# The trees of a payload of so many files are fetched whole: some 200 KB at most.
FEW_FILES = 4096


def obtain(
    ws: Workspace, nodes: Iterable[Node], *, size: int = 0, remotes: Iterable[str] = (), progress: Progress = QUIET
) -> Missing:
    """Fetch what the store lacks of `nodes`, from the first remotes that have it; returns what none has.

    `size` is how many bytes they have in all, where that is known.
    """
    wanted = list(nodes)
    missing = find_missing(ws.store, wanted)
    if missing and ws.store.objects.unreadable:
        heal(ws, list(ws.store.objects.unreadable), progress)
        missing = find_missing(ws.store, wanted)
    if missing and ws.store.take_up():
        missing = find_missing(ws.store, wanted)
    problems: list[DatmoError] = []
    for name in tuple(remotes) or all_sources(ws.repo):
        remote = find_remote(ws.repo.config, name)
        has_stores = bool(stores_of(ws.repo.config, remote))
        for step in (*((_obtain_elsewhere,) if has_stores else ()), _try_to_obtain, _obtain_from_clone):
            if missing:
                problems += step(ws, remote, wanted, size, progress)
                ws.store.objects.refresh()
                missing = find_missing(ws.store, wanted)
    if missing and problems:
        raise Incomplete(
            f"cannot fetch {len(missing.all)} objects: {problems[0].what}",
            "check the remote with 'git fetch', then run this again",
            missing=sorted(map(str, missing.all)),
        )
    return missing


def _obtain_elsewhere(
    ws: Workspace, remote: Remote, wanted: list[Node], size: int, progress: Progress
) -> list[DatmoError]:
    """Fetch from the places where a remote's payload is; returns what went wrong."""
    problems: list[DatmoError] = []
    for url in stores_of(ws.repo.config, remote):
        try:
            place = find_place(ws, remote, url)
            if isinstance(place, PackPlace):
                _take_levels(ws, place, wanted, progress)
            else:
                problems += _try_to_obtain(ws, place, wanted, size, progress)
        except DatmoError as error:
            problems.append(error)
    return problems


def _obtain_from_clone(
    ws: Workspace, remote: Remote, wanted: list[Node], size: int, progress: Progress
) -> list[DatmoError]:
    """Fetch from the store of a remote that is somebody's clone; return what went wrong."""
    try:
        store = store_of_clone(ws, remote) or store_of_clone(ws, remote, ask(ws, remote))
    except DatmoError:
        # That the remote cannot be asked was found out before.
        return []
    return _try_to_obtain(ws, store, wanted, size, progress) if store is not None else []


def _take_levels(ws: Workspace, place: PackPlace, wanted: list[Node], progress: Progress) -> None:
    """Trees tell what is below them: a level after the other, until the place has no more."""
    while missing := find_missing(ws.store, wanted).all:
        if not take(ws, place, missing, progress):
            return


def _try_to_obtain(
    ws: Workspace, remote: Remote, wanted: list[Node], size: int, progress: Progress
) -> list[DatmoError]:
    """Fetch from one remote what it has; what it does not have is no problem, anything else that goes wrong is."""
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
            return _try_to_obtain(ws, remote, wanted, size, progress)
        if len(wanted) > 1:
            # One object that a remote lacks makes it refuse the others too.
            ws.store.objects.refresh()
            return [problem for node in wanted for problem in _try_to_obtain(ws, remote, [node], 0, progress)]
    finally:
        progress.finish()
    return []


def _persist(ws: Workspace, remote: Remote, wanted: list[Node], size: int, progress: Progress) -> None:
    """Fetch from a remote that may fall silent: ask again for the rest, as long as each attempt brought something."""
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


def obtain_trees(ws: Workspace, oids: Iterable[Oid], *, levels: str = ALONE, progress: Progress = QUIET) -> None:
    """Fetch these trees, and below them no more than `levels` where a remote can do that; raises `Incomplete`."""
    wanted = list(oids)
    for name in all_sources(ws.repo):
        remote = find_remote(ws.repo.config, name)
        elsewhere = (find_place(ws, remote, url) for url in stores_of(ws.repo.config, remote))
        for place in chain(elsewhere, [remote]):
            if isinstance(place, PackPlace):
                take(ws, place, wanted, progress)
            else:
                _try_to_obtain_trees(ws, place, wanted, levels, progress)
            if all(oid in ws.store for oid in wanted):
                return
    raise Incomplete(
        f"tree '{wanted[0]}' can be had nowhere",
        "ask who made the snapshot to run 'git push'",
        missing=list(map(str, wanted)),
    )


def _try_to_obtain_trees(ws: Workspace, remote: Remote, wanted: list[Oid], levels: str, progress: Progress) -> None:
    try:
        _fetch_trees(ws, remote, wanted, levels, progress)
    except GitFailed as error:
        if not is_absence(error):
            raise
        if open_source(ws, remote).refuses_ids():
            _fetch_trees(ws, remote, wanted, levels, progress)


def _fetch_trees(ws: Workspace, remote: Remote, wanted: list[Oid], levels: str, progress: Progress) -> None:
    source = open_source(ws, remote)
    host = source.host
    if not host.by_id:
        _fetch_all_kept(ws, remote, progress)
    elif host.filters:
        source.fetch(wanted, progress, levels)
    else:
        fetch_by_links(ws, remote, wanted, lambda: frozenset(oid for oid in wanted if oid not in ws.store), progress)
        left = [oid for oid in wanted if oid not in ws.store]
        if left:
            source.explain(progress, "cannot leave objects out: fetching all that is in a folder, to look into it")
            source.fetch(left, progress)


def obtain_way(ws: Workspace, content: Content, steps: Sequence[bytes], *, progress: Progress = QUIET) -> Node | None:
    """What stands at the path `steps` in a payload, fetching the trees on the way to it, and few others.

    A small payload's trees come all at once. In a large one the first is looked at alone; from there on they come two
    levels at a time, which is cheap where folders are split, and spares every second request.
    """
    levels = TREES if content.files <= FEW_FILES else ALONE
    while True:
        try:
            return find_path(root_node(content), steps, ws.store.read_tree)
        except Incomplete as error:
            lacking = [Oid.parse(text) for text in error.missing]
        obtain_trees(ws, lacking, levels=levels, progress=progress)
        levels = TREES if levels == TREES else TWO_LEVELS


def _take_from_folder(ws: Workspace, remote: Remote, wanted: list[Node], progress: Progress) -> bool:
    """Fetch by files where the remote is a folder that has everything; says whether it did."""
    folder = find_folder(ws.repo.git, ws.repo.config, remote, ws.store.format)
    if folder is None:
        return False
    with closing(PackedObjects(folder.objects, ws.store.format)) as giver, suppress(OSError, Damaged):
        marks = reach(giver, find_missing(ws.store, wanted).all, Marks(giver))
        hand_over(giver, ws.store.objects, marks, progress, promisor=True)
    return not find_missing(ws.store, wanted)


def _obtain_from(ws: Workspace, remote: Remote, wanted: list[Node], size: int, progress: Progress) -> None:
    store, source = ws.store, open_source(ws, remote)
    host, related = source.host, _has_versions(ws)
    if not host.by_id:
        _fetch_all_kept(ws, remote, progress)
        return
    asked_links = host.filters
    for _ in range(LEVELS):
        missing = find_missing(store, wanted)
        if not missing:
            return
        left = missing.part_of(size)
        is_large = left > part_of_all(left)
        if missing.trees and not asked_links and (related or is_large):
            progress.begin("Fetching", left)
            fetch_by_links(
                ws, remote, (node.oid for node in wanted), lambda: find_missing(store, wanted).trees, progress
            )
            asked_links = True
            continue
        if missing.trees and host.filters and (related or is_large):
            progress.begin("Looking for what is missing")
            source.fetch(missing.trees, progress, ALONE if related else TREES)
        else:
            if missing.trees and is_large:
                source.explain(progress, SLOW)
            progress.begin("Fetching", left)
            together = [missing.all] if missing.trees else (part.blobs for part in divide_wanted(missing.blobs, left))
            for wants in together:
                source.fetch(wants, progress)
        if find_missing(store, wanted).all == missing.all:
            return


def _has_versions(ws: Workspace) -> bool:
    """Whether the store has payloads of this working tree, so that most of what is wanted may be here already."""
    return any(tracked.payload.object in ws.store for tracked in ws.tracking().payloads)


def _fetch_all_kept(ws: Workspace, remote: Remote, progress: Progress) -> None:
    """Fetch by refs, all in all, from a remote that does not give objects by their ids."""
    source = open_source(ws, remote)
    why = "speaks an old protocol" if source.host.version < 2 else "gives no objects by their ids"
    if not is_bundle(remote.url):
        source.explain(progress, f"{why}: fetching all that it keeps")
    with ws.new_scratch() as scratch:
        git = beside(scratch.git, ws.repo.config, remote)
        refspecs = [f"+{ns.keep}*:refs/kept/{place}/*" for place, ns in enumerate(in_use(ask(ws, remote).refs))]
        whole = [f"--negotiation-tip={oid}" for oid in _write_whole(ws, scratch)]
        fetch_refs(git, remote, refspecs, progress, "--quiet", *whole)
        take_over(ws, scratch)


def _write_whole(ws: Workspace, scratch: Scratch) -> Iterator[Oid]:
    """Write keep commits of which everything is here, newest records first: the remote need not send that."""
    rows = [row for row in read_all(ws, read_heads(ws)).rows if row.keeps]
    for record in ws.ledger.checked_records([Oid.parse(row.record) for row in reversed(rows[-LOOKED_AT:])]):
        if isinstance(record, Record) and not find_missing(ws.store, (kept.node for kept in kept_objects(record))):
            yield write_keep(scratch.write, record, ws.store.format)


def fetch(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> Offer:
    """Fetch a remote's records and notes, and take them in."""
    remote = find_remote(ws.repo.config, name or ws.repo.default_remote() or "")
    offer = ask(ws, remote, progress)
    receive(ws, remote, offer, progress=progress)
    unite_remotes(ws)
    return offer
