"""Open databases of other programs for reading, without a write to them or beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager
from pathlib import Path

from git_datmo.errors import Damaged
from git_datmo.readers.regular_files import read_beginning

HEADER = b"SQLite format 3\0"
SUFFIXES = (".db", ".sqlite", ".sqlite3")


@contextmanager
def reading(path: Path, tables: AbstractSet[str]) -> Iterator[sqlite3.Connection | None]:
    """Open a database that has these tables; give None for any other file.

    If it has no log of pending writes, the database is opened as immutable. Then SQLite makes no
    files beside it. Raises `Damaged` if it cannot be read.
    """
    if not _has_header(path):
        yield None
        return
    log = Path(f"{path}-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)) as database:
            database.row_factory = sqlite3.Row
            # Without this, a text that is not valid UTF-8 raises an error.
            database.text_factory = lambda text: text.decode("utf-8", "replace")
            yield database if tables <= _tables(database) else None
    # The names of columns are decoded strictly, whatever the function for texts does.
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise Damaged(f"SQLite cannot read it: {error}") from error


def _has_header(path: Path) -> bool:
    """Return True if a file begins as databases of SQLite do."""
    return read_beginning(path, len(HEADER)) == HEADER


def _tables(database: sqlite3.Connection) -> set[str]:
    """Return the names of the tables."""
    return {row[0] for row in database.execute("SELECT name FROM sqlite_master")}


def require_columns(database: sqlite3.Connection, table: str, *names: str) -> None:
    """Raise `Damaged` if one of these columns is missing in a table."""
    lacking = [name for name in names if name not in columns(database, table)]
    if lacking:
        raise Damaged(f"its table '{table}' has no column '{lacking[0]}'")


def as_text(value: object) -> str:
    """Return a value of a database as text; '' for NULL."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def columns(database: sqlite3.Connection, table: str) -> set[str]:
    """Return the names of a table's columns. `table` is a name in the program, never input."""
    return {row["name"] for row in database.execute(f"PRAGMA table_info({table})")}
