"""Where objects are fetched from: a remote, over one connection for as long as a command runs.

Packs are received by our own indexer where the remote speaks version 2 of git's protocol, and by `git fetch` elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from git_datmo.errors import Damaged, GitFailed
from git_datmo.flows.sharing.share import KEEP_REFS
from git_datmo.flows.workspace import Workspace
from git_datmo.git.entries import Beyond
from git_datmo.git.received import read_pack
from git_datmo.git.remote import IDS_AT_ONCE, Offer, Remote, beside, fetch_ids, probe
from git_datmo.git.run import Git
from git_datmo.git.upload import UploadPack, open_upload
from git_datmo.model import Oid
from git_datmo.progress import Progress
from git_datmo.store.receive import receive

# What a remote that filters is asked to leave out: all that a tree leads to; all blobs; all but the trees that are
# named by the one that is wanted, and itself. Some hosts refuse the last.
ALONE, TREES, TWO_LEVELS = "tree:0", "blob:none", "combine:blob:none+tree:1"


class Source:
    """A remote that gives objects; nothing is asked of it before it is needed."""

    def __init__(self, ws: Workspace, remote: Remote) -> None:
        self._ws, self._remote = ws, remote
        self._upload: UploadPack | None = None
        self._is_ours = True
        self._gives_levels = True

    def close(self) -> None:
        if self._upload is not None:
            self._upload.close()

    @property
    def filters(self) -> bool:
        """Whether it leaves out what it is asked to leave out."""
        upload = self._connect()
        return upload.filters if upload is not None else self._offer.filters

    @property
    def by_id(self) -> bool:
        """Whether it gives objects by their ids."""
        return self._connect() is not None or self._offer.version >= 2

    def fetch(self, wants: Iterable[Oid], progress: Progress, filtered: str = "") -> None:
        """Take `wants` into the store, with what they lead to unless it is `filtered`; raises `GitFailed`.

        What came before a failure stays.
        """
        wanted = list(wants)
        for start in range(0, len(wanted), IDS_AT_ONCE):
            batch = wanted[start : start + IDS_AT_ONCE]
            if filtered == TWO_LEVELS and not self._gives_levels:
                self._fetch(batch, progress, ALONE)
                continue
            try:
                self._fetch(batch, progress, filtered)
            except GitFailed as error:
                if filtered != TWO_LEVELS or "filter" not in error.stderr:
                    raise
                self._gives_levels = False
                self._fetch(batch, progress, ALONE)

    def _fetch(self, batch: list[Oid], progress: Progress, filtered: str) -> None:
        upload, store = self._connect(), self._ws.store
        try:
            if upload is not None:
                receive(store, read_pack(upload.fetch(batch, filtered), store.format, upload.close), progress)
                return
        except Beyond:
            self._is_ours = False
        except Damaged as error:
            raise GitFailed(["fetch"], 128, f"fatal: {error.what}") from error
        finally:
            if upload is not None and not upload.usable:
                upload.close()
                store.take_up()
        fetch_ids(self._git, self._remote, batch, progress, *([f"--filter={filtered}"] if filtered else []))
        store.objects.refresh()

    @cached_property
    def _git(self) -> Git:
        return beside(self._ws.store.git, self._ws.repo.config, self._remote)

    @cached_property
    def _offer(self) -> Offer:
        return probe(self._git, self._remote, f"{KEEP_REFS}*")

    def _connect(self) -> UploadPack | None:
        """A connection of our own, or None where the remote has to be left to git."""
        if self._is_ours and (self._upload is None or not self._upload.usable):
            self._upload = open_upload(self._git, self._ws.repo.config, self._remote, self._ws.store.format)
            self._is_ours = self._upload is not None
        return self._upload if self._is_ours else None


def open_source(ws: Workspace, remote: Remote) -> Source:
    """The source that a remote is, the same one each time."""
    known = ws.sources.get(remote.address)
    if known is None:
        known = ws.sources[remote.address] = Source(ws, remote)
        ws.at_end(known.close)
    return known
