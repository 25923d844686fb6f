"""Keep the documents of a repository for a server: made at their first use, and packed by gzip."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.progress import Progress
from git_datmo.records.snapshot_record import SNAPSHOT
from git_datmo.remotes.fetch_objects import fetch_objects
from git_datmo.repository.event_log_folder import configured_log
from git_datmo.repository.workspace import open_workspace
from git_datmo.secrets.secret_rules import known_secrets
from git_datmo.web.document_text import Masker, compress, encode_document
from git_datmo.web.documents_files import read_pieces
from git_datmo.web.documents_live import is_live, key_of_ended, live_document, running_document
from git_datmo.web.following import TICK, Event, Following, follow
from git_datmo.web.page_documents import LASTING, make_document
from git_datmo.web.page_state import NoDocument, PageOptions, PageState

CACHE_BYTES = 256 << 20
EVENTS = 10_000
IDLE = 5.0
"""Seconds without a request after which the repository is closed, so that `gc` need not wait."""
_NO_RUNS = b'"running":[]}'


@dataclass
class LivePages:
    """The documents of a repository. Safe to use from several threads."""

    environ: Mapping[str, str]
    folder: Path
    following: Following
    masker: Masker
    options: PageOptions = field(default_factory=PageOptions)
    _state: PageState | None = None
    _used: float = 0.0
    _packed: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _size: int = 0
    _looked: float = 0.0
    _events: list[Event] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def document(self, name: str) -> bytes:
        """Return a document as gzip; raise `DatmoError` if there is none."""
        with self._lock:
            # Without a browser that follows, a kept document could be out of date.
            if time.monotonic() - self._looked > TICK:
                self._look()
        if is_live(name):
            key = self._key_of_ended(name)
            if not key:
                return self._pack(live_document(self.following, name))
            # The address of a run leads to its experiment after its end.
            name = f"experiment/{key}"
        with self._lock:
            found = self._packed.get(name)
            if found is None:
                content = make_document(self._open(), name)
                # The list is kept unpacked, since the runs in progress are put into it at each
                # request.
                found = compress(content) if name != "experiments" else content
                self._keep(name, found)
            else:
                self._packed.move_to_end(name)
        if name != "experiments":
            return found
        running = encode_document(self.masker.clean(running_document(self.following)))
        assert found.endswith(_NO_RUNS)
        return compress(found[: -len(_NO_RUNS)] + b'"running":' + running + b"}")

    def _key_of_ended(self, name: str) -> str:
        """Return the key of the experiment that the run of this document became, or ''."""
        with self._lock:
            state = self._open()
            key = key_of_ended(state.ws, self.following, name)
            if key and key not in state.claims:
                # With many refs, a look may not have noticed the new record yet.
                self._forget()
        return key

    def _pack(self, document: dict[str, Any]) -> bytes:
        return compress(encode_document(self.masker.clean(document)))

    def _keep(self, name: str, content: bytes) -> None:
        """Keep a document, and forget those that were not asked for the longest time."""
        self._packed[name] = content
        self._size += len(content)
        while self._size > CACHE_BYTES and len(self._packed) > 1:
            _, dropped = self._packed.popitem(last=False)
            self._size -= len(dropped)

    def file(self, oid: str) -> bytes:
        """Return a stored file; raise `DatmoError` if it is not here."""
        with self._lock:
            return b"".join(read_pieces(self._open(), oid))

    def _open(self) -> PageState:
        """Return the state of the repository, opened again if it was closed."""
        self._used = time.monotonic()
        if self._state is None:
            self._state = PageState(open_workspace(self.environ, self.folder), self.options)
        return self._state

    def look(self) -> list[Event]:
        """Return what changed since the last call; forget the documents that it concerns."""
        with self._lock:
            self._look()
            if self._state is not None and time.monotonic() - self._used > IDLE:
                self._close()
            events, self._events = self._events, []
        return [self.masker.clean(event) for event in events]

    def _look(self) -> None:
        """Look at the repository, and keep the events for the next call of `look`."""
        self._looked = time.monotonic()
        events = self.following.look()
        if any("feedback" in event.get("changed", ()) for event in events):
            self._forget()
        # Without a browser that follows, nobody calls for the events.
        self._events = [*self._events, *events][-EVENTS:]

    def _forget(self) -> None:
        """Forget all documents that do not follow from the id in their name alone."""
        self._close()
        for name in list(self._packed):
            if name.partition("/")[0] not in LASTING:
                self._size -= len(self._packed.pop(name))

    def _close(self) -> None:
        if self._state is not None:
            self._state.ws.close()
            self._state = None

    @property
    def is_open(self) -> bool:
        """Return True while the repository is open."""
        return self._state is not None

    def close(self) -> None:
        """Close the repository."""
        with self._lock:
            self._close()

    def fetch(self, oid: str, progress: Progress) -> None:
        """Fetch a content that an experiment of the page has; raise `DatmoError` for any other."""
        with self._lock:
            node, size = self._wanted(self._open(), oid)
        with open_workspace(self.environ, self.folder) as ws:
            # In a workspace of its own, so that a long fetch does not hold the lock.
            missing = fetch_objects(ws, [node], size=size, progress=progress)
        with self._lock:
            self._forget()
        if missing:
            raise DatmoError(
                f"{len(missing.all)} of its objects are on no remote",
                "ask the person who made it to run 'git push'",
            )

    def _wanted(self, state: PageState, oid: str) -> tuple[Node, int]:
        """Return the node and size of a content that a record names."""
        for found in state.history.read_each(state.columns.claims):
            for kept in SNAPSHOT.objects(found.snapshot):
                if str(kept.content.object) == oid:
                    return root_node(kept.content), kept.content.size
        raise NoDocument("no experiment of this page has this content", "reload the page")


def open_pages(
    environ: Mapping[str, str], folder: Path, options: PageOptions | None = None
) -> LivePages:
    """Return the documents of the repository around a folder; by default of all experiments."""
    with open_workspace(environ, folder) as ws:
        masker = Masker(known_secrets(environ))
        chosen = replace(options or PageOptions(), event_log=configured_log(ws))
        return LivePages(environ, folder, follow(ws), masker, chosen)
