"""Remember the records that this repository encoded, so that the catalog need not validate them.

Compiling the schema takes longer than most commands. The file has a record id per line, until the
catalog has a row for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from git_datmo import fsio
from git_datmo.errors import Damaged
from git_datmo.model import Oid


@dataclass(frozen=True, slots=True)
class WrittenRecords:
    """The file of the records that the catalog may take over unvalidated; None for no file.

    A missing id costs a validation and nothing else. So an id may be lost, where another process
    clears the file at the same time.
    """

    path: Path | None

    def add(self, records: Iterable[Oid]) -> None:
        """Append ids to the file; a disk that refuses them is no error."""
        if self.path is None:
            return
        with suppress(OSError):
            fsio.append(self.path, "".join(f"{record}\n" for record in records).encode())

    def read(self) -> frozenset[Oid]:
        """Return the ids in the file; none if it is missing or damaged."""
        if self.path is None:
            return frozenset()
        try:
            return frozenset(map(Oid.parse, self.path.read_text("ascii").split()))
        except (OSError, ValueError, Damaged):
            return frozenset()

    def clear(self) -> None:
        """Delete the file."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
