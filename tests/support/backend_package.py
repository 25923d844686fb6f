"""Install a small package that adds the store backend `shelf://` by an entry point."""

from __future__ import annotations

from pathlib import Path

MODULE = """
import os
import shutil
from pathlib import Path

from git_datmo.backends.backend_registry import BackendKind
from git_datmo.backends.file_backend import NAME, Unreachable


class ShelfFiles:
    def __init__(self, url, form):
        self.url = url
        top = Path(url.removeprefix("shelf://"))
        if not top.is_dir():
            raise Unreachable(f"there is no shelf '{top}'", "make it with 'mkdir'")
        self._folder = top / f"shelf-{form}"
        self._folder.mkdir(exist_ok=True)

    def list(self):
        found = (path for path in self._folder.iterdir() if NAME.match(path.name))
        return {path.name: path.stat().st_size for path in found}

    def put(self, source, progress):
        unfinished = self._folder / f"tmp-{source.name}"
        shutil.copyfile(source, unfinished)
        os.replace(unfinished, self._folder / source.name)
        progress.advance(source.stat().st_size)

    def publish(self):
        pass

    def read(self, ranges):
        for part in ranges:
            with open(self._folder / part.name, "rb") as file:
                file.seek(part.start)
                yield file.read(part.end - part.start)


KIND = BackendKind("shelf", ShelfFiles)
"""
METADATA = "Metadata-Version: 2.1\nName: shelf-backend\nVersion: 1.0\n"


def install_shelf(folder: Path, points: str = "shelf = shelf_backend:KIND") -> str:
    """Install the package, with these entry points, into a folder for Python's path."""
    info = folder / "shelf_backend-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "shelf_backend.py").write_text(MODULE)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(f"[git_datmo.backends]\n{points}\n")
    return str(folder)
