"""Find rows that repeat a key, in bounded memory.

Each key becomes 64 bits by random tables, so data cannot be made to collide. Keys past a limit go
to files by their first bits, and each file is sorted by itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

SPILL_ROWS = 1 << 20
PARTITIONS = 64
SAMPLES = 5
# The first 6 of 64 bits choose one of the 64 files.
_SHIFT = 58
_WIDEST = 256


class KeyHasher:
    """Hash keys of rows to 64 bits. Keys of one hasher can be compared."""

    def __init__(self) -> None:
        import numpy as np

        random = np.random.default_rng(int.from_bytes(os.urandom(16), "little"))
        self._bytes = random.integers(0, 1 << 64, (_WIDEST, 256), np.uint64)
        # Multiplication by an odd number loses no bit modulo 2^64.
        self._factor = random.integers(0, 1 << 63, 64, np.uint64) * 2 + 1

    def hash_rows(self, columns: Sequence[Any]) -> Any:
        """Return a hash of each row of several columns, and a mask of the rows without nulls."""
        import numpy as np

        total = None
        valid = None
        for index, column in enumerate(columns):
            hashes, present = self._hash_column(column)
            mixed = hashes * self._factor[index % len(self._factor)]
            # A product carries only upwards, so the shift brings high bits down.
            mixed ^= mixed >> np.uint64(29)
            total = mixed if total is None else total * self._factor[-1] + mixed
            valid = present if valid is None else valid & present
        return total, valid

    def _hash_column(self, column: Any) -> tuple[Any, Any]:
        """Return the hashes of a column, and a mask of its values that are not null."""
        import numpy as np
        import pyarrow as pa
        from pyarrow import compute

        if isinstance(column, list):
            column = pa.array([None if value is None else repr(value) for value in column])
        present = np.asarray(compute.is_valid(column))
        if not pa.types.is_string(column.type):
            if pa.types.is_integer(column.type):
                values = column.fill_null(0).to_numpy(zero_copy_only=False)
                hashes = values.astype(np.int64).view(np.uint64) * self._factor[-2]
                return hashes ^ (hashes >> np.uint64(31)), present
            column = _to_text(column)
        return self._hash_text(column), present

    def _hash_text(self, column: Any) -> Any:
        """Return the hashes of text: random numbers by byte and position, added up."""
        import numpy as np

        size = len(column)
        _, offsets_buffer, data_buffer = column.buffers()
        if not size or data_buffer is None or not data_buffer.size:
            return np.zeros(size, np.uint64)
        offsets = np.frombuffer(offsets_buffer, np.int32)
        offsets = offsets[column.offset : column.offset + size + 1].astype(np.int64)
        data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
        starts = offsets[:-1] - offsets[0]
        lengths = np.diff(offsets)
        hashes = lengths.astype(np.uint64) * self._factor[-3]
        if not len(data):
            return hashes
        position = np.arange(len(data), dtype=np.int64) - np.repeat(starts, lengths)
        numbers = self._bytes[position % _WIDEST, data]
        # A byte past the table's width differs by its round.
        rounds = (position // _WIDEST).astype(np.uint64) * np.uint64(2) + np.uint64(1)
        numbers = numbers * rounds
        numbers ^= numbers >> np.uint64(31)
        # For an empty part, `reduceat` gives the element at its start rather than 0.
        filled = lengths > 0
        hashes[filled] += np.add.reduceat(numbers, starts[filled])
        return hashes * self._factor[-4]


class RepeatedKeys:
    """Keys of rows so far, in memory or in files of a folder.

    `repeats` counts the rows whose key an earlier row has.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._parts: list[Any] = []
        self._rows = 0
        self._files: list[BinaryIO] = []

    def add(self, hashes: Any, valid: Any, first_row: int) -> None:
        """Add the keys of consecutive rows, except those with nulls."""
        import numpy as np

        pairs = np.empty((len(hashes), 2), np.uint64)
        pairs[:, 0] = hashes
        pairs[:, 1] = np.arange(first_row, first_row + len(hashes), dtype=np.uint64)
        self._parts.append(pairs[valid])
        self._rows += len(hashes)
        if self._rows >= SPILL_ROWS:
            self._spill()

    def find(self) -> tuple[int, list[int]]:
        """Return the number of rows that repeat a key, and the first few of them."""
        count, samples = 0, []
        for pairs in self.partitions():
            repeated = _find_repeats(pairs)
            count += len(repeated)
            samples += repeated[:SAMPLES].tolist()
        return count, sorted(samples)[:SAMPLES]

    def partitions(self) -> Iterator[Any]:
        """Yield all keys and rows, in parts that share no key."""
        import numpy as np

        if not self._files:
            if self._parts:
                yield np.concatenate(self._parts)
            return
        # The keys in memory may equal keys in the files.
        self._spill()
        for file in self._files:
            file.seek(0)
            yield np.frombuffer(file.read(), np.uint64).reshape(-1, 2)

    def close(self) -> None:
        """Remove the files."""
        for file in self._files:
            file.close()
        self._files = []
        self._parts = []

    def _spill(self) -> None:
        """Write the keys in memory to files by their first bits."""
        import tempfile

        import numpy as np

        if not self._files:
            # A file without a name leaves nothing behind if the process is killed.
            self._files = [
                tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
                for _ in range(PARTITIONS)
            ]
        pairs = np.concatenate(self._parts) if self._parts else np.empty((0, 2), np.uint64)
        parts = pairs[:, 0] >> np.uint64(_SHIFT)
        order = np.argsort(parts, kind="stable")
        ends = np.searchsorted(parts[order], np.arange(PARTITIONS + 1))
        for number, file in enumerate(self._files):
            file.write(pairs[order[ends[number] : ends[number + 1]]].tobytes())
        self._parts, self._rows = [], 0


def _find_repeats(pairs: Any) -> Any:
    """Return the rows, in order, whose key a row before them has."""
    import numpy as np

    # A stable sort keeps rows of one key in order, so the first is no repetition.
    order = np.argsort(pairs[:, 0], kind="stable")
    keys = pairs[order, 0]
    repeated = np.zeros(len(keys), bool)
    repeated[1:] = keys[1:] == keys[:-1]
    return np.sort(pairs[order[repeated], 1])


def _to_text(column: Any) -> Any:
    """Return a column of another flat type as text."""
    import pyarrow as pa

    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        return pa.array([None if v is None else repr(v) for v in column.to_pylist()])
