"""What was told of records before, so that a long history is told again without reading each of them."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from git_datmo import fsio
from git_datmo.records.types import Snapshot

# No text holds it, since no terminal could show it.
_END = b"\0"


class Style(NamedTuple):
    """One way to make a text of a snapshot; `name` is another whenever `tell` makes another text of the same one."""

    name: str
    tell: Callable[[Snapshot], str]


class Told:
    """Texts in one style, each by its record's id, in a file that may be lost, damaged or cut off at any time.

    Nothing in it goes stale, since records never change: new texts are appended.
    """

    def __init__(self, folder: Path, style: Style) -> None:
        self._path = folder / style.name

    @cached_property
    def texts(self) -> dict[str, str]:
        """All that are whole."""
        try:
            return dict(_texts(self._path.read_bytes().split(_END)))
        except OSError:
            return {}

    def add(self, texts: Mapping[str, str]) -> None:
        """Keep some more; where the disk does not, they are made again next time."""
        self.texts.update(texts)
        entries = b"".join(_entry(record, text.encode()) for record, text in texts.items())
        with contextlib.suppress(OSError):
            if entries:
                self._append(entries)

    def _append(self, entries: bytes) -> None:
        # What was cut off before it ends with it.
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
