"""Fetch a remote's records and notes, unite them, and remember by URL which ones it has."""

from __future__ import annotations

import time
from collections.abc import Mapping

from git_datmo.errors import Damaged, GitFailed, UnusableRefs
from git_datmo.git.refs import RefChange, change_refs, read_refs
from git_datmo.git.remote_commands import Offer, Remote, direct, fetch_refs, program_option
from git_datmo.git.remote_urls import fetch_url, location
from git_datmo.history.record_heads import read_heads, unite, unite_remotes
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.format_marker import Marker, check_marker
from git_datmo.records.ledger import Tips
from git_datmo.records.listing import list_records
from git_datmo.records.namespaces import REMOTE_REFS, Namespace, in_use
from git_datmo.remotes.host_profiles import hosts_of
from git_datmo.remotes.refspecs import set_refspecs
from git_datmo.remotes.refusals import is_unsound
from git_datmo.repository.workspace import Workspace

NOTHING = Tips(None, None)


def receive(
    ws: Workspace, remote: Remote, offer: Offer, *, progress: Progress = QUIET
) -> dict[Namespace, Tips]:
    """Fetch a remote's new records and notes, and unite them with the local ones.

    Returns by namespace what was received of `offer`. By the time of the fetch, the remote may have
    more.
    """
    used, label = in_use(offer.refs), label_of(ws, remote)
    if label:
        set_refspecs(ws, label, used)
    received = {ns: _receive(ws, remote, label or "url", ns, offer, progress) for ns in used}
    learn_tips(ws, remote, received)
    return received


def _receive(
    ws: Workspace, remote: Remote, name: str, ns: Namespace, offer: Offer, progress: Progress
) -> Tips:
    label, (records_here, notes_here) = ns.of(name), ns.remembered(name)
    known = read_heads(ws).remotes.get(label, NOTHING)
    records, notes = offer.refs.get(ns.records), offer.refs.get(ns.notes)
    refspecs = []
    # Refs that did not move since the last fetch are not fetched again.
    if records is not None and records != known.records:
        refspecs.append(f"+{ns.records}:{records_here}")
    if notes is not None and notes != known.notes:
        refspecs.append(f"+{ns.notes}:{notes_here}")
    if refspecs:
        # Records go to the code repository, not to the store.
        git = direct(ws.repo.git, ws.repo.config, remote)
        options = ("--quiet", *program_option(ws.repo.config, remote, "upload-pack"))
        try:
            fetch_refs(git, Remote("", remote.url), refspecs, progress, *options)
        except GitFailed as error:
            if is_unsound(error):
                raise UnusableRefs(remote.address, error.what) from error
            raise
    came = read_heads(ws).remotes.get(label, NOTHING)
    # A ref that the remote no longer has may still be remembered.
    there = Tips(came.records if records else None, came.notes if notes else None)
    try:
        unite(ws, there)
    except Damaged as error:
        raise UnusableRefs(remote.address, error.what) from error
    return there


def find_newer(ws: Workspace, received: Mapping[Namespace, Tips]) -> Marker | None:
    """Return the marker of records that were received and to which only a newer version may add."""
    markers = (ws.ledger.marker(tips.records) for tips in received.values())
    return next((marker for marker in markers if marker.unknown()), None)


def refuse_newer(ws: Workspace, remote: Remote, received: Mapping[Namespace, Tips]) -> None:
    """Raise `DatmoError` where only a newer version may add to what a remote has."""
    marker = find_newer(ws, received)
    if marker is not None:
        check_marker(marker, f"the records of '{remote.address}'")


def shared_records(ws: Workspace, tips: Tips) -> set[Oid]:
    """Return the records that a remote has at `tips`, which were received."""
    return list_records(ws.odb, tips.records) if tips.records else set()


def learn_tips(ws: Workspace, remote: Remote, received: dict[Namespace, Tips]) -> None:
    """Remember by a remote's URL which records it has now."""
    tips = [str(tips.records) for tips in received.values() if tips.records]
    hosts_of(ws).learn(remote, seen=" ".join(tips), asked=int(time.time()))


def label_of(ws: Workspace, remote: Remote) -> str:
    """Return the name under which a remote's refs are remembered; '' if its URL has another origin.

    Records of an earlier URL under that name are forgotten once they were united.
    """
    if not remote.name or location(fetch_url(ws.repo.config, remote.name)) != location(remote.url):
        return ""
    before = hosts_of(ws).url_of(remote.name)
    if before and location(before) != location(remote.url):
        unite_remotes(ws)
        stale = read_refs(ws.repo.git, f"{REMOTE_REFS}{remote.name}/")
        if stale:
            change_refs(
                ws.repo.git, [RefChange(ref, tip, None) for ref, tip in stale.items()], why="moved"
            )
    if not before or location(before) != location(remote.url):
        hosts_of(ws).learn_name(remote)
    return remote.name


def remember(ws: Workspace, remote: Remote, ns: Namespace, tips: Tips) -> None:
    """Record that a remote now has `tips`, as `git push` does for remote-tracking branches."""
    label = label_of(ws, remote)
    if label:
        set_refspecs(ws, label, [ns])
        wanted = dict(zip(ns.remembered(label), (tips.records, tips.notes), strict=True))
        refs = read_refs(ws.repo.git, *wanted)
        changes = [
            RefChange(ref, refs.get(ref), new)
            for ref, new in wanted.items()
            if new and refs.get(ref) != new
        ]
        if changes:
            change_refs(ws.repo.git, changes, why=f"shared with {label}")
    learn_tips(ws, remote, {ns: tips})
