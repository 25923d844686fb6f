"""Read data and experiments of the repository from a script, and make snapshots.

`import git_datmo as datmo` has these functions. Unlike those that log, they need the whole of
git-datmo, and raise `DatmoError` for what a person can cause.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from git_datmo.api import Experiment, open_repository
from git_datmo.records.codec import number
from git_datmo.records.record_values import Value
from git_datmo.report.experiment_html import experiments_html
from git_datmo.sizes import show_count

if TYPE_CHECKING:
    from git_datmo.web.notebook_page import NotebookPage


class Experiments(Sequence[Experiment]):
    """Experiments, newest first, and the same as columns."""

    def __init__(self, found: Sequence[Experiment]) -> None:
        self._found = found

    @overload
    def __getitem__(self, index: int) -> Experiment: ...

    @overload
    def __getitem__(self, index: slice) -> Experiments: ...

    def __getitem__(self, index: int | slice) -> Experiment | Experiments:
        """Return one experiment, or some of them."""
        if isinstance(index, slice):
            return Experiments(self._found[index])
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"<{show_count(len(self._found), 'experiment')}>"

    def _repr_html_(self) -> str:
        """Return the experiments as an HTML table for a notebook."""
        return experiments_html(self.columns())

    def columns(self) -> dict[str, list[Any]]:
        """Return lists of equal length by name; None where an experiment has no value.

        Parameters are named `params.NAME`, last values of metrics `metrics.NAME`, and best values
        `best.NAME`.
        """
        rows = [dict(_cells(experiment)) for experiment in self._found]
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in names}

    def to_pandas(self) -> Any:
        """Return the columns as a data frame of pandas."""
        return import_module("pandas").DataFrame(self.columns())

    def to_polars(self) -> Any:
        """Return the columns as a data frame of polars. Columns of mixed types become text."""
        return import_module("polars").DataFrame(
            {name: _of_one_type(values) for name, values in self.columns().items()}
        )


def experiments(*revisions: str, where: str = "", sort: str = "") -> Experiments:
    """Return the experiments of revision ranges; of HEAD's history for none.

    `where` is a condition and `sort` a list of names, as for `git datmo log`.
    """
    with open_repository() as repository:
        return Experiments(list(repository.experiments(*revisions, where=where, sort=sort)))


def curve(experiment: str, metric: str, *, united: bool = True) -> dict[str, list[Any]]:
    """Return the values of a metric of an experiment as the columns `step`, `time`, `value` and
    `experiment`.

    A resumed run has the points of its earlier attempts too, up to the step from which it replaced
    them; without `united`, only its own.
    """
    with open_repository() as repository:
        return repository.curve(experiment, metric, united=united)


def snapshot(message: str = "", *, why: str = "") -> str:
    """Make a snapshot of HEAD with the payloads as they are; return its id."""
    with open_repository() as repository:
        return str(repository.snapshot(message, why=why).id)


def data(path: str | os.PathLike[str], rev: str | None = None) -> Path:
    """Return the path of a file or folder of a payload, as the experiment `rev` has it.

    Only what `path` names is asked of a remote. It is written into a folder that is removed when
    the process ends. Without `rev`, it is the file in the working tree; HEAD's if there is none.
    """
    if rev is None and os.path.lexists(path):
        return Path(path)
    with open_repository() as repository:
        return repository.place_data(os.fspath(path), rev or "HEAD", _scratch())


def ui(*only: str, live: bool | None = None, height: int | None = None) -> NotebookPage:
    """Return the page of `git datmo ui`, to be the result of a notebook's cell.

    `only` are ranges, tags and conditions, as for `git datmo ui --only`. A live page follows runs
    and commits while the kernel runs. It needs the extra `notebook`, and is the default with it.
    `height` is in CSS pixels.
    """
    from git_datmo.web.notebook_frame import HEIGHT
    from git_datmo.web.notebook_page import open_notebook_page

    return open_notebook_page(os.environ, Path.cwd(), only, live=live, height=height or HEIGHT)


@cache
def _scratch() -> Path:
    """Return a folder of this process."""
    folder = Path(tempfile.mkdtemp(prefix="git-datmo-data-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _cells(experiment: Experiment) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each cell of an experiment."""
    snapshot, run = experiment.snapshot, experiment.run
    yield "id", experiment.id
    yield "commit", experiment.commit
    yield "created", snapshot.created
    yield "author", snapshot.author.name
    yield "message", snapshot.message
    yield "status", run.ending if run is not None else None
    yield "seconds", run.seconds if run is not None else None
    yield "resumes", str(run.attempt) if run is not None and run.attempt is not None else None
    for name, value in snapshot.parameters.items():
        yield f"params.{name}", value
    for name, value in snapshot.metrics.items():
        yield f"metrics.{name}", _plain(value)
    for name, curve in snapshot.curves.items():
        if curve.best is not None:
            yield f"best.{name}", _plain(curve.best)


def _plain(value: Value) -> Value:
    """Return a metric as a number, also if it is NaN or infinite."""
    found = number(value)
    return found if isinstance(value, str) and found is not None else value


def _of_one_type(values: list[Any]) -> list[Any]:
    """Return values as they are, or as text if they are neither all numbers nor of one type."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) < 2:
        return values
    if kinds == {int, float}:
        return [float(value) if value is not None else None for value in values]
    return [str(value) if value is not None else None for value in values]
