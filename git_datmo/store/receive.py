"""From a pack that a remote sends to packs of the store: every id is computed here, and nothing stays a delta.

What is whole when the connection breaks, or the process dies, is kept.
"""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.errors import Damaged
from git_datmo.git.deflate import deflate
from git_datmo.git.entries import OBJECT_LIMIT, Beyond, Entry
from git_datmo.git.packs import apply_delta
from git_datmo.git.packwriter import PackEntry, make_entry
from git_datmo.git.partial import received
from git_datmo.model import Oid
from git_datmo.progress import Progress
from git_datmo.store.store import Store, StoreWriter

# Content that is kept at hand, since the deltas that follow are mostly to what came just before.
RECENT = 32 << 20
# Deltas that came before their base.
WAITING = 64 << 20


def receive(store: Store, entries: Iterable[Entry], progress: Progress) -> None:
    """Put what comes into the store; raises `Damaged` where it is not whole and of one piece."""
    with store.writer(received=True) as writer:
        taker = _Taker(store, writer, progress)
        for entry in entries:
            taker.take(entry)
        taker.finish()
    store.objects.refresh()


class _Taker:
    """Takes entries in any order, a delta as soon as its base is there."""

    def __init__(self, store: Store, writer: StoreWriter, progress: Progress) -> None:
        self._store, self._writer, self._progress = store, writer, progress
        self._recent: dict[Oid, tuple[str, bytes]] = {}
        self._recent_size = 0
        self._waiting: dict[Oid, list[bytes]] = {}
        self._waiting_size = 0
        # Deltas whose base has come meanwhile, with it: a list, since a chain of them may be long.
        self._ready: list[tuple[tuple[str, bytes], bytes]] = []

    def take(self, entry: Entry) -> None:
        if entry.base is None:
            self._add(received(entry, self._store.format), entry.kind, entry.content)
        elif (base := self._find(entry.base)) is not None:
            self._ready.append((base, entry.content))
        else:
            self._wait(entry.base, entry.content)
        while self._ready:
            self._put(*self._ready.pop())

    def _wait(self, base: Oid, delta: bytes) -> None:
        self._waiting.setdefault(base, []).append(delta)
        self._waiting_size += len(delta)
        if self._waiting_size > WAITING:
            raise Beyond("a pack has too many deltas before what they are to")

    def finish(self) -> None:
        if self._waiting:
            raise Damaged(f"a pack lacks '{next(iter(self._waiting))}', which a delta of it is to")

    def _put(self, base: tuple[str, bytes], delta: bytes) -> None:
        kind, content = base[0], _apply(base[1], delta)
        oid = self._store.format.hash(kind, content)
        self._add(make_entry(oid, kind, len(content), deflate(content)), kind, content)

    def _add(self, entry: PackEntry, kind: str, content: bytes) -> None:
        if kind == "commit":
            # A store has none: what stands before a commit may be absent.
            pass
        elif entry.oid in self._store.objects:
            if self._store.objects.find(entry.oid) != (kind, content):
                raise Damaged(f"what came as '{entry.oid}' is not what is here under this id")
        else:
            self._writer.add(entry)
        if kind == "blob":
            self._progress.advance(len(content))
        self._remember(entry.oid, kind, content)
        for delta in self._waiting.pop(entry.oid, ()):
            self._waiting_size -= len(delta)
            self._ready.append(((kind, content), delta))

    def _remember(self, oid: Oid, kind: str, content: bytes) -> None:
        if oid not in self._recent:
            self._recent[oid] = (kind, content)
            self._recent_size += len(content)
        while self._recent_size > RECENT:
            oldest = next(iter(self._recent))
            self._recent_size -= len(self._recent.pop(oldest)[1])

    def _find(self, oid: Oid) -> tuple[str, bytes] | None:
        """An object that has come, or was here."""
        if oid in self._recent:
            return self._recent[oid]
        if self._writer.is_filling(oid):
            self._writer.finish()
        return self._store.objects.find(oid)


def _apply(base: bytes, delta: bytes) -> bytes:
    """What a delta makes of its base, whose length and its own it begins with (gitformat-pack)."""
    _, place = _read_size(delta, 0)
    size, _ = _read_size(delta, place)
    if size > OBJECT_LIMIT:
        raise Beyond(f"an object of {size} bytes came in a pack")
    return apply_delta(base, delta)


def _read_size(delta: bytes, place: int) -> tuple[int, int]:
    """The length that stands at `place`, and the place behind it."""
    size = shift = 0
    for at in range(place, min(place + 10, len(delta))):
        size |= (delta[at] & 0x7F) << shift
        shift += 7
        if not delta[at] & 0x80:
            return size, at + 1
    raise Damaged("a delta that came in a pack has no length")
