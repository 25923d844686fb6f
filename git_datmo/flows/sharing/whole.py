"""Finds records on a remote whose objects it does not keep, so that whoever has the objects brings them.

A push of ours never leaves such a record behind; a clone of another version, or a host that lost refs, may have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from git_datmo.errors import Damaged
from git_datmo.flows.sharing.chain import LINKS, bring_nearest, keep_tips
from git_datmo.flows.sharing.keep import keep_id, kept_objects
from git_datmo.flows.sharing.refspecs import has_refspecs
from git_datmo.flows.workspace import Workspace
from git_datmo.git.namespaces import NAMESPACES, NOTES_REF, RECORDS_REF, in_use
from git_datmo.git.refs import read_refs
from git_datmo.git.remote import Offer, Remote
from git_datmo.model import Oid
from git_datmo.records.ledger import Tips
from git_datmo.records.listing import list_records
from git_datmo.records.types import Record
from git_datmo.store.layout import Kind, Node


def has_roots(ws: Workspace, keeper: Record, there: Collection[Oid] = ()) -> bool:
    """Return whether all that a record names itself is here, or `there`; what that leads to may be lacking.

    An object of another kind than the record says is not what it names: no server would take a commit that keeps it.
    """
    return all(kept.node.oid in there or _is_here(ws, kept.node) for kept in kept_objects(keeper))


def _is_here(ws: Workspace, node: Node) -> bool:
    if node.oid == ws.store.empty_tree:
        return True
    is_tree = node.kind is Kind.FOLDER or node.chunked
    return ws.store.objects.kind(node.oid) == ("tree" if is_tree else "blob")


def unchecked_records(ws: Workspace, remote: Remote, offer: Offer, there: Collection[Oid]) -> set[Oid]:
    """Return those of a remote's records that nothing tells are kept there with their objects."""
    records, _, link = ws.hosts.of(remote).whole.partition(" ")
    if not records or not _has_link(ws, remote, offer, link):
        return set(there)
    try:
        return set(there) - list_records(ws.odb, Oid.parse(records))
    except Damaged:
        return set(there)


def _has_link(ws: Workspace, remote: Remote, offer: Offer, link: str) -> bool:
    """Return whether a remote's keep refs still lead to a link; '' is where nothing had to be kept."""
    tips = list(keep_tips(offer).values())
    if not link or link in map(str, tips):
        return True
    oid = Oid.parse(link)
    bring_nearest(ws, remote, offer, lambda _: _leads_to(ws, tips, oid), LINKS)
    return _leads_to(ws, tips, oid)


def _leads_to(ws: Workspace, tips: Iterable[Oid], link: Oid) -> bool:
    """Return whether the links that were seen lead from one of `tips` back to `link`."""
    for tip in tips:
        oid: Oid | None = tip
        while oid is not None and oid != link:
            found = ws.links.get(oid)
            oid = found.parents[0] if found is not None and found.parents else None
        if oid == link:
            return True
    return False


def find_kept(
    ws: Workspace,
    remote: Remote,
    offer: Offer,
    keepers: Mapping[Oid, Record],
    *,
    most: int = LINKS,
    doubtful: bool = False,
) -> set[Oid]:
    """Return those records, by their ids, whose keep commits a remote's keep refs lead to.

    Of links that were not seen yet, `most` requests fetch some. That a remote has a keep commit would not be enough: a
    push that lost a race may have left it behind. Records of which that cannot be told count as `doubtful` says.
    """
    keeps = {keep_id(keeper, ws.store.format): oid for oid, keeper in keepers.items()}
    if not keeps:
        return set()
    chain = bring_nearest(ws, remote, offer, lambda chain: chain.keeps >= keeps.keys(), most)
    return {oid for keep, oid in keeps.items() if keep in chain.keeps or (doubtful and chain.absent)}


def is_settled(ws: Workspace, name: str, url: str, mine: Mapping[str, Oid], there: Mapping[str, str]) -> bool:
    """Return whether the refs of a remote tell that it has all records and notes that are here, and keeps their data.

    `mine` are the refs here; what is remembered under the remote's name has to be the same, as git's own branches are.
    """
    wanted = [str(mine.get(ref, "")) for ref in (RECORDS_REF, NOTES_REF)]
    records, _, link = ws.hosts.of(Remote(name, url)).whole.partition(" ")
    used = [
        ns for ns in (*NAMESPACES, *in_use(there)) if [there.get(ns.records, ""), there.get(ns.notes, "")] == wanted
    ]
    if not used or records != wanted[0] or (link and link not in there.values()):
        return False
    if not all(each == name or has_refspecs(ws, each) for each in ws.repo.remotes()):
        # The records of a remote that was added since are still to be taken in.
        return False
    known = read_refs(ws.repo.git, *used[0].remembered(name)) if name else {}
    return not name or [str(known.get(ref, "")) for ref in used[0].remembered(name)] == wanted


def remember_whole(ws: Workspace, remote: Remote, tips: Tips, link: Oid | None) -> None:
    """Remember that a remote keeps, by `link`, all that its records at `tips` name."""
    if tips.records is not None:
        ws.hosts.learn(remote, whole=f"{tips.records} {link or ''}")
