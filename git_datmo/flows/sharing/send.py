"""Brings objects to a remote: in one push where they are few, else slice by slice, each of which the remote keeps.

A push that is cut off loses the slice that was under way; the next finds the others by the chain of the keep ref.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from git_datmo.errors import GitFailed
from git_datmo.flows.sharing.bases import find_bases
from git_datmo.flows.sharing.contact import PlanChanged, ask, retried
from git_datmo.flows.sharing.keep import (
    PARENTS_AT_ONCE,
    kept_objects,
    kept_ref,
    read_chain,
    read_part,
    write_done_link,
    write_keep,
    write_link,
    write_part,
    write_part_link,
)
from git_datmo.flows.sharing.overlap import differs_little
from git_datmo.flows.sharing.slices import divide, find_load, part_of_all, take_out, weigh_load
from git_datmo.flows.workspace import Workspace
from git_datmo.git.folder import Folder, find_folder
from git_datmo.git.namespaces import Namespace, epoch_of
from git_datmo.git.packs import PackedObjects
from git_datmo.git.refs import RefChange, change_refs, read_ref
from git_datmo.git.refusals import is_too_large
from git_datmo.git.remote import Offer, Rejected, Remote, beside, fetch_ids, push_refs
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Portion, Progress
from git_datmo.records.ledger import Tips
from git_datmo.records.types import Keeper
from git_datmo.store.handover import hand_over
from git_datmo.store.reach import Marks
from git_datmo.store.store import Store

# Makes the last link of a share on top of a tip, beside parts.
Tie = Callable[[Oid | None, Sequence[Oid]], Oid]

# A host that refuses less than this for its size refuses something else.
FLOOR = 64 << 10


@dataclass(frozen=True, slots=True)
class SharePlan:
    """What a remote lacks: `records` in all, of which `keepers` name objects.

    `tips` is what it has in `namespace`.
    """

    remote: Remote
    offer: Offer
    namespace: Namespace
    tips: Tips
    records: tuple[Oid, ...]
    keepers: tuple[Keeper, ...]


def send_objects(ws: Workspace, plan: SharePlan, progress: Progress) -> None:
    """Bring the objects of a plan to its remote, whose keep ref then keeps them."""
    store, keep = ws.store, _KeepRef(ws, plan, progress)
    filters = plan.offer.filters and plan.offer.version >= 2
    akin = find_bases(ws, keep.git, plan.remote, plan.tips, plan.keepers, tip=keep.tip, filters=filters)
    bases, keeps = ([write_keep(store, keeper) for keeper in group] for group in (akin, plan.keepers))
    folder = find_folder(ws.repo.git, ws.repo.config, plan.remote, store.format)
    folder = folder if folder is not None and folder.takes_files() else None
    size = _largest_size(store, plan.keepers, akin)
    end = _tie(store, keeps, bases, keep.tip, ())
    load = None
    if folder is not None or size > slice_size(ws, plan.remote, size):
        load = find_load(store, end, (*(oid for oid in plan.offer.refs.values() if oid in store), *bases))
    if folder is not None and load is not None and _put_into_folder(ws, folder, load, keep.change(end), progress):
        keep.remember(end)
    else:
        _send_slices(ws, keep, load, partial(_tie, store, keeps, bases), size, progress)


def _largest_size(store: Store, keepers: Sequence[Keeper], bases: Sequence[Keeper]) -> int:
    """At most how many bytes of content are to be sent, told without listing them: that takes long where little of much
    is new."""
    there = {kept.node.oid: kept for base in bases for kept in kept_objects(base)}
    versions = {kept.path: kept for kept in there.values()}
    sizes = {}
    for kept in (kept for keeper in keepers for kept in kept_objects(keeper)):
        version = versions.get(kept.path)
        if kept.node.oid not in there and (version is None or not differs_little(store, version.node, kept.node)):
            sizes[kept.node.oid] = kept.content.size
    return sum(sizes.values())


def slice_size(ws: Workspace, remote: Remote, total: int) -> int:
    """At most how many bytes of `total` go in one push, as a person set it or by the host's limit."""
    limit = ws.hosts.of(remote).limit
    asked = ws.repo.config.number(f"datmo.{remote.address}.slice", 0)
    size = asked if asked > 0 else part_of_all(total)
    return min(size, limit) if limit else size


def _send_slices(ws: Workspace, keep: _KeepRef, load: Marks | None, tie: Tie, size: int, progress: Progress) -> None:
    """Send a load, or what is at most `size` where it was not listed, and at last the link that ties it."""
    parts: list[Oid] = []
    left = size
    if load is not None:
        under_way = read_chain(ws.store, [keep.tip], ()).parts if keep.tip is not None else ()
        parts += (part for part in sorted(under_way) if take_out(ws.store.objects, load, read_part(ws.store, part)))
        left = weigh_load(load)
    progress.begin("Sharing", left)
    most = slice_size(ws, keep.remote, left)
    for piece in divide(ws.store.objects, load, most) if load is not None and left > most else ():
        parts.append(write_part(ws.store, piece.blobs))
        with _watching_size(ws, keep.remote, piece.size, progress) as portion:
            keep.advance(partial(write_part_link, ws.store, part=parts[-1]), portion)
        left -= piece.size
    with _watching_size(ws, keep.remote, left, progress) as portion:
        keep.advance(lambda tip: tie(tip, parts), portion, last=True)
    progress.finish()


