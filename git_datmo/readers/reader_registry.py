"""Find the readers for the files of other tools.

Another package adds a reader by an entry point of the group `git_datmo.readers`. The entry point
has the name of the format, and its object is a `ReaderKind`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from git_datmo.errors import DatmoError
from git_datmo.readers.dvclive_reader import DVCLIVE
from git_datmo.readers.mlflow_reader import MLFLOW_DATABASE, MLFLOW_FOLDER
from git_datmo.readers.script_reader import SCRIPT
from git_datmo.readers.tensorboard_reader import TENSORBOARD
from git_datmo.readers.tool_runs import ReaderKind
from git_datmo.readers.trackio_reader import TRACKIO
from git_datmo.readers.trainer_reader import TRAINER
from git_datmo.readers.wandb_reader import WANDB

GROUP = "git_datmo.readers"
BUILT_IN = (TENSORBOARD, TRAINER, DVCLIVE, MLFLOW_FOLDER, MLFLOW_DATABASE, WANDB, TRACKIO)


@cache
def all_readers() -> tuple[ReaderKind, ...]:
    """Return the readers of other packages and of this one, without that of scripts.

    Raises `DatmoError` if a package with a reader cannot be imported.
    """
    return (*_from_packages(), *BUILT_IN)


def _from_packages() -> Iterator[ReaderKind]:
    """Yield the readers that other packages add."""
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP):
        try:
            kind = point.load()
        except (ImportError, AttributeError) as error:
            raise DatmoError(
                f"the package with the reader '{point.name}' cannot be imported: {error}",
                f"install '{point.module.partition('.')[0]}' again, with what it needs",
            ) from error
        if isinstance(kind, ReaderKind):
            yield kind


def find_sources(path: str) -> Iterator[tuple[ReaderKind, str]]:
    """Yield each reader for a file, and the path of the file or folder that it reads.

    A file with the name of a script's metrics is one only if no tool's reader claims it.
    """
    is_claimed = False
    for kind in all_readers():
        source = kind.claim(path)
        if source is not None:
            is_claimed = True
            yield kind, source
    own = SCRIPT.claim(path)
    if own is not None and not is_claimed:
        yield SCRIPT, own
