"""Read arrays in blocks, so that large ones can be compared and no claimed size is trusted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from git_datmo.compare.comparison import Tally, UnreadableFile

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array in a file: its header, and the file at its first value.

    `columns_first` says that values are in Fortran order. `brain_floats` marks a type that NumPy
    does not have.
    """

    shape: tuple[int, ...]
    type: str
    dtype: np.dtype[Any]
    file: IO[bytes]
    columns_first: bool = False
    brain_floats: bool = False

    def blocks(self) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the values in stored order."""
        import numpy as np

        left = math.prod(self.shape) * self.dtype.itemsize
        step = max(BLOCK // max(self.dtype.itemsize, 1), 1) * self.dtype.itemsize
        while left:
            raw = self.file.read(min(step, left))
            if len(raw) != min(step, left):
                raise UnreadableFile("an array ends before its last value")
            left -= len(raw)
            block = np.frombuffer(raw, self.dtype)
            # A brain float (bfloat16) is the upper half of a float.
            yield (block.astype("<u4") << 16).view("<f4") if self.brain_floats else block


def compare_stored(tally: Tally, recorded: StoredArray, rerun: StoredArray, name: str) -> str:
    """Count the values of two arrays; return the difference of shape or type, or ''.

    Arrays of different shape or type are not read.
    """
    label = f"{name}: " if name else ""
    if recorded.shape != rerun.shape:
        return f"{label}shape {list(recorded.shape)} became {list(rerun.shape)}"
    if recorded.type != rerun.type:
        return f"{label}type {recorded.type} became {rerun.type}"
    # Blocks are read in stored order, so values in another order are not at the same place.
    if recorded.columns_first != rerun.columns_first and len(recorded.shape) > 1:
        return f"{label}its values are in another order in memory"
    for one, other in zip(recorded.blocks(), rerun.blocks(), strict=True):
        count_block(tally, one, other, name)
    return ""


def count_block(
    tally: Tally, one: np.ndarray[Any, Any], other: np.ndarray[Any, Any], where: str
) -> None:
    """Count the values of two blocks of equal shape and type. NaN equals NaN."""
    import numpy as np

    # `NaT` is not equal to itself, so dates are compared as integers.
    if one.dtype.kind in "mM":
        one, other = one.view("i8"), other.view("i8")
    numbers = one.dtype.kind in "biufc"
    differs = one != other
    if one.dtype.kind in "fc":
        differs &= ~(np.isnan(one) & np.isnan(other))
    count = int(np.count_nonzero(differs))
    gap = 0.0 if not count else math.inf
    if count and numbers:
        # A difference of small or unsigned integers can overflow in their own type.
        wide = np.complex128 if one.dtype.kind == "c" else np.float64
        with np.errstate(all="ignore"):
            gap = float(np.abs(one[differs].astype(wide) - other[differs].astype(wide)).max())
    tally.count(one.size, count, gap, where)
