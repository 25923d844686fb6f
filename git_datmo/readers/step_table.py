"""Turn rows with a step, a time and any number of values into series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from git_datmo.readers.scalar_values import as_number, as_time
from git_datmo.readers.tool_runs import Scalar, ToolRun

STEPS = ("step", "global_step", "steps", "iteration", "iter", "epoch", "index")
"""Columns with a step, the best first."""
TIMES = ("timestamp", "wall_time", "_timestamp", "time", "date")
COUNTERS = frozenset({"", *STEPS, *TIMES})
"""Columns that are no metrics."""


def add_rows(run: ToolRun, rows: Iterable[Mapping[str, Scalar]]) -> None:
    """Add the numbers of rows to the series of a run.

    A row without a step has the number of the row, from 0. Texts are left out.
    """
    for index, row in enumerate(rows):
        lower = {name.strip().lower(): value for name, value in row.items()}
        steps = (as_number(lower.get(name)) for name in STEPS)
        step = next((each for each in steps if each is not None), float(index))
        time = next(filter(None, (as_time(lower.get(name, "")) for name in TIMES)), 0)
        for name, value in row.items():
            number = as_number(value)
            if number is not None and name.strip().lower() not in COUNTERS:
                run.add(name.strip(), number, step, time)
