"""Share with a remote: objects first, then records and notes, so no record names missing objects.

The plan reads; publishing writes exactly the ids that the plan read. A snapshot made meanwhile
waits for the next push. Each step leaves the remote consistent. A push that was cut off, or that
lost a race, continues from the remote's new state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from git_datmo.backends.pack_backend import PackBackend
from git_datmo.errors import DatmoError, Incomplete
from git_datmo.git.remote_commands import Remote, find_remote, find_remotes
from git_datmo.history.record_heads import read_catalog
from git_datmo.model import Oid
from git_datmo.progress import QUIET, EachLineOnce, Progress
from git_datmo.records.catalog import Catalog
from git_datmo.records.format_marker import check_marker
from git_datmo.records.ledger import Tips
from git_datmo.records.listing import list_records
from git_datmo.records.namespaces import NAMESPACES, RECORDS_REF, Namespace
from git_datmo.remotes.keep_commits import keep_entries
from git_datmo.remotes.record_intake import NOTHING, find_newer, receive, remember, shared_records
from git_datmo.remotes.refspecs import has_refspecs, set_refspecs
from git_datmo.remotes.refusals import missing_objects
from git_datmo.remotes.remote_probe import choose_namespace, probe_remote, retried
from git_datmo.remotes.remote_store import deposit, destination, stores_of
from git_datmo.remotes.working_clones import store_of_clone
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.incomplete_records import remember_whole
from git_datmo.sharing.orphaned_settings import refuse_orphaned_settings
from git_datmo.sharing.publish_records import publish_records
from git_datmo.sharing.push_selection import Selection, Site, find_lost, select
from git_datmo.sharing.push_size_limits import hint_to_resume
from git_datmo.sharing.pushed_records import records_of
from git_datmo.sharing.pushed_refs import Pushed, head_pushed
from git_datmo.sharing.record_commits import build_tips
from git_datmo.sharing.secret_refusal import refuse_secrets
from git_datmo.sharing.send_objects import SharePlan, keep_tip, send_objects
from git_datmo.sizes import show_count

# Gets the bytes of payload that a share sends at most, before it sends them.
Announce = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Shared:
    """The result of a push.

    `records` counts the records that the remote did not have. `resent` counts those that it had
    without all of their data, which were sent again.
    """

    remote: str
    records: int
    resent: int = 0


@dataclass(frozen=True, slots=True)
class PushPlan:
    """The plan of a push: objects first, then `tips`, the commits of records and notes."""

    site: Site
    selection: Selection
    objects: SharePlan
    tips: Tips


def share(
    ws: Workspace,
    remote: str = "",
    url: str = "",
    *,
    pushed: Pushed | None = None,
    announce: Announce | None = None,
    progress: Progress = QUIET,
) -> Shared:
    """Bring a remote up to date. Other clients may push at the same time.

    `url` is the address that git pushes to, if git has passed it. Otherwise all push URLs of the
    remote are brought up to date.
    """
    name = remote or ws.repo.default_remote() or ""
    targets = (
        (find_remote(ws.repo.config, name, url, push=True),)
        if url
        else find_remotes(ws.repo.config, name)
    )
    pushed = pushed or head_pushed(ws, name)
    # Attempts are repeated, and each URL has its own, but what they leave out is the same.
    progress = EachLineOnce(progress)
    if pushed.is_whole:
        # Git carries records, notes and keep refs itself.
        return Shared(targets[0].address, 0)
    _meet_new_remotes(ws, targets[0].name, progress)
    counts: list[tuple[int, int]] = []
    for target in targets:
        try:
            counts.append(_share_with(ws, target, pushed, announce, progress))
        except DatmoError as error:
            if any(map(any, counts)):
                error.hint = (
                    error.hint or "the remote's other URLs have what is new: run the command again"
                )
            raise
    records, resent = map(max, zip(*counts, strict=True))
    return Shared(targets[0].address, records, resent)


def _meet_new_remotes(ws: Workspace, name: str, progress: Progress) -> None:
    """Unite, once, the records of each remote that was added after `git datmo init`.

    If a branch of it was merged, git brought only its code.
    """
    new = [
        each
        for each in ws.repo.remotes()
        if each != name and not has_refspecs(ws.repo.config, each)
    ]
    if not new:
        return
    from git_datmo.remotes.fetch_objects import fetch

    for each in new:
        set_refspecs(ws, each)
        # A remote that cannot be reached must not stop the push to another.
        with suppress(DatmoError):
            fetch(ws, each, progress=progress)


def _share_with(
    ws: Workspace, target: Remote, pushed: Pushed, announce: Announce | None, progress: Progress
) -> tuple[int, int]:
    """Share with one URL; return how many records it did not have, and had without their data."""
    # All attempts of this push share these sets.
    done: set[Oid] = set()
    resent: set[Oid] = set()
    lost: set[Oid] = set()
    damaged: set[Oid] = set()

    moved: list[Oid | None] = []

    def once(carried: Pushed) -> None:
        plan_now = plan(ws, target, carried, lost=lost, progress=progress)
        if announce is not None:
            announce(_size(plan_now))
        try:
            publish(ws, plan_now, carried, moved, progress=progress)
        except DatmoError as error:
            found = find_lost(
                ws, plan_now.site, plan_now.selection.send, missing_objects(error), progress
            )
            if found is None:
                found = _mend(ws, error, progress)
                damaged.update(found)
            # Each turn brings missing objects, or gives up the records that need them.
            lost.update(found)
            return once(carried)
        done.update(plan_now.objects.records)
        resent.update(plan_now.selection.send)
        return None

    try:
        retried(ws, target, lambda: once(pushed), progress, resumes=True, made=lambda: len(moved))
    except DatmoError as error:
        if damaged and isinstance(error, Incomplete):
            # What is pushed needs what was damaged. Everything else goes nevertheless.
            rest = replace(pushed, commits=())
            retried(ws, target, lambda: once(rest), progress, resumes=True, made=lambda: len(moved))
        if moved:
            error.hint = error.hint or hint_to_resume(target)
        raise
    return len(done), len(resent - done)


def _mend(ws: Workspace, error: DatmoError, progress: Progress) -> set[Oid]:
    """Return the records that damage has lost; raise `error` if damage is not its cause."""
    from git_datmo.recovery.damaged_push import mend

    lost = mend(ws, error, progress)
    if lost is None:
        raise error
    return set(lost)


def _size(plan_now: PushPlan) -> int:
    """Return at most how many bytes of payload a plan sends."""
    every = (kept for keeper in plan_now.objects.keepers for kept in keep_entries(keeper))
    return sum({kept.content.object: kept.content.size for kept in every}.values())


def plan(
    ws: Workspace,
    remote: Remote,
    pushed: Pushed,
    *,
    lost: Iterable[Oid] = (),
    dry: bool = False,
    progress: Progress = QUIET,
) -> PushPlan:
    """Plan a push of everything that is missing on `remote`, after fetching its records.

    A plan that is `dry` is not to be carried out: nothing is tried on the remote.
    """
    refuse_orphaned_settings(ws.repo.config)
    # Another working tree of the repository, as that of a sweep's run, may have stored objects
    # since.
    ws.store.objects.refresh()
    offer = probe_remote(ws, remote, progress)
    received = receive(ws, remote, offer, progress=progress)
    # These tips are read once. Records that are attached from here on wait for the next push.
    mine = ws.ledger.tips()
    here = list_records(ws.odb, mine.records) if mine.records else set()
    there = set[Oid]().union(*(shared_records(ws, tips) for tips in received.values()))
    catalog = read_catalog(ws, mine)
    wanted = _wanted(ws, catalog, here, there, pushed)
    is_whole = not stores_of(ws.repo.config, remote) and store_of_clone(ws, remote, offer) is None
    site = Site(remote, offer, frozenset(there), keeps_objects=is_whole)
    chosen = select(
        ws, site, catalog, wanted - there, pushed, lost=frozenset(lost), progress=progress
    )
    going = wanted - there - chosen.left
    # Every refusal comes before the first byte leaves.
    sent = sorted(going & chosen.send.keys())
    refuse_secrets(ws, sorted(going), [(oid, chosen.send[oid]) for oid in sent])
    _refuse_carried(ws, pushed, chosen)
    newer = find_newer(ws, received)
    if newer is not None and (going or chosen.send):
        check_marker(newer, f"the records of '{remote.address}'")
    ns = _used(received)
    # Which namespace the host accepts is found by trying, so only where something goes.
    if (going or chosen.send) and not dry:
        ns, offer = choose_namespace(ws, remote, offer, progress)
    tips = received.get(ns, NOTHING)
    # What only a newer version may add to was not united with the records here, so nothing is put
    # on top of it.
    carried = tips
    if newer is None:
        carried = build_tips(ws, mine, tips, (going | there) & here, here - there - going)
    keepers = tuple(keeper for _, keeper in sorted(chosen.send.items()))
    return PushPlan(
        site, chosen, SharePlan(remote, offer, ns, tips, tuple(sorted(going)), keepers), carried
    )


def _used(received: dict[Namespace, Tips]) -> Namespace:
    return next(iter(received), NAMESPACES[0])


def _wanted(
    ws: Workspace, catalog: Catalog, here: set[Oid], there: set[Oid], pushed: Pushed
) -> set[Oid]:
    """Return the records that may be shared: all, or those of the commits that are pushed."""
    how = ws.repo.config.get("datmo.share", "all")
    if how not in ("all", "branch"):
        raise DatmoError(f"'datmo.share' cannot be '{how}'", "set it to 'all' or to 'branch'")
    return here if how == "all" else here & records_of(ws, catalog, pushed.commits, there)


def _refuse_carried(ws: Workspace, pushed: Pushed, chosen: Selection) -> None:
    """Raise `Incomplete` where git itself pushes a record without its objects."""
    tip = pushed.carries.get(RECORDS_REF)
    lost = chosen.left & list_records(ws.odb, tip) if tip is not None else frozenset[Oid]()
    if lost:
        raise Incomplete(
            f"this push carries '{RECORDS_REF}' with {show_count(len(lost), 'record')} whose data"
            " are neither in this clone nor on a remote",
            "push branches and tags instead: 'git push --all', then 'git push --tags'",
            missing=sorted(map(str, lost)),
        )


def publish(
    ws: Workspace,
    plan_now: PushPlan,
    pushed: Pushed,
    moved: list[Oid | None],
    *,
    progress: Progress = QUIET,
) -> None:
    """Carry out a plan; raises `Rejected` when the remote changed meanwhile or does not want it.

    `moved` gets the tip of the keep ref where objects were brought.
    """
    site, objects = plan_now.site, plan_now.objects
    # Without objects to send, the remote's own tip keeps the objects of its records.
    link = keep_tip(objects)
    if objects.keepers:
        place = destination(ws, site.remote)
        if isinstance(place, PackBackend):
            deposit(ws, place, objects.keepers, progress)
        else:
            link = send_objects(ws, plan_for(ws, objects, place, progress), progress)
            moved.append(link)
    if pushed.carries:
        # Git moves the refs itself: it would find them moved, and refuse.
        return
    published = publish_records(ws, objects, plan_now.tips, progress)
    # These commits may have been made for this push, so they join the local history.
    ws.ledger.unite(published)
    remember(ws, site.remote, objects.namespace, published)
    stores = stores_of(ws.repo.config, site.remote)
    if site.keeps_objects:
        remember_whole(ws, site.remote, published, link)
    elif stores:
        remember_whole(ws, Remote("", stores[0]), published, None)


def plan_for(ws: Workspace, objects: SharePlan, place: Remote, progress: Progress) -> SharePlan:
    """Return the plan with another remote for its objects, unless it is the same."""
    if place == objects.remote:
        return objects
    ns, offer = choose_namespace(ws, place, probe_remote(ws, place), progress)
    return replace(objects, remote=place, offer=offer, namespace=ns)
