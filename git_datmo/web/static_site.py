"""Write the page as a folder of files that needs no server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from git_datmo import fsio
from git_datmo.errors import DatmoError
from git_datmo.progress import QUIET, Progress
from git_datmo.web.document_text import script_of
from git_datmo.web.documents_files import read_pieces
from git_datmo.web.exported_names import ExportedFile, ExportedNames
from git_datmo.web.page_documents import make_document
from git_datmo.web.page_state import NoDocument, PageState

DATA = "data"
FIRST = f"{DATA}/experiments.js"
"""A file that every export has."""


@dataclass
class ExportedSite:
    """The files of an export, by path with `/`, in one temporary file without a name."""

    content: BinaryIO
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 0

    def add(self, path: str, content: bytes) -> None:
        """Add a file."""
        self.files[path] = (self.size, len(content))
        self.content.write(content)
        self.size += len(content)

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        offset, size = self.files[path]
        self.content.seek(offset)
        return self.content.read(size)

    def close(self) -> None:
        """Remove the temporary file."""
        self.content.close()


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """Numbers of files that an export wrote, left as they were, and removed."""

    written: int
    unchanged: int
    removed: int


def build_site(
    state: PageState, page: Mapping[str, bytes], progress: Progress = QUIET
) -> ExportedSite:
    """Make all files of an export: `page`, and the documents of its experiments."""
    # On disk and without a name: the size is known before the first file is written.
    site = ExportedSite(tempfile.TemporaryFile())  # noqa: SIM115 - `close` closes it
    progress.begin("Making the page", unit="documents")
    try:
        for name, content in page.items():
            site.add(name, content)
        for each in ExportedNames(state).all():
            _add(state, site, each)
            progress.advance(1)
    except BaseException:
        site.close()
        raise
    progress.finish()
    return site


def _add(state: PageState, site: ExportedSite, each: str | ExportedFile) -> None:
    """Add a document or a file. What is not here is left out."""
    try:
        if isinstance(each, ExportedFile):
            content = b"".join(read_pieces(state, each.oid))
            site.add(f"{DATA}/file/{each.oid}{each.suffix}", content)
        else:
            # A page opened from a disk may load scripts, but may not fetch JSON.
            site.add(f"{DATA}/{each}.js", script_of(each, make_document(state, each)))
    except NoDocument:
        return


def refuse_other_folder(folder: Path, shown: str) -> None:
    """Raise `DatmoError` for a folder that has something else than an export.

    `shown` is its path as the user gave it.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DatmoError(f"'{shown}' is no folder", "name one that does not exist")
    if any(folder.iterdir()) and not (folder / FIRST).is_file():
        raise DatmoError(
            f"'{shown}' has files that are no export of git-datmo",
            "name a folder that is empty or does not exist",
        )


def write_site(site: ExportedSite, folder: Path, shown: str) -> ExportCounts:
    """Write an export into a folder; files with the same content stay as they are.

    Documents of an earlier export that this one does not have are removed.
    """
    refuse_other_folder(folder, shown)
    written = unchanged = 0
    # The list of experiments comes last, so that a folder that is cut off is not taken for whole.
    for path in sorted(site.files, key=lambda path: path == FIRST):
        content, target = site.read(path), folder / path
        if _has(target, content):
            unchanged += 1
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        fsio.write_file(target, content)
        written += 1
    # Removed last, since the earlier list of experiments named them until now.
    stale = [path for path in _documents(folder) if path not in site.files]
    for path in stale:
        (folder / path).unlink()
    _remove_empty(folder / DATA)
    return ExportCounts(written, unchanged, len(stale))


def _has(path: Path, content: bytes) -> bool:
    """Return True if a file has this content."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def _documents(folder: Path) -> Iterator[str]:
    """Yield the paths of the documents and files of an export."""
    for base, _, names in os.walk(folder / DATA):
        for name in names:
            yield os.path.relpath(os.path.join(base, name), folder).replace(os.sep, "/")


def _remove_empty(folder: Path) -> None:
    """Remove the empty folders below a folder."""
    for base, _, _ in os.walk(folder, topdown=False):
        if base != str(folder) and not os.listdir(base):
            os.rmdir(base)
