"""Read and write the packs and indexes of a storage backend.

Objects are uploaded after all objects that they name. So a reader that finds a tree need not check
the objects below it. A snapshot is complete if all objects that it names directly are present.
"""

from __future__ import annotations

import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from git_datmo import fsio
from git_datmo.backends.file_backend import NAME, Files, Range
from git_datmo.backends.pack_directory import Directory
from git_datmo.errors import Damaged
from git_datmo.git.deflate import BrokenStream, inflate
from git_datmo.git.entry_header import KINDS, parse_head
from git_datmo.git.pack_file import Pack
from git_datmo.git.pack_writer import PackEntry, PackLimits, write_packs
from git_datmo.model import ObjectFormat, Oid
from git_datmo.progress import QUIET, Progress

# An upload is split into packs, so that an interrupted upload continues after its last complete
# pack. A pack has 1/PARTS of the upload, within these limits.
PARTS = 32
LEAST, MOST = 4 << 20, 128 << 20
OBJECTS = 50_000
# Maximum gap in bytes between two entries that are read in a single request; a second request would
# cost more.
GAP = 8 << 10
# Maximum number of bytes read at once and held in memory.
AT_ONCE = 32 << 20


@dataclass(frozen=True, slots=True)
class _WantedPack:
    """Entry of a pack: its object id, its byte range, and its CRC-32."""

    oid: Oid
    range: Range
    crc: int


