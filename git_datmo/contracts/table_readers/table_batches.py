"""Batches of rows that every reader yields, and the errors of readers.

A column of a batch is an array of pyarrow with one flat type. A column with nested or mixed values
is a list of Python values.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from git_datmo.errors import DatmoError

INSTALL_HINT = "install the extra: pip install 'git-datmo[contracts]'"
SAMPLES = 5
# More columns than any table that people write; each costs memory in every batch.
MOST_COLUMNS = 20_000


class UnreadableTable(DatmoError):
    """Error for a file that is not a table in its format."""


class MissingLibrary(DatmoError):
    """Error for a library of the extra `contracts` that is not installed."""


@dataclass(slots=True)
class Absences:
    """Rows of a batch that lack a field, as JSON Lines may."""

    count: int = 0
    first_row: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a table. Rows are counted from 1, without the header."""

    first_row: int
    rows: int
    columns: dict[str, Any]
    absent: dict[str, Absences] = field(default_factory=dict)


@dataclass(slots=True)
class BadRows:
    """Rows that no reader can split into fields: their count, and samples."""

    count: int = 0
    samples: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: int, text: str) -> None:
        """Count a row, and keep it as a sample if there are few."""
        self.count += 1
        if len(self.samples) < SAMPLES:
            self.samples.append((row, text))

    def clear(self) -> None:
        """Forget all rows, before the table is read again."""
        self.count = 0
        self.samples.clear()


class TableReader(Protocol):
    """Table in a file.

    `names` are the columns in their order; None if only the rows have them. `is_text` says that
    numbers and dates are written as text. `bad_rows` is filled while `batches` goes on.
    """

    names: tuple[str, ...] | None
    physical_types: dict[str, str]
    is_text: bool
    bad_rows: BadRows

    def batches(self) -> Iterator[Batch]:
        """Yield the rows in order. Raise `UnreadableTable` for a broken file."""
        ...


def load_library(name: str, path: str) -> Any:
    """Import a module of the extra `contracts`; raise `MissingLibrary` if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        what = f"'{path}' cannot be read without {package}"
        raise MissingLibrary(what, INSTALL_HINT) from error
