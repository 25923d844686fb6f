"""Read and write the store: a bare repository next to the code repository.

The store holds every payload as plain git objects. Like a partial clone, it may be missing objects
that a remote has. git never removes objects from it by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import Incomplete
from git_datmo.git.command import Git
from git_datmo.git.deflate import deflate
from git_datmo.git.object_database import write_loose
from git_datmo.git.object_encoding import TreeEntry, parse_tree
from git_datmo.git.pack_writer import PackEntry, PackLimits, PackWriter, make_entry
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.git.partial_pack import finish_partial
from git_datmo.model import ObjectFormat, Oid
from git_datmo.objects.store_location import check_store

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

# A pack is closed at either limit, so that memory for its index stays bounded.
PACK_OBJECTS = 200_000
PACK_BYTES = 16 << 30
# A thread hashes and syncs a closed pack while the next is filled, so the last pack should be the
# smallest. But few packs are better than many.
PACK_LEAST = 128 << 20
# Share of the expected bytes that go into packs with a predetermined object count. It is below 1,
# since a pack must receive exactly that many objects.
PACK_SHARE = 0.7
PACK_COUNTED = 24 << 20
# Maximum size of a tree: 512 entries with the longest names that a file system has fit.
TREE_LIMIT = 4 << 20


class Store:
    """Object store for reading and writing."""

    def __init__(self, git: Git, path: Path, form: ObjectFormat) -> None:
        self.path = check_store(path)
        self.git = Git(git.environ, path)
        self.format = form
        self.objects = PackedObjects(path / "objects", form)

    def close(self) -> None:
        """Close all packs."""
        self.objects.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, oid: Oid) -> bool:
        """Return True if the store has an object. Every store has the empty tree, as in git."""
        return oid in self.objects or oid == self.empty_tree

    def read(self, oid: Oid, kind: str, limit: int | None = None) -> bytes:
        """Return the content of an object.

        Raises `Incomplete` if the store has no object `oid` of this kind, `Damaged` if it has more
        than `limit` bytes.
        """
        found = self.objects.find(oid, limit)
        # Another process may have written a pack since the folder was listed.
        if found is None:
            self.objects.refresh()
            found = self.objects.find(oid, limit)
        if found is None or found[0] != kind:
            raise Incomplete(
                f"{kind} '{oid}' is missing from the store",
                "get it with 'git datmo checkout'",
                missing=[str(oid)],
            )
        return found[1]

    def read_into(self, oid: Oid, memory: memoryview) -> list[tuple[int, int]]:
        """Read a chunk into `memory`.

        Return the (start, end) ranges of its content, in order. Raises `Incomplete` if the chunk is
        missing.
        """
        places = self.objects.blob_into(oid, memory)
        if places is None:
            # Raises the error, unless the object has arrived since.
            self.read(oid, "blob")
            places = self.objects.blob_into(oid, memory)
            assert places is not None
        return places

    def size(self, oid: Oid) -> int:
        """Return the length of an object in bytes.

        Raises `Incomplete` if the object is missing.
        """
        size = self.objects.size(oid)
        if size is None:
            raise Incomplete(
                f"object '{oid}' is missing from the store",
                "get it with 'git datmo checkout'",
                missing=[str(oid)],
            )
        return size

    def read_tree(self, oid: Oid) -> Iterator[TreeEntry]:
        """Return an iterator over the entries of a tree.

        Raises `Incomplete` if the tree is missing, `Damaged` if it is larger than any writer makes
        one. The empty tree is never stored.
        """
        if oid == self.empty_tree:
            return iter(())
        return parse_tree(self.read(oid, "tree", TREE_LIMIT), self.format)

    def write_loose(self, kind: str, content: bytes) -> Oid:
        """Write a small object as a loose object and return its id."""
        return write_loose(self.objects.folder, self.format, kind, content)

    def take_up(self) -> bool:
        """Add the objects that an interrupted fetch left in a partial pack.

        Return True if it had any objects.
        """
        count = finish_partial(self.objects.folder / "pack", self.format)
        if count:
            self.objects.refresh()
        return bool(count)

    @property
    def empty_tree(self) -> Oid:
        """Return the id of the empty tree."""
        return self.format.hash("tree", b"")

    @contextmanager
    def writer(self, *, received: bool = False) -> Iterator[StoreWriter]:
        """Return a context manager for a `StoreWriter`.

        Its packs are finished when the block ends. If the block raises, the unfinished pack is
        discarded. With `received`, the objects come from a remote: they may name objects that only
        the remote has, and they survive a failed block.
        """
        writer = StoreWriter(self, received=received)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


class StoreWriter:
    """Writer that adds each object to a pack once.

    `written` counts the bytes that it added. A thread hashes the written bytes. It also finishes a
    full pack while the next pack is filled.
    """

    def __init__(self, store: Store, *, received: bool = False) -> None:
        self._store = store
        self._received = received
        self._pack: PackWriter | None = None
        self._limit = PackLimits(PACK_OBJECTS, PACK_BYTES)
        self._expected = 0
        self._mean = 1.0
        self._behind: ThreadPoolExecutor | None = None
        self._hashing: Future[None] | None = None
        self._closing: Future[None] | None = None
        # Objects in packs that cannot be read yet: `_filled` for the open pack, `_finished` for the
        # pack that the thread finishes.
        self._filled: set[bytes] = set()
        self._finished: set[bytes] = set()
        self.written = 0

    def expect(self, count: int, size: int) -> None:
        """Prepare for about `count` more objects with `size` bytes in total.

        The estimate assumes that none of them is stored yet.
        """
        self._expected, self._mean = self.written + size, size / count

    def is_filling(self, oid: Oid) -> bool:
        """Return True if an object is in a pack that cannot be read yet."""
        return oid in self._filled or oid in self._finished

    def knows(self, oid: Oid) -> bool:
        """Return True if an object is stored or in an unfinished pack."""
        return oid in self._filled or oid in self._finished or oid in self._store.objects

    def add(self, entry: PackEntry) -> None:
        """Add an entry to the open pack unless an unfinished pack has it.

        Packs are started and closed as needed.
        """
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
        """Write the added entries, and return a future or None.

        The memory of the entries may be reused when the future is done.
        """
        if self._pack is not None:
            # A pack without a thread is written already. But an earlier, closed pack may still be
            # hashed.
            self._hashing = self._pack.flush() or self._hashing
        return self._hashing

    def _begin_pack(self) -> PackWriter:
        """Start a pack with limits that follow from the expected bytes.

        Only a pack with a known object count is hashed by the thread while it is filled.
        """
        folder, form = self._store.objects.folder / "pack", self._store.format
        if self._received:
            # The number of objects that are stored is unknown: commits and known objects are left
            # out.
            self._limit = PackLimits(PACK_OBJECTS, PACK_BYTES)
            return PackWriter(folder, form, partial=True)
        share = PACK_SHARE * min(self._expected - self.written, PACK_BYTES)
        if share < PACK_COUNTED:
            # Each pack is as large as all before it, so there are few of them.
            self._limit = PackLimits(PACK_OBJECTS, min(max(PACK_LEAST, self.written), PACK_BYTES))
            return PackWriter(folder, form)
        self._limit = PackLimits(min(int(share / self._mean), PACK_OBJECTS), PACK_BYTES)
        return PackWriter(folder, form, count=self._limit.objects, behind=self._thread())

    def _thread(self) -> ThreadPoolExecutor:
        """Return the single background thread; start it if necessary."""
        from concurrent.futures import ThreadPoolExecutor

        if self._behind is None:
            self._behind = ThreadPoolExecutor(1, thread_name_prefix="behind")
        return self._behind

    def put(self, kind: str, content: bytes | memoryview) -> Oid:
        """Add an object unless it is known, and return its id."""
        oid = self._store.format.hash(kind, content)
        if not self.knows(oid):
            self.add(make_entry(oid, kind, len(content), deflate(content)))
        return oid

    def put_tree(self, content: bytes) -> Oid:
        """Add a tree and return its id."""
        return self.put("tree", content)

    def _close_pack(self) -> None:
        """Let the thread finish the open pack, after the previous pack is finished."""
        # One pack is finished at a time, so that the sets of ids stay bounded.
        self._await_closing()
        if self._pack is None:
            return
        self.flush()
        self._closing, self._pack = (
            self._thread().submit(_finish, self._pack, promisor=self._received),
            None,
        )
        self._finished, self._filled = self._filled, set()

    def _await_closing(self) -> None:
        """Wait until the pack that is being finished is readable."""
        if self._closing is not None:
            closing, self._closing = self._closing, None
            closing.result()
            # The ids are forgotten only after the pack can be read, so `knows` has no gap.
            self._store.objects.refresh()
            self._finished = set()

    def settle(self) -> None:
        """Wait for the thread's work and end the thread. Required before a fork."""
        if self._behind is not None:
            behind, self._behind = self._behind, None
            behind.shutdown(wait=True)
        self._await_closing()

    def finish(self) -> None:
        """Finish all packs, so that their objects can be read."""
        self._close_pack()
        self.settle()

    def close(self) -> None:
        """End the thread and close the unfinished pack.

        It is discarded unless its objects are `received`.
        """
        if self._behind is not None:
            # The thread may still read the pack's memory.
            self._behind.shutdown(wait=True)
        if self._pack is not None:
            self._pack.__exit__()
            self._pack = None


def _finish(pack: PackWriter, *, promisor: bool) -> None:
    """Finish a pack and close it."""
    with pack:
        pack.finish(promisor=promisor)


class HashOnly(StoreWriter):
    """Writer that computes ids but stores nothing."""

    def knows(self, oid: Oid) -> bool:  # noqa: ARG002
        """Return True, so that no object is added."""
        return True
