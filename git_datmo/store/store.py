"""The store: a bare repository beside the code's own, which holds every payload as plain git objects.

It may lack what a remote has, as git's partial clones may; nothing in it is ever collected behind our back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.git.deflate import deflate
from git_datmo.git.objects import Entry, parse_tree
from git_datmo.git.packs import PackedObjects
from git_datmo.git.packwriter import PackEntry, PackWriter, make_entry
from git_datmo.git.run import Git
from git_datmo.model import ObjectFormat, Oid

# Settings under which git leaves the store's packs as they are (git-config; `pack.window=0` stops the search for
# deltas, `pack.useSparse=false` lets a push leave out objects wherever they stood before).
SETTINGS = {
    "gc.auto": "0",
    "maintenance.auto": "false",
    "pack.window": "0",
    "pack.useSparse": "false",
    "fetch.unpackLimit": "1",
    "transfer.unpackLimit": "1",
    "repack.writeBitmaps": "false",
    "core.looseCompression": "1",
    "fetch.writeCommitGraph": "false",
    "fetch.fsckObjects": "false",
    "push.followTags": "false",
    "push.gpgSign": "false",
    "push.recurseSubmodules": "no",
    "fetch.recurseSubmodules": "no",
    "advice.pushUpdateRejected": "false",
}

# A pack is closed at either limit, so that memory for its index stays bounded.
PACK_OBJECTS = 200_000
PACK_BYTES = 16 << 30


def store_path(common_dir: Path) -> Path:
    return common_dir / "datmo" / "store.git"


def create_store(git: Git, path: Path, form: ObjectFormat) -> None:
    """Make the store, or bring the settings of an existing one up to date."""
    if not (path / "HEAD").exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        bare = Git(git.environ)
        bare.run("init", "-q", "--bare", f"--object-format={form.name}", "--template=", "--", str(path))
    own = Git(git.environ, path)
    have = own.text("config", "--local", "--list", "-z").split("\0")
    for key, value in SETTINGS.items():
        if f"{key.lower()}\n{value}" not in have:
            own.run("config", key, value)


class Store:
    """Reads and writes the objects of one store."""

    def __init__(self, git: Git, path: Path, form: ObjectFormat) -> None:
        if not (path / "HEAD").exists():
            raise DatmoError("this repository has no datmo store yet", "make it with 'git datmo init'")
        self.path = path
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

    @property
    def empty_tree(self) -> Oid:
        return self.format.hash("tree", b"")

    @contextmanager
    def writer(self) -> Iterator[StoreWriter]:
        """Collects new objects in packs; they appear when the block ends well."""
        writer = StoreWriter(self)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


class StoreWriter:
    """Adds objects to packs, each once; `written` counts the bytes of packs that the store lacked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pack: PackWriter | None = None
        self._new: set[bytes] = set()
        self.written = 0

    def knows(self, oid: Oid) -> bool:
        return oid in self._new or oid in self._store.objects

    def add(self, entry: PackEntry) -> None:
        if entry.oid in self._new:
            return
        if self._pack is None:
            self._pack = PackWriter(self._store.objects.folder / "pack", self._store.format)
        self._pack.add(entry)
        self._new.add(entry.oid)
        self.written += entry.length
        if len(self._pack) >= PACK_OBJECTS or self._pack.size >= PACK_BYTES:
            self._close_pack()

    def put(self, kind: str, content: bytes | memoryview) -> Oid:
        oid = self._store.format.hash(kind, content)
        if not self.knows(oid):
            self.add(make_entry(oid, kind, len(content), deflate(content)))
        return oid

    def put_tree(self, content: bytes) -> Oid:
        return self.put("tree", content)

    def _close_pack(self) -> None:
        if self._pack is None:
            return
        with self._pack as pack:
            pack.finish()
        self._pack = None
        self._store.objects.refresh()
        self._new.clear()

    def finish(self) -> None:
        self._close_pack()

    def close(self) -> None:
        if self._pack is not None:
            self._pack.__exit__()
            self._pack = None


class HashOnly(StoreWriter):
    """A writer that only finds out what the ids would be."""

    def knows(self, oid: Oid) -> bool:  # noqa: ARG002
        return True
