"""The result of comparing two files, and how it is counted."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite


class UnreadableFile(Exception):
    """A file that does not match its name, or is too large. Only its bytes can be compared."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference of a rerun's file from the recorded one, in one line.

    `off` is the largest difference of two numbers; 0 for equal content in other bytes; None if more
    than numbers differ, or the content could not be read.
    """

    text: str
    off: float | None = None


@dataclass(slots=True)
class Tally:
    """Counts of values compared one by one. `odd` counts those that differ in more than a
    number."""

    values: int = 0
    differing: int = 0
    odd: int = 0
    off: float = 0.0
    where: str = ""

    def count(self, values: int, differing: int, gap: float, where: str) -> None:
        """Add `values`, of which `differing` differ by at most `gap`; an infinite gap is more
        than a number."""
        self.values += values
        self.differing += differing
        if not isfinite(gap):
            self.odd += differing
        elif gap > self.off:
            self.off, self.where = gap, where

    def conclude(self, noun: str, *remarks: str) -> Comparison:
        """Return the comparison; each of `remarks` describes a difference in shape."""
        said = [remark for remark in remarks if remark]
        if self.differing:
            said.append(f"{self.differing} of {self.values} {noun} differ")
        if self.off:
            said.append(
                f"largest difference {self.off:.6g}" + (f" in {self.where}" if self.where else "")
            )
        if not said:
            return Comparison(f"other bytes, the same {noun}", 0.0)
        whole = not self.odd and not any(remarks)
        return Comparison("; ".join(said), self.off if whole else None)


def list_names(names: list[str], limit: int = 3) -> str:
    """Return the first names and the number of others."""
    shown = ", ".join(name[:80] for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def one_sided(noun: str, recorded: set[str], rerun: set[str]) -> str:
    """Describe the names that only one of two sets has; '' for none."""
    gone, new = sorted(recorded - rerun), sorted(rerun - recorded)
    said = [f"{noun} missing: {list_names(gone)}"] if gone else []
    return "; ".join([*said, f"{noun} new: {list_names(new)}"] if new else said)
