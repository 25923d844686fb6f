"""Parse parameters and metrics, from `NAME=VALUE` words and from the metrics files of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from git_datmo.errors import Damaged, DatmoError, UsageError
from git_datmo.readers.scalar_values import parse_value
from git_datmo.readers.script_reader import json_lines, read_document, read_text, table_rows
from git_datmo.records.record_values import Value

METRICS_FILE = "metrics.json"
FIGURES_LIMIT = 10_000
# Counters of progress, which are no results.
STEPS = frozenset(
    {"", "epoch", "step", "steps", "global_step", "iteration", "iter", "time", "timestamp", "index"}
)


def parse_figures(words: Iterable[str]) -> dict[str, Value]:
    """Return the values of `NAME=VALUE` words; raise `UsageError` for any other word."""
    figures: dict[str, Value] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UsageError(f"'{word}' is not of the form NAME=VALUE")
        figures[name] = parse_value(text)
    return figures


def find_metrics(
    root: Path,
    folder: str,
    outputs: Iterable[str],
    is_written: Callable[[str], bool],
    warnings: list[str],
) -> dict[str, Value]:
    """Return the metrics of the first metrics file that `is_written` accepts.

    Searches `folder`, the top of `root`, and the `outputs`. Files are sorted by their order in
    `READERS`, then by depth, then by path. A file that cannot be read adds a warning, and the next
    is tried.
    """
    found = (path for path in _metrics_files(root, folder, outputs) if is_written(path))
    for path in sorted(found, key=lambda each: (_rank(each), each.count("/"), each)):
        try:
            return READERS[os.path.basename(path)](root / path)
        except DatmoError as error:
            warnings.append(error.what)
    return {}


def _metrics_files(root: Path, folder: str, outputs: Iterable[str]) -> Iterator[str]:
    """Yield the possible paths of metrics files, relative to `root`; some may not exist."""
    for name in READERS:
        # For a command at the top of the repository, both paths are the same.
        yield from dict.fromkeys((os.path.join(folder, name), name))
    for output in outputs:
        if output.rpartition("/")[2] in READERS:
            yield output
        for base, _, names in os.walk(root / output):
            yield from (
                os.path.relpath(os.path.join(base, name), root) for name in names if name in READERS
            )


def _rank(path: str) -> int:
    """Return the index of the file's name in `READERS`."""
    return list(READERS).index(os.path.basename(path))


@contextmanager
def _named(path: Path, hint: str = "") -> Iterator[None]:
    """Name the file in the error about it."""
    try:
        yield
    except Damaged as error:
        raise DatmoError(f"cannot read the metrics in '{path.name}': {error.what}", hint) from error


def read_lines(path: Path) -> dict[str, Value]:
    """Return the last value of each name in a file with one JSON object per line (JSON Lines)."""
    figures: dict[str, Value] = {}
    with _named(path):
        for values in json_lines(read_text(path)):
            figures |= values
    return _without_steps(figures)


def read_table(path: Path) -> dict[str, Value]:
    """Return the last number in each column of a CSV file with a header."""
    figures: dict[str, Value] = {}
    with _named(path):
        for row in table_rows(read_text(path), ","):
            figures |= {
                name.strip(): value for name, value in row.items() if isinstance(value, int | float)
            }
    return _without_steps(figures)


def _without_steps(figures: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values without counters like `epoch`.

    Raises `DatmoError` if more than `FIGURES_LIMIT` values are left.
    """
    kept = {name: value for name, value in figures.items() if name.lower() not in STEPS}
    if len(kept) > FIGURES_LIMIT:
        raise DatmoError(f"{len(kept)} figures are more than {FIGURES_LIMIT}", "write fewer")
    return kept


def read_metrics(path: Path) -> dict[str, Value]:
    """Return the values of a JSON file. Nested values are named by their path, with dots.

    Raises `DatmoError` if the file is not a JSON object or has too many values.
    """
    with _named(path, 'write something like {"accuracy": 0.97}'):
        figures = read_document(path)
    if len(figures) > FIGURES_LIMIT:
        raise DatmoError(
            f"'{path.name}' holds {len(figures)} figures, more than {FIGURES_LIMIT}", "write fewer"
        )
    return dict(figures)


READERS = {
    METRICS_FILE: read_metrics,
    "metrics.jsonl": read_lines,
    "metrics.csv": read_table,
    "results.json": read_metrics,
}
"""Metrics files by name, in the order in which they are looked for."""
