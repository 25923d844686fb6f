"""Read the folders that DVCLive writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from git_datmo.errors import Damaged
from git_datmo.readers.script_reader import read_document, read_parameters, read_text, table_rows
from git_datmo.readers.step_table import COUNTERS, add_rows
from git_datmo.readers.tool_runs import ReaderKind, ToolRun

NAME = "dvclive"
PLOTS = "plots/metrics"
_FILE = re.compile(r"(?:(.*)/)?plots/metrics/.+\.tsv\Z")


def claim(path: str) -> str | None:
    """Return the folder that a curve, or the summary of a folder `dvclive`, belongs to."""
    found = _FILE.match(path)
    if found:
        return found[1] or "."
    folder, _, name = path.rpartition("/")
    is_summary = folder.rpartition("/")[2] == "dvclive" and name in ("metrics.json", "params.yaml")
    return folder if is_summary else None


def read(folder: Path) -> Iterator[ToolRun]:
    """Yield the one run of a folder."""
    run = ToolRun(NAME)
    plots = folder / PLOTS
    for path in sorted(plots.rglob("*.tsv")):
        name = path.relative_to(plots).with_suffix("").as_posix()
        # The column has the last part of the metric's name.
        rows = table_rows(read_text(path), "\t")
        add_rows(
            run,
            (
                {name if key == path.stem else key: cell for key, cell in row.items()}
                for row in rows
            ),
        )
    run.parameters |= read_parameters(folder / "params.yaml")
    try:
        found = read_document(folder / "metrics.json")
    except Damaged:
        found = {}
    # A name with slashes is nested in the summary.
    known = {name.replace("/", ".") for name in run.series} | COUNTERS
    run.metrics |= {name: value for name, value in found.items() if name not in known}
    yield run


DVCLIVE = ReaderKind(NAME, claim, read)