@contextmanager
def _watching_size(ws: Workspace, remote: Remote, size: int, progress: Progress) -> Iterator[Portion]:
    """Let the next plan make smaller slices where a host takes no push of `size`; gives that portion of progress."""
    portion = Portion(progress, size)
    try:
        yield portion
    except (Rejected, GitFailed) as error:
        limit = min(size, ws.hosts.of(remote).limit or size) // 2
        if not is_too_large(error) or limit < FLOOR:
            raise
        ws.hosts.learn(remote, limit=limit)
        progress.tell(f"'{remote.address}' refuses pushes of {size >> 10} KiB: going on with {limit >> 10} KiB each")
        raise PlanChanged(error.what, error.hint) from error
    portion.complete()


def _tie(store: Store, keeps: Sequence[Oid], bases: Sequence[Oid], tip: Oid | None, parts: Sequence[Oid]) -> Oid:
    """Links on top of `tip` that tie keep commits, and let git leave out what parts and bases keep."""
    for start in range(0, len(parts), PARENTS_AT_ONCE):
        assert tip is not None, "parts are tied by links"
        tip = write_done_link(store, tip, parts[start : start + PARENTS_AT_ONCE])
    for start in range(0, len(keeps), PARENTS_AT_ONCE):
        group = keeps[start : start + PARENTS_AT_ONCE]
        # What the remote has of the bases is found out by negotiation: their commits are made here, not fetched.
        first = bases if start == 0 else ()
        tip = write_link(store, dict.fromkeys([*([tip] if tip is not None else []), *group, *first]))
    assert tip is not None, "a plan that has objects to send has keep commits"
    return tip


class _KeepRef:
    """A remote's keep ref, moved on link by link; others may move it, too."""

    def __init__(self, ws: Workspace, plan: SharePlan, progress: Progress) -> None:
        self._ws, self.remote, self._namespace = ws, plan.remote, plan.namespace
        self.git = beside(ws.store.git, ws.repo.config, plan.remote)
        self._ref = _newest(plan.offer, plan.namespace)
        self.tip = self._known(plan.offer.refs.get(self._ref), progress)

    def change(self, new: Oid) -> RefChange:
        return RefChange(self._ref, self.tip, new)

    def advance(self, make: Callable[[Oid | None], Oid], progress: Progress, *, last: bool = False) -> None:
        """Push the link that `make` ties to the tip, until nobody was first.

        The `last` one is held against what the remote has, and made by another plan where somebody was first.
        """
        git = self.git.with_config([("push.negotiate", "true")]) if last else self.git

        def once() -> None:
            link = make(self.tip)
            # An epoch that was given up meanwhile must not come back.
            lease = f"--force-with-lease={self._ref}:{self.tip or ''}"
            try:
                push_refs(git, self.remote, [f"{link}:{self._ref}"], progress, lease)
            except Rejected as error:
                if error.moved and not last:
                    self._look_again()
                raise
            self.remember(link)

        if last:
            once()
        else:
            retried(self._ws, self.remote, once, progress)

    def remember(self, tip: Oid) -> None:
        self.tip = tip
        if self.remote.name:
            git, kept = self._ws.store.git, kept_ref(self.remote, self._ref)
            change_refs(git, [RefChange(kept, read_ref(git, kept), tip)], why="shared")

    def _look_again(self) -> None:
        offer = ask(self._ws, self.remote)
        if self._ref not in offer.refs or _newest(offer, self._namespace) != self._ref:
            raise PlanChanged(f"'{self.remote.address}' keeps elsewhere what it kept", "run the command again")
        self.tip = self._known(offer.refs[self._ref], QUIET)

    def _known(self, tip: Oid | None, progress: Progress) -> Oid | None:
        """A tip whose commit is here, fetched if it was not."""
        # The link that keeps nothing is the same on every remote: fetched, it would count as cut off from its past.
        write_link(self._ws.store, ())
        self._ws.store.objects.refresh()
        if tip is not None and tip not in self._ws.store:
            fetch_ids(self.git, self.remote, [tip], progress, "--depth=1", "--quiet")
            self._ws.store.objects.refresh()
        return tip


def _newest(offer: Offer, ns: Namespace) -> str:
    """The keep ref of a namespace that is added to."""
    return max((ref for ref in offer.refs if epoch_of(ref) and ns.has(ref)), key=epoch_of, default=ns.keep_ref(1))


def _put_into_folder(ws: Workspace, folder: Folder, load: Marks, change: RefChange, progress: Progress) -> bool:
    """Share by files where the remote is a folder that takes them; says whether it did."""
    assert change.new is not None
    taker = PackedObjects(folder.objects, ws.store.format)
    with closing(taker), suppress(OSError):
        hand_over(ws.store.objects, taker, load, progress)
        if folder.holds(change.new):
            folder.move(change.ref, change.old, change.new)
            return True
    return False
