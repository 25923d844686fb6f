"""Send objects to a remote: in one push if they are few, else slice by slice.

The remote keeps each slice. A push that is cut off loses the current one; the next push finds the
others through the keep ref's chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial

from git_datmo.errors import GitFailed, UnusableRefs
from git_datmo.git.local_remote import Folder, find_folder
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.git.refs import RefChange
from git_datmo.git.remote_commands import Offer, Rejected, Remote, beside, push_refs
from git_datmo.model import Oid
from git_datmo.objects.pack_copy import copy_objects, mark_each
from git_datmo.objects.reachability import NeededObjects
from git_datmo.objects.store import Store
from git_datmo.progress import QUIET, Progress
from git_datmo.records.ledger import Tips
from git_datmo.records.namespaces import Namespace, epoch_of
from git_datmo.records.record_registry import Record
from git_datmo.remotes.keep_chain import LINKS, bring_chain, bring_nearest, keep_tips
from git_datmo.remotes.keep_commits import (
    DONE_LINK,
    PARENTS_AT_ONCE,
    PART_LINK,
    encode_part,
    keep_entries,
    read_part_tree,
    write_keep,
    write_part_tree,
)
from git_datmo.remotes.keep_links import Link, links_between, links_of, tie, write_boundary
from git_datmo.remotes.object_slices import Load, divide, find_load, take_out, weigh_load
from git_datmo.remotes.refusals import is_unsound
from git_datmo.remotes.remote_probe import PlanChanged, probe_remote, retried
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.push_bases import choose_push_bases
from git_datmo.sharing.push_overlap import differs_little
from git_datmo.sharing.push_size_limits import slice_size, watching_size

# Makes the last link of a push on top of a tip and parts.
Tie = Callable[[Oid | None, Sequence[Oid]], Oid]


@dataclass(frozen=True, slots=True)
class SharePlan:
    """The records that a remote does not have; `keepers` of them keep objects.

    `tips` are its records and notes in `namespace`.
    """

    remote: Remote
    offer: Offer
    namespace: Namespace
    tips: Tips
    records: tuple[Oid, ...]
    keepers: tuple[Record, ...]


def keep_tip(plan: SharePlan) -> Oid | None:
    """Return the tip of the keep ref that a plan extends."""
    return plan.offer.refs.get(_newest(plan.offer, plan.namespace))


def send_objects(ws: Workspace, plan: SharePlan, progress: Progress) -> Oid | None:
    """Send the objects of a plan; return the tip of the keep ref that then keeps them."""
    store, keep = ws.store, _KeepRef(ws, plan)
    akin = choose_push_bases(ws, plan.remote, plan.offer, plan.tips, plan.keepers)
    bases, keeps = (
        [write_keep(ws.scratch.write, keeper, store.format) for keeper in group]
        for group in (akin, plan.keepers)
    )
    boundary = _state_boundary(ws, plan.offer, bases)
    folder = find_folder(ws.repo.git, ws.repo.config, plan.remote, store.format)
    folder = folder if folder is not None and folder.takes_files() else None
    # Listing what to send takes long. It is needed for a copy by files, and to cut slices.
    size = _largest_size(store, plan.keepers, akin)
    end = _tie(ws, keeps, bases, keep.tip, ())
    load = None
    if folder is not None or size > slice_size(ws, plan.remote, size):
        load = find_load(store, ws.scratch.git, end, boundary)
    if (
        folder is not None
        and load is not None
        and _put_into_folder(ws, folder, load, keep.change(end), progress)
    ):
        keep.tip = end
    else:
        _send_slices(ws, keep, load, partial(_tie, ws, keeps, bases), size, progress)
    return keep.tip


def _state_boundary(ws: Workspace, offer: Offer, bases: Sequence[Oid]) -> list[Oid]:
    """Write the links from the remote's keep refs to `bases`; return the commits that it surely
    has.

    Git leaves out what these lead to. The boundary is stated, never negotiated.
    """
    tips = [tip for tip in keep_tips(offer).values() if links_of(ws).get(tip) is not None]
    write_boundary(ws, *links_between(links_of(ws), tips, bases))
    return [*tips, *bases]


def _largest_size(store: Store, keepers: Sequence[Record], bases: Sequence[Record]) -> int:
    """Return an upper bound of the bytes to send, without listing objects.

    Listing takes long if little of much content is new.
    """
    there = {kept.node.oid: kept for base in bases for kept in keep_entries(base)}
    versions = {kept.path: kept for kept in there.values()}
    sizes = {}
    for kept in (kept for keeper in keepers for kept in keep_entries(keeper)):
        version = versions.get(kept.path)
        if kept.node.oid not in there and (
            version is None or not differs_little(store, version.node, kept.node)
        ):
            sizes[kept.node.oid] = kept.content.size
    return sum(sizes.values())


def _send_slices(
    ws: Workspace, keep: _KeepRef, load: Load | None, tie_all: Tie, size: int, progress: Progress
) -> None:
    """Send a load in slices, then the link that ties it.

    A push of at most `size` is not listed and goes at once.
    """
    parts: list[Oid] = []
    left = size
    payload = load.payload if load is not None else None
    if payload is not None:
        # Blobs that earlier slices keep are taken out first, so they are not counted or sent again.
        parts += _parts_under_way(ws, keep.plan, payload)
        left = weigh_load(payload)
    progress.begin("Sharing", left)
    most = slice_size(ws, keep.remote, left)
    for piece in (
        divide(ws.store.objects, payload, most) if payload is not None and left > most else ()
    ):
        part = _write_part(ws, write_part_tree(ws.store.write_loose, piece.blobs))
        parts.append(part)
        with watching_size(ws, keep.remote, piece.size, progress, goes_on=True) as portion:
            keep.advance(partial(_tie_part, ws, part), portion)
        left -= piece.size
    with watching_size(ws, keep.remote, left, progress, goes_on=bool(parts)) as portion:
        keep.advance(lambda tip: tie_all(tip, parts), portion, last=True)
    progress.finish()


def _parts_under_way(ws: Workspace, plan: SharePlan, payload: NeededObjects) -> list[Oid]:
    """Return the parts of an interrupted push that hold some of a load, and remove that from the
    load."""
    mine = links_of(ws).parts_under_way()
    if not mine:
        return []
    there = bring_nearest(
        ws, plan.remote, plan.offer, lambda chain: chain.parts >= mine.keys(), LINKS
    ).parts
    found = [
        _write_part(ws, mine[part])
        for part in sorted(there & mine.keys())
        if take_out(ws.store.objects, payload, read_part_tree(ws.store, mine[part]))
    ]
    # Git then leaves out the blobs of these parts.
    _state_boundary(ws, plan.offer, found)
    return found


def _write_part(ws: Workspace, tree: Oid) -> Oid:
    links_of(ws).add_part(tree)
    return ws.scratch.write("commit", encode_part(tree))


def _tie_part(ws: Workspace, part: Oid, tip: Oid | None) -> Oid:
    return tie(ws, tip, part, message=PART_LINK)


def _tie(
    ws: Workspace, keeps: Sequence[Oid], bases: Sequence[Oid], tip: Oid | None, parts: Sequence[Oid]
) -> Oid:
    """Write links on top of `tip` that tie keep commits.

    Git leaves out what parts and bases keep.
    """
    # Parts have served as soon as the keep commits of the same push keep their blobs.
    for start in range(0, len(parts), PARENTS_AT_ONCE):
        tip = tie(ws, tip, *parts[start : start + PARENTS_AT_ONCE], message=DONE_LINK)
    for start in range(0, len(keeps), PARENTS_AT_ONCE):
        # One link with the bases is enough for git to leave their objects out.
        tip = tie(ws, tip, *keeps[start : start + PARENTS_AT_ONCE], *(bases if start == 0 else ()))
    assert tip is not None, "a plan that has objects to send has keep commits"
    return tip


class _KeepRef:
    """A remote's keep ref, which is moved link by link. Other clients may move it too."""

    def __init__(self, ws: Workspace, plan: SharePlan) -> None:
        self._ws, self.plan, self.remote = ws, plan, plan.remote
        self._git = beside(ws.scratch.git, ws.repo.config, plan.remote)
        self._ref = _newest(plan.offer, plan.namespace)
        self.tip = self._known(plan.offer)[0]

    def change(self, new: Oid) -> RefChange:
        return RefChange(self._ref, self.tip, new)

    def advance(
        self, make: Callable[[Oid | None], Oid], progress: Progress, *, last: bool = False
    ) -> None:
        """Push the link that `make` ties to the tip; retry while other clients are first.

        The `last` link depends on the remote's state: if another client was first, the plan is made
        again.
        """

        def once() -> None:
            link = make(self.tip)
            # An abandoned epoch must not return.
            lease = f"--force-with-lease={self._ref}:{self.tip or ''}"
            try:
                push_refs(self._git, self.remote, [f"{link}:{self._ref}"], progress, lease)
            except Rejected as error:
                if error.moved and not last:
                    self._look_again()
                raise
            self.tip = link

        if last:
            once()
        else:
            retried(self._ws, self.remote, once, progress)

    def _look_again(self) -> None:
        offer = probe_remote(self._ws, self.remote)
        # A new epoch ties no parts, so the slices that were sent are of no use in it.
        if self._ref not in offer.refs or _newest(offer, self.plan.namespace) != self._ref:
            raise PlanChanged(
                f"'{self.remote.address}' moved its objects during the push",
                "run the command again",
            )
        self.tip, links = self._known(offer)
        write_boundary(self._ws, *links)

    def _known(self, offer: Offer) -> tuple[Oid | None, list[Link]]:
        """Return the tip and its link, which is fetched if it is unknown."""
        tip = offer.refs.get(self._ref)
        if tip is None:
            return None, []
        try:
            bring_chain(self._ws, self.remote, offer, [tip], lambda chain: tip not in chain.absent)
        except GitFailed as error:
            if is_unsound(error):
                raise UnusableRefs(self.remote.address, error.what) from error
            raise
        link = links_of(self._ws).get(tip)
        if link is None:
            raise UnusableRefs(self.remote.address, f"'{self._ref}' is not a commit of git-datmo")
        return tip, [link]


def _newest(offer: Offer, ns: Namespace) -> str:
    """Return the keep ref of a namespace that is extended."""
    return max(
        (ref for ref in offer.refs if epoch_of(ref) and ns.has(ref)),
        key=epoch_of,
        default=ns.keep_ref(1),
    )


def _put_into_folder(
    ws: Workspace, folder: Folder, load: Load, change: RefChange, progress: Progress
) -> bool:
    """Hand files over to a remote that is a folder; return True if it accepts them."""
    assert change.new is not None
    ws.scratch.objects.refresh()
    target = PackedObjects(folder.objects, ws.store.format)
    ties = mark_each(ws.scratch.objects, load.ties)
    # If the folder refuses a file, the objects are pushed instead.
    with closing(target), suppress(OSError):
        # Content first, then the commits that keep it, then the ref: at no moment does something
        # name an object that is absent.
        copy_objects(ws.store.objects, target, load.payload, progress)
        copy_objects(ws.scratch.objects, target, ties, QUIET)
        if folder.holds(change.new):
            folder.move(change.ref, change.old, change.new)
            return True
    return False
