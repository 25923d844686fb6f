"""What a comparison of two files says, and how it is counted."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite


class Unreadable(Exception):
    """A file that is not what its name says, or more than may be read; its bytes alone can then be compared."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a rerun's file or folder differs from the recorded one, in a line.

    `off` is the largest difference of any two numbers in them, 0 where they hold the same in other bytes, and None
    where they differ in more than numbers, or where nobody could look.
    """

    text: str
    off: float | None = None


@dataclass(slots=True)
class Tally:
    """Values that were compared one by one. `odd` counts those that differ in more than a number says."""

    values: int = 0
    differing: int = 0
    odd: int = 0
    off: float = 0.0
    where: str = ""

    def count(self, values: int, differing: int, gap: float, where: str) -> None:
        """Take in `values`, of which `differing` differ, by at most `gap`; by nothing that a number says where that is
        not finite."""
        self.values += values
        self.differing += differing
        if not isfinite(gap):
            self.odd += differing
        elif gap > self.off:
            self.off, self.where = gap, where

    def conclude(self, noun: str, *remarks: str) -> Comparison:
        """The comparison that comes of it; each of `remarks` says what differs in shape."""
        said = [remark for remark in remarks if remark]
        if self.differing:
            said.append(f"{self.differing} of {self.values} {noun} differ")
        if self.off:
            said.append(f"largest difference {self.off:.6g}" + (f" in {self.where}" if self.where else ""))
        if not said:
            return Comparison(f"other bytes, the same {noun}", 0.0)
        whole = not self.odd and not any(remarks)
        return Comparison("; ".join(said), self.off if whole else None)


def list_names(names: list[str], limit: int = 3) -> str:
    """Names for a line: the first of them, and how many more there are."""
    shown = ", ".join(name[:80] for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def one_sided(noun: str, recorded: set[str], rerun: set[str]) -> str:
    """What only one of two sets of names has, or ''."""
    gone, new = sorted(recorded - rerun), sorted(rerun - recorded)
    said = [f"{noun} missing: {list_names(gone)}"] if gone else []
    return "; ".join([*said, f"{noun} new: {list_names(new)}"] if new else said)
