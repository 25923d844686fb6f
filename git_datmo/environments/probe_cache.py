"""Cache the answer of an interpreter until a file or folder changes that it was made from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo import fsio

# A change within this time of an earlier one may leave the change time of a file as it was.
SETTLED = 2_000_000_000
# A person works in few environments at a time, and a sweep in one.
KEPT = 8
# Variables that change where an interpreter finds its packages.
_VARIABLES = ("HOME", "VIRTUAL_ENV", "CONDA_PREFIX")


@dataclass(frozen=True, slots=True)
class ProbeCache:
    """Answers in files below `folder`, one for each interpreter, environment and working folder.

    An answer is valid while each of its sources has the change time and size that it had before.
    """

    folder: Path

    def find(self, interpreter: str, environ: Mapping[str, str], cwd: Path) -> bytes | None:
        """Return the answer of an interpreter; None if it must be asked."""
        try:
            cached = json.loads(self._path(interpreter, environ, cwd).read_bytes())
            sources, answer = cached["sources"], cached["answer"].encode()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        # A missing source must still be missing, since a new folder can hold packages.
        return answer if sources == _stat_all(path for path, _ in sources) else None

    def keep(
        self, interpreter: str, environ: Mapping[str, str], cwd: Path, said: bytes, began: float
    ) -> None:
        """Keep an answer that was asked for at the time `began`, in seconds since 1970.

        A source that changed shortly before is not known well enough, so nothing is kept.
        """
        try:
            answer = said.decode()
            # A mark and a colon precede the JSON object on the line of the answer.
            paths = json.loads(answer.partition(":")[2])["sources"]
        except (ValueError, KeyError, TypeError):
            return
        # They are read after the answer, so a change meanwhile is seen by its new time.
        sources = _stat_all([os.path.realpath(interpreter), *paths])
        newest = max((info[0] for _, info in sources if info is not None), default=0)
        if newest > began * 1e9 - SETTLED:
            return
        path = self._path(interpreter, environ, cwd)
        with suppress(OSError):
            fsio.write_file(path, json.dumps({"sources": sources, "answer": answer}).encode())
            self._remove_oldest()

    def _path(self, interpreter: str, environ: Mapping[str, str], cwd: Path) -> Path:
        """Return the file for an interpreter, as this environment and working folder set it up."""
        # Other variables do not change where packages are found.
        named = {
            name: value
            for name, value in environ.items()
            if name.startswith("PYTHON") or name in _VARIABLES
        }
        asked = json.dumps([interpreter, str(cwd), named], sort_keys=True)
        return self.folder / f"{hashlib.sha256(os.fsencode(asked)).hexdigest()[:32]}.json"

    def _remove_oldest(self) -> None:
        """Remove all but the newest answers."""
        known = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in known[:-KEPT]:
            path.unlink(missing_ok=True)


def _stat_all(paths: Iterable[str]) -> list[list[Any]]:
    """Return each path with its change time in nanoseconds and its size; None for a missing one."""
    return [[path, _stat(path)] for path in paths]


def _stat(path: str) -> list[int] | None:
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return None
    # `cp -p` and unpackers set old modification times, but cannot set the change time.
    return [max(info.st_mtime_ns, info.st_ctime_ns), info.st_size]
