"""Packs and their indexes in a place: what it holds, what it is given, what is taken out of it.

All that an object names is in the place before the object is. So who finds a tree there need not look below it, and a
snapshot is there whole when all that it names itself is.
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
from git_datmo.errors import Damaged
from git_datmo.git.deflate import BrokenStream, inflate
from git_datmo.git.packs import KINDS, Pack, parse_head
from git_datmo.git.packwriter import Limits, PackEntry, write_packs
from git_datmo.model import ObjectFormat, Oid
from git_datmo.places.directory import Directory
from git_datmo.places.files import NAME, Files, Range
from git_datmo.progress import QUIET, Progress

# A share that was cut off goes on behind the packs that are there: each is a small part of it, within these bounds.
PARTS = 32
LEAST, MOST = 4 << 20, 128 << 20
OBJECTS = 50_000
# What lies between two entries that are wanted is read along where a request would cost more.
GAP = 8 << 10
# How much is read at once, and held in memory.
AT_ONCE = 32 << 20


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An entry of a pack: its object, the range of bytes where it stands, and their checksum."""

    oid: Oid
    range: Range
    crc: int


class PackPlace:
    """A place as it was when it was last looked at; `cache` is the folder that keeps its indexes here."""

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
        return self.files.url

    def close(self) -> None:
        for pack in self._packs.values():
            pack.close()
        self._packs.clear()
        self._directory = Directory(())

    def refresh(self, progress: Progress = QUIET) -> None:
        """Find out what is there now, reading the indexes that are news."""
        listed = self.files.list()
        stems = {name[: -len(".idx")] for name in listed if name.endswith(".idx") and f"{name[:-4]}.pack" in listed}
        self._sizes = {stem: listed[f"{stem}.pack"] for stem in stems}
        for stem in self._packs.keys() - stems:
            self._packs.pop(stem).close()
            (self._cache / f"{stem}.idx").unlink(missing_ok=True)
        news = sorted(stem for stem in stems - self._packs.keys() if not (self._cache / f"{stem}.idx").exists())
        self._read_indexes([Range(f"{stem}.idx", 0, listed[f"{stem}.idx"]) for stem in news], progress)
        for stem in sorted(stems - self._packs.keys()):
            self._open(stem)
        self._ends.clear()
        self._directory = Directory(list(self._packs.values()))

    def _read_indexes(self, ranges: Sequence[Range], progress: Progress) -> None:
        progress.begin("Reading indexes", sum(part.end for part in ranges))
        for group in _grouped(ranges):
            for part, data in zip(group, self.files.read(group), strict=True):
                progress.advance(len(data))
                # One that is cut off or is not its pack's counts as one that is not there.
                if _is_index(data, part.name, self.format):
                    fsio.write_file(self._cache / part.name, data)
        progress.finish()

    def _open(self, stem: str) -> None:
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
        return isinstance(oid, bytes) and next(self._directory.find(oid), None) is not None

    def put(self, entries: Iterable[PackEntry], size: int, progress: Progress) -> None:
        """Add entries of `size` bytes in all; each comes behind all that it names."""
        limits = Limits(OBJECTS, min(max(size // PARTS, LEAST), MOST))
        with tempfile.TemporaryDirectory(prefix="git-datmo-") as folder:
            progress.begin("Uploading", size)
            for pack in write_packs(Path(folder), self.format, entries, limits):
                # The index says that its pack is there.
                for path in (pack, pack.with_suffix(".idx")):
                    self.files.put(path, progress if path is pack else QUIET)
                    path.unlink()
            self.files.publish()
            progress.finish()

    def fetch(self, oids: Iterable[Oid], progress: Progress) -> Iterator[PackEntry]:
        """Those of the objects that are there, each held against its id; raises `Damaged` for one that is another."""
        wanted = sorted(filter(None, map(self._locate, oids)), key=lambda each: (each.range.name, each.range.start))
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

    def _locate(self, oid: Oid) -> _Wanted | None:
        for pack, place in self._directory.find(oid):
            stem, start = pack.path.stem, pack.offset(place)
            ends = self._ends.get(stem)
            if ends is None:
                ends = array("Q", sorted(map(pack.offset, range(pack.count))))
                ends.append(self._sizes[stem] - self.format.size)
                self._ends[stem] = ends
            end = ends[bisect_right(ends, start)]
            return _Wanted(oid, Range(f"{stem}.pack", start, end), pack.crc(place))
        return None

    def _check(self, wanted: _Wanted, raw: bytes) -> PackEntry:
        """The entry that these bytes are; nothing in it is taken on trust."""
        try:
            head = parse_head(raw, 0, self.format.size)
            content = inflate(memoryview(raw)[head.stream :], head.size, alone=True)
        except (IndexError, BrokenStream) as error:
            raise self._damaged(wanted) from error
        kind = KINDS.get(head.type)
        if kind is None or self.format.hash(kind, content) != wanted.oid or crc32(raw) != wanted.crc:
            raise self._damaged(wanted)
        return PackEntry(wanted.oid, (raw,), len(raw), wanted.crc)

    def _damaged(self, wanted: _Wanted) -> Damaged:
        where = f"'{wanted.range.name}' at '{self.url}' is damaged near byte {wanted.range.start}"
        return Damaged(where, "remove it and its '.idx' there, then let somebody who has the data push again")


def _is_index(data: bytes, name: str, form: ObjectFormat) -> bool:
    """Return whether `data` is a whole index, and that of the pack that `name` says."""
    width = form.size
    body, pack = data[:-width], data[-2 * width : -width]
    return bool(NAME.match(name)) and name == f"pack-{pack.hex()}.idx" and form.new_hash(body).digest() == data[-width:]


def _joined(wanted: Iterable[_Wanted]) -> Iterator[list[_Wanted]]:
    """Entries, which come in order, in groups that stand close enough to be read at once."""
    group: list[_Wanted] = []
    for each in wanted:
        near = group and each.range.name == group[-1].range.name and each.range.start - group[-1].range.end <= GAP
        if group and (not near or each.range.end - group[0].range.start > AT_ONCE):
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def _span(group: Sequence[_Wanted]) -> Range:
    return Range(group[0].range.name, group[0].range.start, group[-1].range.end)


def _grouped(ranges: Iterable[Range]) -> Iterator[list[Range]]:
    """Ranges in groups that memory has room for."""
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
