"""The store: a bare repository beside the code's own, which holds every payload as plain git objects.

It may lack what a remote has, as git's partial clones may; nothing in it is ever collected behind our back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import Incomplete
from git_datmo.git.deflate import deflate
from git_datmo.git.objects import Entry, parse_tree
from git_datmo.git.odb import write_loose
from git_datmo.git.packs import PackedObjects
from git_datmo.git.packwriter import Limits, PackEntry, PackWriter, make_entry
from git_datmo.git.partial import finish_partial
from git_datmo.git.run import Git
from git_datmo.model import ObjectFormat, Oid
from git_datmo.store.place import check_store

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

# A pack is closed at either limit, so that memory for its index stays bounded.
PACK_OBJECTS = 200_000
PACK_BYTES = 16 << 30
# One that is closed is hashed and synced while the next is filled, so the last should be the smallest; but few packs
# are better than many.
PACK_LEAST = 128 << 20
# How much of what is expected goes to a pack whose number of objects is set beforehand: less than all, since that many
# have to come.
PACK_SHARE = 0.7
PACK_COUNTED = 24 << 20


class Store:
    """Reads and writes the objects of one store."""

    def __init__(self, git: Git, path: Path, form: ObjectFormat) -> None:
        self.path = check_store(path)
        self.git = Git(git.environ, path)
        self.format = form
        self.objects = PackedObjects(path / "objects", form)

    def close(self) -> None:
        self.objects.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, oid: Oid) -> bool:
        return oid in self.objects

    def read(self, oid: Oid, kind: str) -> bytes:
        """An object's content; raises `Incomplete` when the store lacks it."""
        found = self.objects.find(oid)
        if found is None:
            self.objects.refresh()
            found = self.objects.find(oid)
        if found is None or found[0] != kind:
            raise Incomplete(f"the store lacks {kind} '{oid}'", "get it with 'git datmo checkout'", missing=[str(oid)])
        return found[1]

    def read_into(self, oid: Oid, memory: memoryview) -> list[tuple[int, int]]:
        """Put a chunk into `memory`; returns where it stands. Raises `Incomplete` when the store lacks it."""
        places = self.objects.blob_into(oid, memory)
        if places is None:
            # This says what is wrong, unless the object came since.
            self.read(oid, "blob")
            places = self.objects.blob_into(oid, memory)
            assert places is not None
        return places

    def size(self, oid: Oid) -> int:
        """An object's length in bytes; raises `Incomplete` when the store lacks it."""
        size = self.objects.size(oid)
        if size is None:
            raise Incomplete(f"the store lacks object '{oid}'", "get it with 'git datmo checkout'", missing=[str(oid)])
        return size

    def read_tree(self, oid: Oid) -> Iterator[Entry]:
        """A tree's entries; raises `Incomplete` when the store lacks it."""
        if oid == self.empty_tree:
            return iter(())
        return parse_tree(self.read(oid, "tree"), self.format)

    def write_loose(self, kind: str, content: bytes) -> Oid:
        """Add one small object by itself."""
        return write_loose(self.objects.folder, self.format, kind, content)

    def take_up(self) -> bool:
        """Take in what an earlier fetch had received when it was cut off; says whether that was anything."""
        count = finish_partial(self.objects.folder / "pack", self.format)
        if count:
            self.objects.refresh()
        return bool(count)

    @property
    def empty_tree(self) -> Oid:
        return self.format.hash("tree", b"")

    @contextmanager
    def writer(self, *, received: bool = False) -> Iterator[StoreWriter]:
        """Collects new objects in packs; they appear when the block ends well.

        Objects that are `received` may name what only a remote has, and stay when the block does not end well.
        """
        writer = StoreWriter(self, received=received)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


