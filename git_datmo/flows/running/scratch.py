"""The fresh folder of a rerun: made outside the repository, removed afterwards unless the person named it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.flows.workspace import Workspace


@contextmanager
def scratch_folder(ws: Workspace, asked: str | None) -> Iterator[Path]:
    """An empty folder; raises `DatmoError` when the one that was asked for holds anything."""
    if asked is None:
        base = ws.shared_state / "scratch"
        base.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="rerun-", dir=base))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    folder = Path(asked).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatmoError(f"'{asked}' exists and is not an empty folder", "name one that does not exist")
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
