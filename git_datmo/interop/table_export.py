"""Write experiments as files: CSV, JSON or Parquet, one file of experiments and one of curves."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path

from git_datmo import fsio
from git_datmo.curves.curve_points import Points
from git_datmo.errors import DatmoError
from git_datmo.interop.exported_experiments import ExportedExperiment
from git_datmo.permissions import make_folder
from git_datmo.records.record_values import Value

Cell = Value | None
# A column of integers in Parquet has at most 64 bits.
INTEGERS = 1 << 63
PARAMETERS, METRICS = "parameters.", "metrics."
CURVE_COLUMNS = ("experiment", "metric", "step", "time", "value")


def experiment_row(experiment: ExportedExperiment) -> dict[str, Cell]:
    """Return an experiment as one row; parameters and metrics have a prefix in their names.

    Tags are a JSON list, and the command is quoted as for a shell, since both may have blanks.
    """
    snapshot, run = experiment.snapshot, experiment.snapshot.run
    row: dict[str, Cell] = {
        "id": experiment.id,
        "commit": str(snapshot.commit),
        "created": snapshot.created,
        "author": snapshot.author.name,
        "email": snapshot.author.email,
        "message": snapshot.message,
        "why": snapshot.why,
        "tags": json.dumps(experiment.tags, ensure_ascii=False) if experiment.tags else "",
        "command": shlex.join(run.command) if run is not None else None,
        "status": run.ending if run is not None else None,
        "started": run.started if run is not None else None,
        "seconds": run.seconds if run is not None else None,
        "resumes": str(run.attempt) if run is not None and run.attempt is not None else None,
    }
    row |= {f"{PARAMETERS}{name}": value for name, value in sorted(snapshot.parameters.items())}
    return row | {f"{METRICS}{name}": value for name, value in sorted(snapshot.metrics.items())}


def curve_rows(experiment: ExportedExperiment) -> Iterator[tuple[str, str, float, int, float]]:
    """Yield the points of an experiment; times are microseconds since 1970 (UTC)."""
    for name, points in experiment.curves.items():
        columns = zip(points.steps, points.times, points.values, strict=True)
        for step, time, value in columns:
            yield experiment.id, name, step, time, value


def write_csv(experiments: Sequence[ExportedExperiment], folder: Path) -> None:
    """Write `experiments.csv` and `curves.csv`."""
    rows = [experiment_row(each) for each in experiments]
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = ([_text(row.get(name)) for name in names] for row in rows)
    _write(folder / "experiments.csv", _csv(names, cells))
    points = (
        [identity, name, _text(step), str(time), _text(value)]
        for each in experiments
        for identity, name, step, time, value in curve_rows(each)
    )
    _write(folder / "curves.csv", _csv(CURVE_COLUMNS, points))


def _csv(names: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a table as CSV in UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode()


def _text(value: Cell) -> str:
    """Return a cell as text from which the same value is read."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def write_json(experiments: Sequence[ExportedExperiment], folder: Path) -> None:
    """Write `experiments.json`: a list of objects, with curves as columns.

    Numbers that JSON does not have are the texts `NaN`, `Infinity` and `-Infinity`.
    """
    documents = [_document(each) for each in experiments]
    # Without `allow_nan=False`, Python writes `NaN`, which is not JSON.
    text = json.dumps(documents, ensure_ascii=False, indent=1, allow_nan=False)
    _write(folder / "experiments.json", text.encode() + b"\n")


def _document(experiment: ExportedExperiment) -> dict[str, object]:
    """Return an experiment as a JSON object."""
    snapshot = experiment.snapshot
    row = experiment_row(experiment)
    plain = {name: value for name, value in row.items() if "." not in name}
    return {
        **_spelled(plain),
        "tags": list(experiment.tags),
        "command": list(snapshot.run.command) if snapshot.run is not None else None,
        "parameters": _spelled(snapshot.parameters),
        "sources": dict(snapshot.sources),
        "metrics": _spelled(snapshot.metrics),
        "curves": {name: _columns(points) for name, points in experiment.curves.items()},
        "united_curves": {
            name: [
                {"experiment": piece.attempt, "replaced": piece.replaced, **_columns(piece.points)}
                for piece in curve.pieces
            ]
            for name, curve in experiment.united.items()
        },
    }


def _columns(points: Points) -> dict[str, object]:
    """Return points as columns of JSON values."""
    return {
        "steps": [_finite(step) for step in points.steps],
        "times": list(points.times),
        "values": [_finite(value) for value in points.values],
    }


def _spelled(values: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return values without numbers that JSON does not have."""
    return {
        name: _finite(value) if isinstance(value, float) else value
        for name, value in values.items()
    }


def _finite(value: float) -> float | str:
    """Return a number, or the text for one that JSON does not have."""
    if isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124  # NaN alone is not itself


def write_parquet(experiments: Sequence[ExportedExperiment], folder: Path) -> None:
    """Write `experiments.parquet` and `curves.parquet`; raise `DatmoError` without pyarrow.

    A column of numbers and texts is one of texts.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DatmoError(
            "Parquet needs pyarrow, which is not installed",
            "install it with pip install 'git-datmo[compare]'",
        ) from error
    rows = [experiment_row(each) for each in experiments]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: _one_type([row.get(name) for row in rows]) for name in names})
    points = [row for each in experiments for row in curve_rows(each)]
    columns = list(zip(*points, strict=True)) or [()] * len(CURVE_COLUMNS)
    kinds = (
        *(pa.string(), pa.string(), pa.float64()),
        *(pa.timestamp("us", "UTC"), pa.float64()),
    )
    curves = pa.table(
        {
            name: pa.array(column, kind)
            for name, column, kind in zip(CURVE_COLUMNS, columns, kinds, strict=True)
        }
    )
    for name, content in (("experiments", table), ("curves", curves)):
        # The file is made in memory, so that it appears in its folder as a whole.
        sink = pa.BufferOutputStream()
        pq.write_table(content, sink)
        _write(folder / f"{name}.parquet", sink.getvalue().to_pybytes())


def _one_type(values: Sequence[Cell]) -> list[Cell]:
    """Return the cells of a column in one type: booleans, integers, floats, or texts."""
    present = [value for value in values if value is not None]
    if all(map(_is_boolean, present)) or all(map(_is_small_integer, present)):
        return list(values)
    convert = float if all(map(_is_number, present)) else _text
    return [None if value is None else convert(value) for value in values]


def _is_boolean(value: Cell) -> bool:
    return isinstance(value, bool)


def _is_small_integer(value: Cell) -> bool:
    return type(value) is int and abs(value) < INTEGERS


def _is_number(value: Cell) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _write(path: Path, content: bytes) -> None:
    """Write a file, and its folder if that is missing."""
    if path.parent.exists() and not path.parent.is_dir():
        raise DatmoError(f"'{path.parent}' is a file", "name a folder, which may be missing")
    make_folder(path.parent)
    fsio.write_file(path, content)


WRITERS: Mapping[str, Callable[[Sequence[ExportedExperiment], Path], None]] = {
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
}