class StoreWriter:
    """Adds objects to packs, each once; `written` counts the bytes of packs that the store lacked.

    A thread hashes what was written, and finishes a pack that is full while the next is filled.
    """

    def __init__(self, store: Store, *, received: bool = False) -> None:
        self._store = store
        self._received = received
        self._pack: PackWriter | None = None
        self._limit = Limits(PACK_OBJECTS, PACK_BYTES)
        self._expected = 0
        self._mean = 1.0
        self._behind: ThreadPoolExecutor | None = None
        self._hashing: Future[None] | None = None
        self._closing: Future[None] | None = None
        # What is in packs that cannot be read yet: the one that is filled, the one that is being finished.
        self._filled: set[bytes] = set()
        self._finished: set[bytes] = set()
        self.written = 0

    def expect(self, count: int, size: int) -> None:
        """Prepare for about `count` objects more, of `size` bytes in all, if nothing of them is here yet."""
        self._expected, self._mean = self.written + size, size / count

    def is_filling(self, oid: Oid) -> bool:
        """Return whether an object is in a pack that cannot be read yet."""
        return oid in self._filled or oid in self._finished

    def knows(self, oid: Oid) -> bool:
        return oid in self._filled or oid in self._finished or oid in self._store.objects

    def add(self, entry: PackEntry) -> None:
        if entry.oid in self._filled or entry.oid in self._finished:
            return
        if self._pack is None:
            self._pack = self._begin_pack()
        self._pack.add(entry)
        self._filled.add(entry.oid)
        self.written += entry.length
        if len(self._pack) >= self._limit.objects or self._pack.size >= self._limit.size:
            self._close_pack()

    def flush(self) -> Future[None] | None:
        """Write what was added, whose memory is not read any more once what is returned is done."""
        if self._pack is not None:
            # A pack that has no such thread was written already, but what was closed before it may not be hashed yet.
            self._hashing = self._pack.flush() or self._hashing
        return self._hashing

    def _begin_pack(self) -> PackWriter:
        folder, form = self._store.objects.folder / "pack", self._store.format
        if self._received:
            self._limit = Limits(PACK_OBJECTS, PACK_BYTES)
            return PackWriter(folder, form, partial=True)
        share = PACK_SHARE * min(self._expected - self.written, PACK_BYTES)
        if share < PACK_COUNTED:
            self._limit = Limits(PACK_OBJECTS, min(max(PACK_LEAST, self.written), PACK_BYTES))
            return PackWriter(folder, form)
        self._limit = Limits(min(int(share / self._mean), PACK_OBJECTS), PACK_BYTES)
        return PackWriter(folder, form, count=self._limit.objects, behind=self._thread())

    def _thread(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        if self._behind is None:
            self._behind = ThreadPoolExecutor(1, thread_name_prefix="behind")
        return self._behind

    def put(self, kind: str, content: bytes | memoryview) -> Oid:
        oid = self._store.format.hash(kind, content)
        if not self.knows(oid):
            self.add(make_entry(oid, kind, len(content), deflate(content)))
        return oid

    def put_tree(self, content: bytes) -> Oid:
        return self.put("tree", content)

    def _close_pack(self) -> None:
        self._await_closing()
        if self._pack is None:
            return
        self.flush()
        self._closing, self._pack = self._thread().submit(_finish, self._pack, promisor=self._received), None
        self._finished, self._filled = self._filled, set()

    def _await_closing(self) -> None:
        """See to the end of the pack that is being finished."""
        if self._closing is not None:
            closing, self._closing = self._closing, None
            closing.result()
            self._store.objects.refresh()
            self._finished = set()

    def settle(self) -> None:
        """See to the end of what is done on the thread, and of the thread."""
        if self._behind is not None:
            behind, self._behind = self._behind, None
            behind.shutdown(wait=True)
        self._await_closing()

    def finish(self) -> None:
        self._close_pack()
        self.settle()

    def close(self) -> None:
        if self._behind is not None:
            self._behind.shutdown(wait=True)
        if self._pack is not None:
            self._pack.__exit__()
            self._pack = None


def _finish(pack: PackWriter, *, promisor: bool) -> None:
    with pack:
        pack.finish(promisor=promisor)


class HashOnly(StoreWriter):
    """A writer that only finds out what the ids would be."""

    def knows(self, oid: Oid) -> bool:  # noqa: ARG002
        return True
