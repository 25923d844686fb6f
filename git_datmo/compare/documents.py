"""Compare JSON, YAML and notebooks by path. Times and folders of absolute paths do not count."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from git_datmo.compare.comparison import Comparison, Tally, UnreadableFile, list_names
from git_datmo.compare.volatile import alike, is_time_name
from git_datmo.readers.yaml_documents import safe_loader

SIZE_LIMIT = 16 << 20


def compare_json(recorded: Path, rerun: Path) -> Comparison:
    return _compare(json.loads(_content(recorded)), json.loads(_content(rerun)), rerun)


def compare_yaml(recorded: Path, rerun: Path) -> Comparison:
    import yaml

    loader = safe_loader()
    one, other = (list(yaml.load_all(_content(path), Loader=loader)) for path in (recorded, rerun))
    return _compare(one, other, rerun)


def compare_notebooks(recorded: Path, rerun: Path) -> Comparison:
    """Compare cells and outputs, but not ids, counts, times or kernel users."""
    one, other = (_notebook(json.loads(_content(path))) for path in (recorded, rerun))
    return _compare(one, other, rerun)


def _notebook(document: Any) -> Any:
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise UnreadableFile("it has no cells")
    return [_cell(cell) for cell in document["cells"] if isinstance(cell, dict)]


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    outputs = [output for output in cell.get("outputs", ()) if isinstance(output, dict)]
    return {
        "cell_type": cell.get("cell_type"),
        "source": _joined(cell.get("source", "")),
        "outputs": [_output(output) for output in outputs],
    }


def _output(output: dict[str, Any]) -> dict[str, Any]:
    kept = {
        key: value for key, value in output.items() if key not in ("execution_count", "metadata")
    }
    return {key: _joined(value) for key, value in kept.items()}


def _joined(value: Any) -> Any:
    """Return a text that a notebook may store as a list of lines."""
    if isinstance(value, dict):
        return {key: _joined(item) for key, item in value.items()}
    return (
        "".join(value)
        if isinstance(value, list) and all(isinstance(line, str) for line in value)
        else value
    )


def _compare(recorded: Any, rerun: Any, file: Path) -> Comparison:
    tally, paths, passed = Tally(), list[str](), 0
    for path, one, other in _pairs(recorded, rerun, ""):
        gap = _gap(one, other)
        if gap is not None and _is_volatile(path, one, other, file):
            gap, passed = None, passed + 1
        tally.count(1, int(gap is not None), gap or 0.0, "")
        if gap is not None:
            paths.append(path or "the whole document")
    done = tally.conclude("values")
    if paths:
        return Comparison(f"{done.text}: {list_names(paths)}", done.off)
    many = "1 time or path" if passed == 1 else f"{passed} times or paths"
    return Comparison(f"the same values but for {many}", 0.0) if passed else done


def _is_volatile(path: str, one: Any, other: Any, file: Path) -> bool:
    """Return True for two values that differ only in times or in folders."""
    if isinstance(one, str) and isinstance(other, str):
        return alike(one, other, file)
    if isinstance(one, dt.date) and isinstance(other, dt.date):
        return True
    numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other)
    )
    return numbers and is_time_name(path.rpartition(".")[2])


def _content(path: Path) -> bytes:
    if path.stat().st_size > SIZE_LIMIT:
        raise UnreadableFile(f"it is larger than {SIZE_LIMIT >> 20} MiB")
    return path.read_bytes()


class _Nothing:
    """Stands for a value that one of the documents does not have."""


def _pairs(one: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield every simple value of one document with the value at its path in the other."""
    if isinstance(one, dict) and isinstance(other, dict) and (one or other):
        # In YAML, a key can be a number or a date, and these cannot be sorted with text.
        for key in sorted({*one, *other}, key=str):
            yield from _pairs(
                one.get(key, _Nothing),
                other.get(key, _Nothing),
                f"{path}.{key}" if path else str(key),
            )
    elif isinstance(one, list) and isinstance(other, list) and (one or other):
        for index in range(max(len(one), len(other))):
            item, beside = (
                items[index] if index < len(items) else _Nothing for items in (one, other)
            )
            yield from _pairs(item, beside, f"{path}[{index}]")
    else:
        yield path, one, other


def _gap(one: Any, other: Any) -> float | None:
    """Return the distance of two values: infinite unless both are numbers, None if equal."""
    if not (_is_number(one) and _is_number(other)):
        is_equal = type(one) is type(other) and one == other
        return None if is_equal else float("inf")
    if one == other or (one != one and other != other):  # noqa: PLR0124  # NaN alone is not itself
        return None
    try:
        return float(abs(one - other))
    except OverflowError:
        return float("inf")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
