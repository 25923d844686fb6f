"""Follow what runs in progress log: each look reads the new bytes of their journals alone."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo.curves.curve_points import Points, no_points
from git_datmo.engines.run_journal import CALLS
from git_datmo.runs.logged_calls import NAME_LIMIT, NAMES_LIMIT

PIECE = 8 << 20
"""The most bytes of a journal that one look reads."""


@dataclass(slots=True)
class _LiveJournal:
    """A journal of a process, and how far it was read. `rest` is a line that is not whole yet."""

    offset: int = 0
    rest: bytes = b""
    prefix: str = ""
    names: dict[bytes, str] = field(default_factory=dict)


@dataclass(slots=True)
class LiveRun:
    """Curves of a run in progress by the names of their metrics, in the order of their first
    values."""

    home: Path
    curves: dict[str, Points] = field(default_factory=dict)
    _journals: dict[str, _LiveJournal] = field(default_factory=dict)

    def look(self) -> dict[str, int]:
        """Read new values; return the metrics that have some, with their earlier lengths."""
        before: dict[str, int] = {}
        try:
            with os.scandir(self.home / CALLS) as entries:
                grown = [
                    (entry.name, entry.stat().st_size)
                    for entry in entries
                    if entry.is_file(follow_symlinks=False)
                ]
        except OSError:
            return before
        for name, size in sorted(grown):
            journal = self._journals.setdefault(name, _LiveJournal())
            if size > journal.offset:
                self._read(name, journal, before)
        return before

    def _read(self, name: str, journal: _LiveJournal, before: dict[str, int]) -> None:
        """Read the next piece of a journal."""
        try:
            with (self.home / CALLS / name).open("rb") as file:
                file.seek(journal.offset)
                piece = file.read(PIECE)
        except OSError:
            return
        # The last line may be half written; its start waits for the next look.
        journal.offset += len(piece)
        *lines, journal.rest = (journal.rest + piece).split(b"\n")
        for line in lines:
            try:
                if line[:2] == b"m ":
                    self._value(line, journal, before)
                elif line[:2] == b"r ":
                    rank = int(json.loads(line[2:])["rank"])
                    journal.prefix = f"rank{rank}/" if rank > 0 else ""
            except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
                # A damaged line is passed over, as when the run is recorded.
                continue

    def _value(self, line: bytes, journal: _LiveJournal, before: dict[str, int]) -> None:
        """Add a value to its curve."""
        _, value, step, time, encoded = line.split(b" ", 4)
        name = journal.names.get(encoded)
        if name is None:
            text = str(json.loads(encoded)).encode("utf-8", "replace").decode()
            name = journal.names[encoded] = journal.prefix + text[:NAME_LIMIT]
        points = self.curves.get(name)
        if points is None:
            if len(self.curves) >= NAMES_LIMIT:
                return
            points = self.curves[name] = no_points()
        number, at, when = float(value), float(step), int(time)
        # All three are parsed before any is appended, so that the columns stay of equal length.
        before.setdefault(name, len(points))
        points.times.append(when)
        points.values.append(number)
        points.steps.append(at)
