"""From a remote to the store: the objects that are needed and lacking, and as little else as the remote allows."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass

from git_datmo.errors import Damaged, DatmoError, GitFailed, Incomplete
from git_datmo.flows.history import unite_remotes
from git_datmo.flows.sharing.contact import ask
from git_datmo.flows.sharing.keep import KEPT_REFS
from git_datmo.flows.sharing.places import find_place, stores_of, take
from git_datmo.flows.sharing.share import receive
from git_datmo.flows.workspace import Workspace
from git_datmo.git.folder import find_folder
from git_datmo.git.namespaces import NAMESPACES
from git_datmo.git.objects import TREE
from git_datmo.git.packs import PackedObjects
from git_datmo.git.refs import read_refs
from git_datmo.git.remote import Offer, Remote, beside, fetch_ids, fetch_refs, find_remote
from git_datmo.model import Oid
from git_datmo.places.packs import PackPlace
from git_datmo.progress import QUIET, Progress
from git_datmo.store.handover import hand_over
from git_datmo.store.layout import Kind, Node
from git_datmo.store.reach import Marks, reach
from git_datmo.store.store import Store

LEVELS = 64
# What a server says of an id that it lacks (git-upload-pack).
ABSENT = "not our ref"


@dataclass(frozen=True, slots=True)
class Missing:
    """What a store lacks of some nodes: trees, whose content is unknown as long, and blobs."""

    trees: frozenset[Oid]
    blobs: frozenset[Oid]

    def __bool__(self) -> bool:
        return bool(self.trees or self.blobs)

    @property
    def all(self) -> frozenset[Oid]:
        return self.trees | self.blobs


def find_missing(store: Store, nodes: Iterable[Node]) -> Missing:
    """Walk what is here of `nodes` and collect what is not."""
    trees: set[Oid] = set()
    blobs: set[Oid] = set()
    seen: set[Oid] = set()
    stack = [(node.oid, node.kind is Kind.FOLDER or node.chunked) for node in nodes]
    while stack:
        oid, is_tree = stack.pop()
        if oid in seen:
            continue
        seen.add(oid)
        if not is_tree:
            if oid not in store:
                blobs.add(oid)
        elif oid != store.empty_tree and oid not in store:
            trees.add(oid)
        else:
            stack += [(entry.oid, entry.mode == TREE) for entry in store.read_tree(oid)]
    return Missing(frozenset(trees), frozenset(blobs))


def obtain(ws: Workspace, nodes: Iterable[Node], *, remotes: Iterable[str] = (), progress: Progress = QUIET) -> Missing:
    """Fetch what the store lacks of `nodes`, from the first remotes that have it; returns what none has."""
    wanted = list(nodes)
    missing = find_missing(ws.store, wanted)
    problems: list[DatmoError] = []
    for name in tuple(remotes) or _remotes(ws):
        if not missing:
            break
        remote = find_remote(ws.repo.config, name)
        for step in (obtain_elsewhere, _try_to_obtain):
            problems += step(ws, remote, wanted, progress) if missing else []
            ws.store.objects.refresh()
            missing = find_missing(ws.store, wanted)
    if missing and problems:
        raise Incomplete(
            f"cannot fetch {len(missing.all)} objects: {problems[0].what}",
            "check the remote with 'git fetch', then run this again",
            missing=sorted(map(str, missing.all)),
        )
    return missing


def require(ws: Workspace, wanted: Iterable[tuple[str, Node]], *, progress: Progress = QUIET) -> None:
    """Fetch what the store lacks of `wanted`; raises `Incomplete` with the names of those that can be had nowhere."""
    named = list(wanted)
    missing = obtain(ws, (node for _, node in named), progress=progress)
    if not missing:
        return
    names = dict.fromkeys(f"'{name}'" for name, node in named if find_missing(ws.store, [node]))
    lost = sorted(map(str, missing.all))
    raise Incomplete(
        f"{', '.join(names)} can be had nowhere: {len(lost)} objects are missing, the first is {lost[0]}",
        "ask who made the snapshot to run 'git push'",
        missing=lost,
    )


def obtain_elsewhere(ws: Workspace, remote: Remote, wanted: list[Node], progress: Progress) -> list[DatmoError]:
    """Fetch from the places where a remote's payload is; returns what went wrong."""
    problems: list[DatmoError] = []
    for url in stores_of(ws.repo.config, remote):
        try:
            place = find_place(ws, remote, url)
            if isinstance(place, PackPlace):
                _take_levels(ws, place, wanted, progress)
            else:
                problems += _try_to_obtain(ws, place, wanted, progress)
        except DatmoError as error:
            problems.append(error)
    return problems


