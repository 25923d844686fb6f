"""Cache the text that `log` renders for each record, so that a long history need not be read
again."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from git_datmo import fsio
from git_datmo.records.snapshot_record import Snapshot

# A separator that no text contains, since no terminal could show it.
_END = b"\0"


class TextFormat(NamedTuple):
    """A way to render a snapshot as text.

    `name` changes whenever `tell` renders the same snapshot differently.
    """

    name: str
    tell: Callable[[Snapshot], str]


class RenderCache:
    """Rendered texts of one format by record id, in one append-only file.

    Records never change, so no entry becomes stale. Each entry has a checksum. The file may be
    deleted, damaged or cut off at any time.
    """

    def __init__(self, folder: Path, style: TextFormat) -> None:
        self._path = folder / style.name

    @cached_property
    def texts(self) -> dict[str, str]:
        """Return all entries that are whole."""
        try:
            return dict(_texts(self._path.read_bytes().split(_END)))
        except OSError:
            return {}

    def add(self, texts: Mapping[str, str]) -> None:
        """Append entries. If the disk refuses them, they are rendered again next time."""
        self.texts.update(texts)
        entries = b"".join(_entry(record, text.encode()) for record, text in texts.items())
        with contextlib.suppress(OSError):
            if entries:
                self._append(entries)

    def _append(self, entries: bytes) -> None:
        # This ends an entry that was cut off before.
        fsio.append(self._path, _END + entries)


def _entry(record: str, text: bytes) -> bytes:
    body = record.encode() + b" " + text
    return b"%08x %s\0" % (zlib.crc32(body), body)


def _texts(entries: list[bytes]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        body = entry[9:]
        if entry[:8] == b"%08x" % zlib.crc32(body):
            record, _, text = body.decode().partition(" ")
            yield record, text