class PackBackend:
    """Packs of a backend at the last refresh. `cache` is the local folder for its indexes."""

    def __init__(self, files: Files, form: ObjectFormat, cache: Path) -> None:
        self.files = files
        self.format = form
        self._cache = cache
        self._packs: dict[str, Pack] = {}
        self._sizes: dict[str, int] = {}
        self._ends: dict[str, array[int]] = {}
        self._directory = Directory(())

    @property
    def url(self) -> str:
        """Return the URL of the backend, without passwords."""
        return self.files.url

    def close(self) -> None:
        """Close all packs and forget them."""
        for pack in self._packs.values():
            pack.close()
        self._packs.clear()
        self._directory = Directory(())

    def refresh(self, progress: Progress = QUIET) -> None:
        """List the backend's packs and download new indexes.

        Cached indexes of packs that are gone are deleted.
        """
        listed = self.files.list()
        # A pack counts only with its index, which is uploaded after it.
        stems = {
            name[: -len(".idx")]
            for name in listed
            if name.endswith(".idx") and f"{name[:-4]}.pack" in listed
        }
        self._sizes = {stem: listed[f"{stem}.pack"] for stem in stems}
        for stem in self._packs.keys() - stems:
            self._packs.pop(stem).close()
            (self._cache / f"{stem}.idx").unlink(missing_ok=True)
        news = sorted(
            stem
            for stem in stems - self._packs.keys()
            if not (self._cache / f"{stem}.idx").exists()
        )
        self._read_indexes(
            [Range(f"{stem}.idx", 0, listed[f"{stem}.idx"]) for stem in news], progress
        )
        for stem in sorted(stems - self._packs.keys()):
            self._open(stem)
        # The sizes of packs were read again, so the cached ends may be wrong.
        self._ends.clear()
        self._directory = Directory(list(self._packs.values()))

    def _read_indexes(self, ranges: Sequence[Range], progress: Progress) -> None:
        """Download indexes to the cache."""
        progress.begin("Reading indexes", sum(part.end for part in ranges))
        for group in _grouped(ranges):
            for part, data in zip(group, self.files.read(group), strict=True):
                progress.advance(len(data))
                # Ignore an index that is truncated or does not belong to its pack.
                if _is_index(data, part.name, self.format):
                    fsio.write_file(self._cache / part.name, data)
        progress.finish()

    def _open(self, stem: str) -> None:
        """Open a cached index.

        A damaged index is deleted from the cache. A pack file that ends before its last entry is
        ignored.
        """
        path = self._cache / f"{stem}.idx"
        if not path.exists():
            return
        try:
            pack = Pack(path, self.format)
        except Damaged:
            path.unlink()
            return
        last = max(map(pack.offset, range(pack.count)), default=0)
        if last + self.format.size < self._sizes[stem]:
            self._packs[stem] = pack
        else:
            pack.close()

    def __contains__(self, oid: object) -> bool:
        """Return True if the backend had the object at the last refresh."""
        return isinstance(oid, bytes) and next(self._directory.find(oid), None) is not None

    def put(self, entries: Iterable[PackEntry], size: int, progress: Progress) -> None:
        """Upload entries with a total of `size` bytes.

        Each entry must come after all entries that it names.
        """
        limits = PackLimits(OBJECTS, min(max(size // PARTS, LEAST), MOST))
        with tempfile.TemporaryDirectory(prefix="git-datmo-") as folder:
            progress.begin("Uploading", size)
            for pack in write_packs(Path(folder), self.format, entries, limits):
                # Upload the index last, since readers take it as proof of a complete pack.
                for path in (pack, pack.with_suffix(".idx")):
                    self.files.put(path, progress if path is pack else QUIET)
                    path.unlink()
            # The list comes last, so that it names no file that is not there.
            self.files.publish()
            progress.finish()

    def fetch(self, oids: Iterable[Oid], progress: Progress) -> Iterator[PackEntry]:
        """Yield the entries of those objects that the backend has, in pack order.

        Each entry is verified against its id. Raises `Damaged` if the check fails.
        """
        wanted = sorted(
            filter(None, map(self._locate, oids)),
            key=lambda each: (each.range.name, each.range.start),
        )
        progress.begin("Downloading", sum(each.range.end - each.range.start for each in wanted))
        joined = [_span(group) for group in _joined(wanted)]
        place = iter(wanted)
        for spans in _grouped(joined):
            for span, data in zip(spans, self.files.read(spans), strict=True):
                start = span.start
                while start < span.end:
                    each = next(place)
                    raw = data[each.range.start - span.start : each.range.end - span.start]
                    progress.advance(len(raw))
                    yield self._check(each, raw)
                    start = each.range.end
        progress.finish()

    def _locate(self, oid: Oid) -> _WantedPack | None:
        """Return the pack, byte range and checksum of an object.

        Return None if the backend does not have it.
        """
        for pack, place in self._directory.find(oid):
            stem, start = pack.path.stem, pack.offset(place)
            ends = self._ends.get(stem)
            if ends is None:
                ends = array("Q", sorted(map(pack.offset, range(pack.count))))
                ends.append(self._sizes[stem] - self.format.size)
                self._ends[stem] = ends
            # An index has no lengths: an entry ends where the next one begins.
            end = ends[bisect_right(ends, start)]
            return _WantedPack(oid, Range(f"{stem}.pack", start, end), pack.crc(place))
        return None

    def _check(self, wanted: _WantedPack, raw: bytes) -> PackEntry:
        """Return the entry in `raw`.

        Raises `Damaged` unless its content matches the id and its bytes the CRC-32.
        """
        try:
            head = parse_head(raw, 0, self.format.size)
            content = inflate(memoryview(raw)[head.stream :], head.size, alone=True)
        except (IndexError, BrokenStream) as error:
            raise self._damaged(wanted) from error
        kind = KINDS.get(head.type)
        if (
            kind is None
            or self.format.hash(kind, content) != wanted.oid
            # The entry is stored as it is, so its own bytes are checked too.
            or crc32(raw) != wanted.crc
        ):
            raise self._damaged(wanted)
        return PackEntry(wanted.oid, (raw,), len(raw), wanted.crc)

    def _damaged(self, wanted: _WantedPack) -> Damaged:
        """Return the error for a damaged entry."""
        where = f"'{wanted.range.name}' at '{self.url}' is damaged near byte {wanted.range.start}"
        return Damaged(
            where,
            "remove it and its '.idx' there, then ask a person who has the data to run 'git datmo"
            " push --store'",
        )


def _is_index(data: bytes, name: str, form: ObjectFormat) -> bool:
    """Return True if `data` is a complete, valid index of the pack that `name` names."""
    width = form.size
    body, pack = data[:-width], data[-2 * width : -width]
    return (
        bool(NAME.match(name))
        and name == f"pack-{pack.hex()}.idx"
        and form.new_hash(body).digest() == data[-width:]
    )


def _joined(wanted: Iterable[_WantedPack]) -> Iterator[list[_WantedPack]]:
    """Yield groups of sorted entries that are close enough for a single request."""
    group: list[_WantedPack] = []
    for each in wanted:
        near = (
            group
            and each.range.name == group[-1].range.name
            and each.range.start - group[-1].range.end <= GAP
        )
        if group and (not near or each.range.end - group[0].range.start > AT_ONCE):
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def _span(group: Sequence[_WantedPack]) -> Range:
    """Return the byte range of a group of entries."""
    return Range(group[0].range.name, group[0].range.start, group[-1].range.end)


def _grouped(ranges: Iterable[Range]) -> Iterator[list[Range]]:
    """Yield groups of ranges that fit into memory together."""
    group: list[Range] = []
    size = 0
    for part in ranges:
        if group and size + part.end - part.start > AT_ONCE:
            yield group
            group, size = [], 0
        group.append(part)
        size += part.end - part.start
    if group:
        yield group
