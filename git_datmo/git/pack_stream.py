"""Read the pack of a fetch while it arrives.

A thread reads blocks and computes the pack's checksum, while the caller reads entries.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from queue import Empty, Queue

from git_datmo.errors import Damaged
from git_datmo.git.deflate import Buffer
from git_datmo.git.pack_entries import EntryReader, StreamEntry, Truncated
from git_datmo.model import ObjectFormat

# The queue between the threads holds batches of this many bytes, which evens out their speeds.
BATCH = 1 << 17
WAITING = 8
# Seconds to wait for the thread to end.
PATIENCE = 2.0


def read_pack(
    blocks: Iterator[Buffer], form: ObjectFormat, stop: Callable[[], None]
) -> Generator[StreamEntry, None, None]:
    """Yield the entries of a pack; raise `Damaged` if header or checksum do not match.

    `stop` ends `blocks`. It is called if the caller leaves before the last entry.
    """
    checked = _Prefetched(_Checked(blocks, form), stop)
    reader = EntryReader(checked, form)
    try:
        magic, version, count = struct.unpack(">4sII", reader.take(12))
        # Git reads versions 2 and 3, and writes 2 (gitformat-pack).
        if magic != b"PACK" or version not in (2, 3):
            raise Damaged("the received data are no pack")
        for _ in range(count):
            yield reader.entry()
        # The checksum is compared once the blocks end, so they are read to their end.
        reader.take(form.size)
        if not reader.is_at_end():
            raise Damaged("a pack is longer than its header says")
    finally:
        checked.close()


class _Checked:
    """The blocks of a pack. Raises `Damaged` at the end if they do not end in their own hash."""

    def __init__(self, blocks: Iterator[Buffer], form: ObjectFormat) -> None:
        self._blocks, self._format = blocks, form

    def __iter__(self) -> Iterator[Buffer]:
        width, digest = self._format.size, self._format.new_hash()
        held = b""
        for block in self._blocks:
            # The last bytes may be the checksum, so they are hashed only if more bytes follow.
            if len(block) < width:
                held += block
                digest.update(held[:-width])
                held = held[-width:]
            else:
                digest.update(held)
                digest.update(memoryview(block)[:-width])
                held = bytes(block[-width:])
            yield block
        if len(held) < width:
            raise Truncated("a pack ends early")
        if digest.digest() != held:
            raise Damaged("a pack is damaged: its checksum does not match")


class _Prefetched:
    """Blocks that a thread reads ahead and hands over in batches.

    An error of the thread is raised in place of its next block.
    """

    def __init__(self, blocks: Iterable[Buffer], stop: Callable[[], None]) -> None:
        self._blocks, self._stop = blocks, stop
        self._queue: Queue[list[Buffer]] = Queue(WAITING)
        self._batch: Iterator[Buffer] = iter(())
        self._error: BaseException | None = None
        self._closing = self._ended = False
        # A daemon thread, so that a silent remote cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="receive", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        batch, size = list[Buffer](), 0
        try:
            for block in self._blocks:
                if self._closing:
                    return
                batch.append(block)
                size += len(block)
                if size >= BATCH:
                    self._queue.put(batch)
                    batch, size = [], 0
        except BaseException as error:  # noqa: BLE001
            self._error = error
        # The error is set before the empty batch that ends the queue, so the reader sees it.
        if batch:
            self._queue.put(batch)
        self._queue.put([])

    def __iter__(self) -> _Prefetched:
        return self

    def __next__(self) -> Buffer:
        while (block := next(self._batch, None)) is None:
            if not self._ended:
                batch = self._queue.get()
                self._batch, self._ended = iter(batch), not batch
            elif self._error is not None:
                raise self._error
            else:
                raise StopIteration
        return block

    def close(self) -> None:
        """End the thread, and `stop` the blocks if they have not ended."""
        if not self._ended:
            self._closing = True
            self._stop()
            # The thread may wait for room in the queue.
            with suppress(Empty):
                while True:
                    self._queue.get_nowait()
        self._thread.join(PATIENCE)
