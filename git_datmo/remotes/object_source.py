"""Fetch objects from a remote over one connection, which stays open until the command ends.

With protocol version 2, our own code receives packs. Other remotes are left to `git fetch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from functools import cached_property, partial

from git_datmo.errors import Damaged, GitFailed
from git_datmo.git.command import Git
from git_datmo.git.deflate import Buffer
from git_datmo.git.deltas import apply_delta
from git_datmo.git.pack_entries import Beyond, StreamEntry
from git_datmo.git.pack_stream import read_pack
from git_datmo.git.remote_commands import IDS_AT_ONCE, Offer, Remote, beside, fetch_ids, twice
from git_datmo.git.scratch_repository import Scratch
from git_datmo.git.upload_pack import UploadPack, open_upload
from git_datmo.model import ObjectFormat, Oid
from git_datmo.objects.incoming_pack import receive
from git_datmo.objects.pack_copy import copy_objects
from git_datmo.objects.reachability import NeededObjects
from git_datmo.progress import QUIET, Progress
from git_datmo.records.namespaces import epoch_of
from git_datmo.remotes.host_profiles import Host, hosts_of
from git_datmo.remotes.refusals import is_absence
from git_datmo.remotes.remote_probe import probe_remote, retried
from git_datmo.repository.workspace import Workspace

# Filters: without anything below a tree; without blobs; without blobs and deeper trees. Some hosts
# refuse the last.
ALONE, TREES, TWO_LEVELS = "tree:0", "blob:none", "combine:blob:none+tree:1"


class ObjectSource:
    """A remote to fetch from. It is contacted at the first request."""

    def __init__(self, ws: Workspace, remote: Remote) -> None:
        self._ws, self._remote = ws, remote
        self._upload: UploadPack | None = None
        # False once the remote or a pack needs git's own client.
        self._is_ours = True
        self._gives_levels = True
        self._explained: set[str] = set()

    def close(self) -> None:
        if self._upload is not None:
            self._upload.close()

    @property
    def host(self) -> Host:
        """Return the profile of the remote's host, which is contacted for it."""
        upload = self._connect()
        if upload is None:
            return self._asked
        return hosts_of(self._ws).meet(self._remote, Offer({}, 2, upload.filters, by_id=True))

    def fetch(self, wants: Iterable[Oid], progress: Progress, filtered: str = "") -> None:
        """Fetch `wants` and everything that they lead to, except what `filtered` omits.

        Raises `GitFailed`. Objects that arrived before a failure stay.
        """
        wanted = list(wants)
        for start in range(0, len(wanted), IDS_AT_ONCE):
            batch = wanted[start : start + IDS_AT_ONCE]
            step = partial(self._fetch_levels, batch, progress, filtered)
            retried(self._ws, self._remote, step, progress)

    def fetch_beyond(self, tip: Oid, there: Iterable[Oid], progress: Progress) -> bool:
        """Fetch what the commit `tip` leads to and `there` does not; return False if that cannot be
        asked.

        Commits stay out of the store. Raises `GitFailed`.
        """
        haves = tuple(there)
        return retried(
            self._ws, self._remote, lambda: self._fetch_beyond(tip, haves, progress), progress
        )

    def _fetch_beyond(self, tip: Oid, haves: tuple[Oid, ...], progress: Progress) -> bool:
        upload = self._connect()
        if upload is None:
            return False
        try:
            self._receive(upload, upload.fetch([tip], haves=haves), progress)
        except Beyond:
            return False
        return True

    def commits(self, wants: Iterable[Oid], *, depth: int, filtered: str = "") -> dict[Oid, bytes]:
        """Return `wants` and their ancestors, `depth` commits on each path or all for 0.

        Nothing is stored. Raises `GitFailed`.
        """
        return retried(self._ws, self._remote, partial(self._commits, list(wants), depth, filtered))

    def _commits(self, wants: list[Oid], depth: int, filtered: str) -> dict[Oid, bytes]:
        upload, form = self._connect(), self._ws.store.format
        if upload is None:
            return self._commits_by_git(wants, depth, filtered)
        try:
            blocks = upload.fetch(wants, filtered, depth=depth)
            with closing(read_pack(blocks, form, upload.close)) as entries:
                return read_commits(entries, wants, form)
        except Damaged as error:
            raise GitFailed(["fetch"], 128, f"fatal: {error.what}") from error
        finally:
            if not upload.usable:
                upload.close()

    def _commits_by_git(self, wants: list[Oid], depth: int, filtered: str) -> dict[Oid, bytes]:
        options = ["--quiet", *([f"--depth={depth}"] if depth else [])]
        options += [f"--filter={filtered}"] if filtered else []
        with self._ws.new_scratch() as scratch:
            fetch_ids(self._beside(scratch), self._remote, wants, QUIET, *options)
            scratch.objects.refresh()
            found = (
                (oid, scratch.objects.find(oid))
                for oid in (*scratch.objects, *scratch.objects.loose())
            )
            return {oid: each[1] for oid, each in found if each is not None and each[0] == "commit"}

    def _beside(self, scratch: Scratch) -> Git:
        return beside(scratch.git, self._ws.repo.config, self._remote)

    def explain(self, progress: Progress, what: str) -> None:
        """Report once what the remote cannot do, and how it is avoided."""
        if what not in self._explained:
            self._explained.add(what)
            progress.tell(f"'{self._remote.address}' {what}")

    def _fetch_levels(self, batch: list[Oid], progress: Progress, filtered: str) -> None:
        # A host that refuses the combined filter is asked once, and then for one level at a time.
        if filtered == TWO_LEVELS and self._gives_levels:
            try:
                self._fetch(batch, progress, filtered)
            except GitFailed as error:
                if "filter" not in error.stderr:
                    raise
                self._gives_levels = False
            else:
                return
        self._fetch(batch, progress, ALONE if filtered == TWO_LEVELS else filtered)

    def _fetch(self, batch: list[Oid], progress: Progress, filtered: str) -> None:
        upload = self._connect()
        if upload is not None:
            # A pack that our reader cannot take is left to git.
            with suppress(Beyond):
                self._receive(upload, upload.fetch(batch, filtered), progress)
                return
            self._is_ours = False
        self._fetch_by_git(batch, progress, filtered)

    def _receive(self, upload: UploadPack, blocks: Iterator[Buffer], progress: Progress) -> None:
        """Store a pack; raise `Beyond` for one that only git can read."""
        store = self._ws.store
        try:
            with closing(read_pack(blocks, store.format, upload.close)) as entries:
                receive(store, entries, progress)
        except Damaged as error:
            if isinstance(error, Beyond):
                raise
            raise GitFailed(["fetch"], 128, f"fatal: {error.what}") from error
        finally:
            if not upload.usable:
                upload.close()
                # Objects that arrived completely stay.
                store.take_up()

    def _fetch_by_git(self, batch: list[Oid], progress: Progress, filtered: str) -> None:
        """Let git fetch into a repository of its own, and take over the objects.

        In the store, git would repack what it finds beside promised objects (git-index-pack).
        """
        with self._ws.new_scratch() as scratch:
            options = [f"--filter={filtered}"] if filtered else []
            fetch_ids(self._beside(scratch), self._remote, batch, progress, *options)
            take_over(self._ws, scratch)

    def refuses_ids(self) -> bool:
        """Return True if the remote sends nothing by id. Tested with an object that it certainly
        has."""
        # A link has the empty tree, so a remote with a keep ref has it too.
        if not any(map(epoch_of, probe_remote(self._ws, self._remote).refs)):
            return False
        try:
            self._fetch([self._ws.store.empty_tree], QUIET, "")
        except GitFailed as error:
            return is_absence(error) and hosts_of(self._ws).learn(self._remote, refuses_ids=True)
        return False

    @cached_property
    def _git(self) -> Git:
        return beside(self._ws.store.git, self._ws.repo.config, self._remote)

    @cached_property
    def _asked(self) -> Host:
        probe_remote(self._ws, self._remote)
        return hosts_of(self._ws).of(self._remote)

    def _connect(self) -> UploadPack | None:
        """Return our own connection; None if the remote has to be left to git."""
        if self._is_ours and (self._upload is None or not self._upload.usable):
            config, form = self._ws.repo.config, self._ws.store.format
            self._upload = twice(lambda: open_upload(self._git, config, self._remote, form))
            self._is_ours = self._upload is not None
        return self._upload if self._is_ours else None


