"""Store the pack that a remote sends.

Every id is computed locally, and deltas become whole objects. Complete objects are kept if the
connection breaks or the process dies.
"""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.errors import Damaged
from git_datmo.git.deflate import deflate
from git_datmo.git.deltas import apply_delta
from git_datmo.git.pack_entries import OBJECT_LIMIT, Beyond, StreamEntry
from git_datmo.git.pack_writer import PackEntry, make_entry
from git_datmo.git.partial_pack import received
from git_datmo.model import Oid
from git_datmo.objects.store import Store, StoreWriter
from git_datmo.progress import Progress

# Bytes of recent objects kept in memory, since most deltas have a recent base.
RECENT = 32 << 20
# Maximum bytes of deltas that arrive before their base.
WAITING = 64 << 20


def receive(store: Store, entries: Iterable[StreamEntry], progress: Progress) -> None:
    """Store received entries.

    Raises `Damaged` if a delta base is missing or an object differs from the stored object.
    """
    with store.writer(received=True) as writer:
        taker = _Taker(store, writer, progress)
        for entry in entries:
            taker.take(entry)
        taker.finish()
    store.objects.refresh()


class _Taker:
    """Receiver for entries in any order; a delta is applied when its base is available."""

    def __init__(self, store: Store, writer: StoreWriter, progress: Progress) -> None:
        self._store, self._writer, self._progress = store, writer, progress
        self._recent: dict[Oid, tuple[str, bytes]] = {}
        self._recent_size = 0
        self._waiting: dict[Oid, list[bytes]] = {}
        self._waiting_size = 0
        # Deltas with their available base. A list instead of recursion, since a chain of deltas may
        # be long.
        self._ready: list[tuple[tuple[str, bytes], bytes]] = []

    def take(self, entry: StreamEntry) -> None:
        """Store an entry, and all deltas that can be applied now."""
        if entry.base is None:
            self._add(received(entry, self._store.format), entry.kind, entry.content)
        elif (base := self._find(entry.base)) is not None:
            self._ready.append((base, entry.content))
        else:
            self._wait(entry.base, entry.content)
        while self._ready:
            self._put(*self._ready.pop())

    def _wait(self, base: Oid, delta: bytes) -> None:
        """Hold a delta until its base arrives. Raises `Beyond` if too many deltas wait."""
        self._waiting.setdefault(base, []).append(delta)
        self._waiting_size += len(delta)
        if self._waiting_size > WAITING:
            raise Beyond("a pack has too many deltas before their bases")

    def finish(self) -> None:
        """Raise `Damaged` if the base of a delta never arrived."""
        if self._waiting:
            raise Damaged(f"a pack is missing delta base '{next(iter(self._waiting))}'")

    def _put(self, base: tuple[str, bytes], delta: bytes) -> None:
        """Store the result of a delta."""
        kind, content = base[0], _apply(base[1], delta)
        oid = self._store.format.hash(kind, content)
        self._add(make_entry(oid, kind, len(content), deflate(content)), kind, content)

    def _add(self, entry: PackEntry, kind: str, content: bytes) -> None:
        """Store an object unless the store has it, and make the deltas ready that wait for it."""
        if kind == "commit":
            # The store has no commits, since the history before a commit may be missing.
            pass
        elif entry.oid in self._store.objects:
            # The same id with other content is damage, or an attack on SHA-1.
            if self._store.objects.find(entry.oid) != (kind, content):
                raise Damaged(
                    f"received object '{entry.oid}' differs from the local object of this id"
                )
        else:
            self._writer.add(entry)
        if kind == "blob":
            self._progress.advance(len(content))
        self._remember(entry.oid, kind, content)
        for delta in self._waiting.pop(entry.oid, ()):
            self._waiting_size -= len(delta)
            self._ready.append(((kind, content), delta))

    def _remember(self, oid: Oid, kind: str, content: bytes) -> None:
        """Keep an object in memory as a possible delta base; drop the oldest objects."""
        if oid not in self._recent:
            self._recent[oid] = (kind, content)
            self._recent_size += len(content)
        while self._recent_size > RECENT:
            oldest = next(iter(self._recent))
            self._recent_size -= len(self._recent.pop(oldest)[1])

    def _find(self, oid: Oid) -> tuple[str, bytes] | None:
        """Return the kind and content of a received or stored object, or None."""
        if oid in self._recent:
            return self._recent[oid]
        if self._writer.is_filling(oid):
            # An object in an unfinished pack cannot be read, so the pack is finished early.
            self._writer.finish()
        return self._store.objects.find(oid)


def _apply(base: bytes, delta: bytes) -> bytes:
    """Return the result of a delta.

    Its header has the sizes of base and result (gitformat-pack). Raises `Beyond` if the result is
    larger than `OBJECT_LIMIT`.
    """
    _, offset = _read_size(delta, 0)
    size, _ = _read_size(delta, offset)
    if size > OBJECT_LIMIT:
        raise Beyond(f"an object of {size} bytes came in a pack")
    return apply_delta(base, delta)


def _read_size(delta: bytes, offset: int) -> tuple[int, int]:
    """Return the size encoded at offset `offset`, and the offset after it."""
    size = shift = 0
    # A size of 64 bits takes at most 10 bytes.
    for at in range(offset, min(offset + 10, len(delta))):
        size |= (delta[at] & 0x7F) << shift
        shift += 7
        if not delta[at] & 0x80:
            return size, at + 1
    raise Damaged("a received delta has no length")
