"""Bounds that the project promises for its speed, and their check against a measurement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.contest import Table

OURS = "git-datmo"


@dataclass(frozen=True, slots=True)
class Bound:
    """One promise; `met` is None where what it compares with was not measured."""

    what: str
    limit: str
    measured: str
    met: bool | None


def within(what: str, value: float, limit: float, unit: str) -> Bound:
    return Bound(what, f"at most {limit:g} {unit}", f"{value:.3g} {unit}", value <= limit)


def beside(
    table: Table, stage: str, limit: float, names: Sequence[str], *, what: str = "", at: str = ""
) -> Iterator[Bound]:
    """Our time at a stage, at most `limit` times that of the fastest of `names` (at its stage `at`,
    if another)."""
    said = f"{table.title}: {what or stage}"
    peer = table.fastest(at or stage, names)
    among = f"the fastest of {', '.join(names)}" if len(names) > 1 else names[0]
    if not table.has(stage, OURS):
        return
    if not peer:
        yield Bound(said, f"at most {limit:g} of {among}", "not measured", None)
        return
    ratio = table.ratio(stage, OURS, peer, at=at)
    beyond = f" ({at})" if at and at != stage else ""
    yield Bound(
        said, f"at most {limit:g} of {among}", f"{ratio:.2f} of {peer}{beyond}", ratio <= limit
    )


def peak_memory(tables: Sequence[Table], limit: int) -> Iterator[Bound]:
    """Our largest process of all commands that were timed."""
    peaks = {
        f"{table.title}, {stage}": max(sample.peak for sample in samples)
        for table in tables
        for (stage, name), samples in table.samples.items()
        if name == OURS
    }
    if peaks:
        where = max(peaks, key=peaks.__getitem__)
        mine = peaks[where]
        yield Bound(
            "peak memory",
            f"at most {limit / 1e6:g} MB",
            f"{mine / 1e6:.0f} MB ({where})",
            mine <= limit,
        )
