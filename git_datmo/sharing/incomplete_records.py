"""Find records on a remote whose objects it does not keep, so that a client that has them sends
them.

Our pushes never leave one behind. A client of another version, or a host that lost refs, may have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from git_datmo.errors import Damaged
from git_datmo.git.refs import read_refs
from git_datmo.git.remote_commands import Offer, Remote
from git_datmo.model import Oid
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.records.ledger import Tips
from git_datmo.records.listing import list_records
from git_datmo.records.namespaces import NAMESPACES, NOTES_REF, RECORDS_REF, in_use
from git_datmo.records.record_registry import Record
from git_datmo.remotes.host_profiles import hosts_of
from git_datmo.remotes.keep_chain import LINKS, bring_nearest, keep_tips
from git_datmo.remotes.keep_commits import keep_entries, keep_id
from git_datmo.remotes.keep_links import links_of
from git_datmo.remotes.refspecs import has_refspecs
from git_datmo.repository.workspace import Workspace


def has_roots(ws: Workspace, keeper: Record, there: Collection[Oid] = ()) -> bool:
    """Return True if everything that a record names directly is local or in `there`.

    Objects below may be missing. An object of another kind than the record says does not count: no
    server accepts a commit with it.
    """
    return all(kept.node.oid in there or _is_here(ws, kept.node) for kept in keep_entries(keeper))


def _is_here(ws: Workspace, node: Node) -> bool:
    if node.oid == ws.store.empty_tree:
        return True
    is_tree = node.kind is NodeKind.FOLDER or node.chunked
    return ws.store.objects.kind(node.oid) == ("tree" if is_tree else "blob")


def unchecked_records(
    ws: Workspace, remote: Remote, offer: Offer, there: Collection[Oid]
) -> set[Oid]:
    """Return the records of a remote that are not known to be kept there with their objects."""
    records, _, link = hosts_of(ws).of(remote).whole.partition(" ")
    if not records or not _has_link(ws, remote, offer, link):
        return set(there)
    try:
        return set(there) - list_records(ws.odb, Oid.parse(records))
    except Damaged:
        return set(there)


def _has_link(ws: Workspace, remote: Remote, offer: Offer, link: str) -> bool:
    """Return True if a remote's keep refs still lead to a link; '' if nothing had to be kept."""
    tips = list(keep_tips(offer).values())
    if not link or link in map(str, tips):
        return True
    oid = Oid.parse(link)
    bring_nearest(ws, remote, offer, lambda _: _leads_to(ws, tips, oid), LINKS)
    return _leads_to(ws, tips, oid)


def _leads_to(ws: Workspace, tips: Iterable[Oid], link: Oid) -> bool:
    """Return True if known links lead from one of `tips` back to `link`."""
    for tip in tips:
        oid: Oid | None = tip
        while oid is not None and oid != link:
            found = links_of(ws).get(oid)
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
    """Return the records whose keep commits a remote's keep refs lead to.

    Unknown links are fetched with at most `most` requests. The existence of a keep commit is no
    proof, since a push that lost a race may have left it. Undecided records count as `doubtful`
    says.
    """
    keeps = {keep_id(keeper, ws.store.format): oid for oid, keeper in keepers.items()}
    if not keeps:
        return set()
    chain = bring_nearest(ws, remote, offer, lambda chain: chain.keeps >= keeps.keys(), most)
    return {
        oid for keep, oid in keeps.items() if keep in chain.keeps or (doubtful and chain.absent)
    }


def is_settled(
    ws: Workspace, name: str, url: str, mine: Mapping[str, Oid], there: Mapping[str, str]
) -> bool:
    """Return True if the remote's refs prove that it has all local records and keeps their data.

    `mine` are the local refs. The state remembered under the remote's name must be the same.
    """
    wanted = [str(mine.get(ref, "")) for ref in (RECORDS_REF, NOTES_REF)]
    records, _, link = hosts_of(ws).of(Remote(name, url)).whole.partition(" ")
    used = [
        ns
        for ns in (*NAMESPACES, *in_use(there))
        if [there.get(ns.records, ""), there.get(ns.notes, "")] == wanted
    ]
    if not used or records != wanted[0] or (link and link not in there.values()):
        return False
    if not all(each == name or has_refspecs(ws.repo.config, each) for each in ws.repo.remotes()):
        # Records of a remote that was added later are not united yet.
        return False
    known = read_refs(ws.repo.git, *used[0].remembered(name)) if name else {}
    return not name or [str(known.get(ref, "")) for ref in used[0].remembered(name)] == wanted


def remember_whole(ws: Workspace, remote: Remote, tips: Tips, link: Oid | None) -> None:
    """Remember that a remote keeps, by `link`, everything that its records at `tips` name."""
    if tips.records is not None:
        hosts_of(ws).learn(remote, whole=f"{tips.records} {link or ''}")
