"""Read the files that scripts write their metrics to: JSON, JSON Lines and CSV.

The CSV files of Lightning's CSVLogger and of Ultralytics are of the same form. They have a file of
parameters beside them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from git_datmo.errors import Damaged
from git_datmo.readers.regular_files import read_regular
from git_datmo.readers.scalar_values import flatten, parse_json, parse_value
from git_datmo.readers.step_table import add_rows
from git_datmo.readers.tool_runs import ReaderKind, Scalar, ToolRun
from git_datmo.readers.yaml_documents import YAML_LIMIT, read_yaml

SIZE_LIMIT = 64 << 20
JSON_NAMES = ("metrics.json", "results.json")
LINES_NAMES = ("metrics.jsonl",)
RESULTS = "results.csv"
TABLE_NAMES = ("metrics.csv", RESULTS)
# Parameters that Lightning and Ultralytics write beside a table.
PARAMETER_FILES = ("hparams.yaml", "args.yaml")


def claim(path: str) -> str | None:
    """Return the path of a file with one of the names."""
    name = path.rpartition("/")[2]
    return path if name in (*JSON_NAMES, *LINES_NAMES, *TABLE_NAMES) else None


def read(path: Path) -> Iterator[ToolRun]:
    """Yield the values of a metrics file as one run."""
    run = ToolRun("script")
    if path.name in JSON_NAMES:
        run.metrics |= read_document(path)
    elif path.name in LINES_NAMES:
        add_rows(run, json_lines(read_text(path)))
    else:
        rows = list(table_rows(read_text(path), ","))
        if path.name == RESULTS and not _has_epochs(rows):
            return
        add_rows(run, rows)
        for name in PARAMETER_FILES:
            run.parameters |= read_parameters(path.with_name(name))
    yield run


def _has_epochs(rows: Sequence[Mapping[str, Scalar]]) -> bool:
    """Return True if the first column is `epoch`, as in tables of Ultralytics.

    Other tables with the same name hold results that are no metrics over time.
    """
    return bool(rows) and next(iter(rows[0]), "").strip() == "epoch"


def read_text(path: Path) -> str:
    """Return a file's text; raise `Damaged` if it is too large or no text."""
    content = read_regular(path, SIZE_LIMIT)
    try:
        # A byte order mark would become a part of the first name.
        return content.decode("utf-8-sig")
    except ValueError as error:
        raise Damaged(str(error)) from error


def read_document(path: Path) -> dict[str, Scalar]:
    """Return the values of a JSON object, nested ones by their path with dots."""
    text = read_text(path)
    try:
        document = parse_json(text)
    except ValueError as error:
        raise Damaged(f"it is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise Damaged("it holds no JSON object")
    return dict(flatten("", document))


def json_lines(text: str) -> Iterator[dict[str, Scalar]]:
    """Yield the values of each line that is a JSON object. The last one may be half written."""
    for line in filter(str.strip, text.splitlines()):
        try:
            document = parse_json(line)
        except ValueError:
            continue
        if isinstance(document, dict):
            yield dict(flatten("", document))


def table_rows(text: str, separator: str) -> Iterator[dict[str, Scalar]]:
    """Yield the cells of each row of a table with a header, without empty ones.

    Raises `Damaged` for a cell that is too long.
    """
    try:
        for row in csv.DictReader(text.splitlines(), delimiter=separator):
            yield {
                name: parse_value(cell.strip())
                for name, cell in row.items()
                if isinstance(cell, str) and isinstance(name, str) and cell.strip()
            }
    except csv.Error as error:
        raise Damaged(f"it is no table: {error}") from error


def read_parameters(path: Path) -> dict[str, Scalar]:
    """Return the values of a YAML file, none if it is missing or invalid."""
    try:
        return dict(flatten("", read_yaml(read_regular(path, YAML_LIMIT))))
    except (Damaged, ValueError):
        return {}


SCRIPT = ReaderKind("script", claim, read)