def _take_levels(ws: Workspace, place: PackPlace, wanted: list[Node], progress: Progress) -> None:
    """Trees tell what is below them: a level after the other, until the place has no more."""
    while missing := find_missing(ws.store, wanted).all:
        if not take(ws, place, missing, progress):
            return


def _try_to_obtain(ws: Workspace, remote: Remote, wanted: list[Node], progress: Progress) -> list[DatmoError]:
    """Fetch from one remote what it has; what it does not have is no problem, anything else that goes wrong is."""
    if _take_from_folder(ws, remote, wanted, progress):
        return []
    try:
        _obtain_from(ws, remote, wanted, progress)
    except GitFailed as error:
        if ABSENT not in error.stderr:
            return [error]
        if len(wanted) > 1:
            # One object that a remote lacks makes it refuse the others too.
            ws.store.objects.refresh()
            return [problem for node in wanted for problem in _try_to_obtain(ws, remote, [node], progress)]
    return []


def obtain_trees(ws: Workspace, oids: Iterable[Oid], *, progress: Progress = QUIET) -> None:
    """Fetch just these trees, without what is below them where a remote can do that; raises `Incomplete`."""
    wanted = list(oids)
    for name in _remotes(ws):
        remote = find_remote(ws.repo.config, name)
        for url in stores_of(ws.repo.config, remote):
            place = find_place(ws, remote, url)
            if isinstance(place, PackPlace):
                take(ws, place, wanted, progress)
        if all(oid in ws.store for oid in wanted):
            return
        git = beside(ws.store.git, ws.repo.config, remote)
        filters = ask(ws, remote).filters
        try:
            fetch_ids(git, remote, wanted, progress, *(["--filter=tree:0"] if filters else []))
        except GitFailed as error:
            if ABSENT not in error.stderr:
                raise
        ws.store.objects.refresh()
        if all(oid in ws.store for oid in wanted):
            return
    raise Incomplete(
        f"tree '{wanted[0]}' can be had nowhere",
        "ask who made the snapshot to run 'git push'",
        missing=list(map(str, wanted)),
    )


def _remotes(ws: Workspace) -> tuple[str, ...]:
    first = ws.repo.default_remote()
    names = ws.repo.remotes()
    return (*([first] if first else []), *(name for name in names if name != first))


def _take_from_folder(ws: Workspace, remote: Remote, wanted: list[Node], progress: Progress) -> bool:
    """Fetch by files where the remote is a folder that has everything; says whether it did."""
    folder = find_folder(ws.repo.git, ws.repo.config, remote, ws.store.format)
    if folder is None:
        return False
    with closing(PackedObjects(folder.objects, ws.store.format)) as giver, suppress(OSError, Damaged):
        marks = reach(giver, find_missing(ws.store, wanted).all, Marks(giver))
        hand_over(giver, ws.store.objects, marks, progress, promisor=True)
    return not find_missing(ws.store, wanted)


def _obtain_from(ws: Workspace, remote: Remote, wanted: list[Node], progress: Progress) -> None:
    store = ws.store
    git = beside(store.git, ws.repo.config, remote)
    offer = ask(ws, remote)
    if offer.version < 2:
        progress.begin("This remote speaks an old protocol: fetching all that it keeps")
        _fetch_keep_refs(ws, remote, progress)
        return
    related = _has_versions(ws)
    if related and not offer.filters and _kept_refs(ws, remote):
        _fetch_keep_refs(ws, remote, progress)
        store.objects.refresh()
    for _ in range(LEVELS):
        missing = find_missing(store, wanted)
        if not missing:
            return
        if missing.trees and offer.filters and related:
            fetch_ids(git, remote, missing.trees, progress, "--filter=tree:0")
        else:
            fetch_ids(git, remote, missing.all, progress)
        store.objects.refresh()
        if find_missing(store, wanted) == missing:
            return


def _has_versions(ws: Workspace) -> bool:
    """Whether the store has payloads of this working tree, so that most of what is wanted may be here already."""
    return any(tracked.payload.object in ws.store for tracked in ws.tracking().payloads)


def _kept_refs(ws: Workspace, remote: Remote) -> bool:
    return bool(read_refs(ws.store.git, f"{KEPT_REFS}{remote.name}/"))


def _fetch_keep_refs(ws: Workspace, remote: Remote, progress: Progress) -> None:
    git = beside(ws.store.git, ws.repo.config, remote)
    refspecs = [f"+{ns.keep}*:{KEPT_REFS}{ns.of(remote.name or 'url')}/*" for ns in NAMESPACES]
    fetch_refs(git, remote, refspecs, progress, "--quiet")


def fetch(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> Offer:
    """Fetch a remote's records and notes, and take them in."""
    remote = find_remote(ws.repo.config, name or ws.repo.default_remote() or "")
    offer = ask(ws, remote, progress)
    receive(ws, remote, offer, progress=progress)
    unite_remotes(ws)
    return offer
