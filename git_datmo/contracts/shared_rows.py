"""Find the rows that two tables share, in bounded memory."""

from __future__ import annotations

from typing import Any

from git_datmo.contracts.table_readers.table_batches import SAMPLES, TableReader
from git_datmo.contracts.unique_values import KeyHasher, RepeatedKeys

# Rows of the second table are numbered from here on.
_SECOND = 1 << 48


def find_shared_rows(
    one: TableReader, other: TableReader, columns: tuple[str, ...], folder: str
) -> tuple[int, list[int]]:
    """Return the number of rows of `one` whose `columns` a row of `other` has, and samples.

    A row with a null in one of the columns is not compared. Files for long lists go to `folder`.
    """
    hasher, keys = KeyHasher(), RepeatedKeys(folder)
    try:
        for first, reader in ((0, one), (_SECOND, other)):
            for batch in reader.batches():
                found = [batch.columns[name] for name in columns if name in batch.columns]
                # Rows of a batch without a column are like nulls, which are not compared.
                if len(found) == len(columns):
                    hashes, valid = hasher.hash_rows(found)
                    keys.add(hashes, valid, first + batch.first_row)
        count, samples = 0, list[int]()
        for pairs in keys.partitions():
            rows = _find_in_both(pairs)
            count += len(rows)
            samples += rows[:SAMPLES].tolist()
    finally:
        keys.close()
    return count, sorted(samples)[:SAMPLES]


def _find_in_both(pairs: Any) -> Any:
    """Return the rows of the first table, in order, whose key the second table has."""
    import numpy as np

    is_second = pairs[:, 1] >= _SECOND
    first = pairs[~is_second]
    return np.sort(first[np.isin(first[:, 0], pairs[is_second, 0]), 1])
