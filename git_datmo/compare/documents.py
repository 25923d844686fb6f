"""JSON, by path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from git_datmo.compare.comparison import Comparison, Tally, Unreadable, list_names

SIZE_LIMIT = 16 << 20


def compare_json(recorded: Path, rerun: Path) -> Comparison:
    tally, paths = Tally(), list[str]()
    for path, one, other in _pairs(_load(recorded), _load(rerun), ""):
        gap = _gap(one, other)
        tally.count(1, int(gap is not None), gap or 0.0, "")
        if gap is not None:
            paths.append(path or "the whole document")
    done = tally.conclude("values")
    return Comparison(f"{done.text}: {list_names(paths)}", done.off) if paths else done


def _load(path: Path) -> Any:
    if path.stat().st_size > SIZE_LIMIT:
        raise Unreadable(f"it is larger than {SIZE_LIMIT >> 20} MiB")
    return json.loads(path.read_bytes())


class _Nothing:
    """What stands where the other document has a value."""


def _pairs(one: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Every value that has no others in it, beside what stands at its path in the other document."""
    if isinstance(one, dict) and isinstance(other, dict) and (one or other):
        for key in sorted({*one, *other}):
            yield from _pairs(one.get(key, _Nothing), other.get(key, _Nothing), f"{path}.{key}" if path else key)
    elif isinstance(one, list) and isinstance(other, list) and (one or other):
        for place in range(max(len(one), len(other))):
            item, beside = (items[place] if place < len(items) else _Nothing for items in (one, other))
            yield from _pairs(item, beside, f"{path}[{place}]")
    else:
        yield path, one, other


def _gap(one: Any, other: Any) -> float | None:
    """How far two values are apart: infinitely where they are no numbers; None where they are the same."""
    numbers = [v for v in (one, other) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < 2:
        return None if type(one) is type(other) and one == other else float("inf")
    if one == other or (one != one and other != other):  # noqa: PLR0124  # NaN alone is not itself
        return None
    try:
        return float(abs(one - other))
    except OverflowError:
        return float("inf")