def read_commits(
    entries: Iterable[StreamEntry], wants: Iterable[Oid], form: ObjectFormat
) -> dict[Oid, bytes]:
    """Return the commits of a pack by id; stop reading once all of `wants` are found."""
    found: dict[Oid, bytes] = {}
    waiting: dict[Oid, list[bytes]] = {}
    left = set(wants)
    for entry in entries:
        # A pack may have a delta before its base.
        if entry.base is not None and entry.base not in found:
            waiting.setdefault(entry.base, []).append(entry.content)
            continue
        # Git writes all commits of a pack before its blobs (git-pack-objects).
        if entry.base is None and entry.kind == "blob" and not left:
            break
        ready = []
        if entry.base is not None:
            ready = [apply_delta(found[entry.base], entry.content)]
        elif entry.kind == "commit":
            ready = [entry.content]
        while ready:
            content = ready.pop()
            oid = form.hash("commit", content)
            found[oid] = content
            left.discard(oid)
            ready += [apply_delta(content, delta) for delta in waiting.pop(oid, ())]
    return found


def take_over(ws: Workspace, scratch: Scratch) -> None:
    """Copy trees and blobs that git fetched into a scratch repository to the store."""
    scratch.objects.refresh()
    marks = NeededObjects(scratch.objects)
    for oid in (*scratch.objects, *scratch.objects.loose()):
        if scratch.objects.kind(oid) in ("tree", "blob"):
            marks.add(oid)
    copy_objects(scratch.objects, ws.store.objects, marks, QUIET, promisor=True)


class _OpenSources(dict[str, ObjectSource]):
    """The sources of a command by their addresses; a connection stays open for the next fetch."""


def open_source(ws: Workspace, remote: Remote) -> ObjectSource:
    """Return the source for a remote, the same each time."""
    sources = ws.keep(_OpenSources, _OpenSources)
    known = sources.get(remote.address)
    if known is None:
        known = sources[remote.address] = ObjectSource(ws, remote)
        ws.at_end(known.close)
    return known
