"""Choose values of a stream evenly, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

# Up to so many rows are kept in full; of more rows, at least half as many.
MOST_ROWS = 10_000


class EvenSample:
    """Columns of evenly chosen rows of a stream.

    Of each run of `stride` rows, one row is chosen at random. The stride doubles each time that
    `MOST_ROWS` are chosen. Equal data have equal samples.
    """

    def __init__(self, names: Iterable[str], stride: int = 1) -> None:
        self.values: dict[str, list[Any]] = {name: [] for name in names}
        self._random = Random(0)  # noqa: S311 - no secret
        self._stride = stride
        self._chosen = 0
        # Rows of earlier batches, and the next row that is chosen.
        self._rows = 0
        self._choose_next()

    def add(self, rows: int, take: Callable[[str, list[int]], list[Any]]) -> None:
        """Choose rows of a batch. `take` returns the values of a column at some of its rows."""
        end = self._rows + rows
        while self._next < end:
            indices: list[int] = []
            while self._next < end and self._chosen < MOST_ROWS:
                indices.append(self._next - self._rows)
                self._chosen += 1
                self._choose_next()
            for name, values in self.values.items():
                values.extend(take(name, indices))
            if self._chosen == MOST_ROWS:
                self._thin()
        self._rows = end

    def _choose_next(self) -> None:
        """Choose a row of the next run of rows."""
        self._next = self._chosen * self._stride + int(self._random.random() * self._stride)

    def _thin(self) -> None:
        """Keep one row of each two neighbours, and choose half as many from now on."""
        kept = [index + int(self._random.random() * 2) for index in range(0, self._chosen, 2)]
        for name, values in self.values.items():
            self.values[name] = [values[index] for index in kept]
        self._chosen = len(kept)
        self._stride *= 2
        self._choose_next()
