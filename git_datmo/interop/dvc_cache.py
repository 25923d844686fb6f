"""Take data from DVC's cache, or else from its remote, into the store."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.interop.dvc_commit import DvcOutput
from git_datmo.interop.dvc_content import (
    MissingData,
    content_paths,
    has_hash,
    is_hash,
    listed_files,
)
from git_datmo.interop.dvc_remote import DvcRemote
from git_datmo.interop.dvc_settings import read_settings
from git_datmo.model import Content
from git_datmo.permissions import make_folder
from git_datmo.progress import Progress
from git_datmo.repository.stored_curves import store_folder
from git_datmo.repository.workspace import Workspace

PREFIX = "git-datmo-dvc-"
# Minimum age in seconds of a scratch folder that a killed import has left behind.
LEFT_BEHIND = 7 * 86400
# Largest list of a folder's files in bytes. Lists are read into memory.
LIST_LIMIT = 256 << 20
WRONG_HINT = "DVC's file in that commit is wrong"


@contextmanager
def open_cache(ws: Workspace) -> Iterator[DvcCache]:
    """Open the cache of a repository. What its remote sends is deleted with the end of the block.

    Earlier imports that were killed have left their files behind. These are deleted, too.
    """
    make_folder(ws.state)
    for path in ws.state.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > LEFT_BEHIND:
                shutil.rmtree(path)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=ws.state) as scratch:
        yield DvcCache(ws, Path(scratch))


class DvcCache:
    """The cache of a repository, and the remote for missing data. Each content is stored once.

    Data from the remote are in the folder `scratch`.
    """

    def __init__(self, ws: Workspace, scratch: Path) -> None:
        settings = read_settings(ws.root, ws.environ)
        self._ws = ws
        self._folder = settings.cache
        self._scratch = scratch
        self._remote = DvcRemote(settings, scratch)
        self._paths: dict[str, Path | None] = {}
        self._states: dict[str, str] = {}
        self._known: dict[tuple[str, bool], Content] = {}

    def fetch(self, outputs: Iterable[DvcOutput], progress: Progress) -> None:
        """Fetch the data of outputs that are missing from the cache."""
        wanted = list(outputs)
        folders = [output for output in wanted if _is_folder(output)]
        limits = ((o.md5, LIST_LIMIT if _is_folder(o) else o.size) for o in wanted)
        self._fetch_missing(_largest(limits), progress)
        # The lists of folders name further contents, whose sizes DVC does not say.
        inner = ((md5, o.size) for o in folders for md5 in self._listed(o.md5))
        self._fetch_missing(_largest(inner), progress)

    def store(self, output: DvcOutput) -> Content:
        """Store the data of an output, and return their content. Raises `MissingData`."""
        key = output.md5, output.executable
        if key not in self._known:
            self._known[key] = self._store(output)
        return self._known[key]

    def _fetch_missing(self, limits: Mapping[str, int | None], progress: Progress) -> None:
        """Fetch contents that are missing from the cache. The values are their largest sizes."""
        missing = dict[str, int | None]()
        progress.begin("Checking DVC's cache", len(limits), unit="file")
        for md5, limit in limits.items():
            progress.advance(1)
            if is_hash(md5) and self._in_cache(md5) is None:
                missing[md5] = limit
        progress.finish()
        self._remote.fetch(missing, progress)

    def _listed(self, md5: str) -> list[str]:
        """Return the hashes of a folder's files; none if its list is missing or damaged."""
        try:
            return [each for _, each in listed_files(self._find(md5))]
        except DatmoError:
            return []

    def _store(self, output: DvcOutput) -> Content:
        source = self._find(output.md5)
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            target = Path(folder) / "data"
            if _is_folder(output):
                make_folder(target)
                for path, md5 in listed_files(source):
                    make_folder((target / path).parent)
                    _link(self._find(md5), target / path)
            else:
                size = source.stat().st_size
                if output.size not in (None, size):
                    what = f"{output.md5} has {size} bytes, and DVC says {output.size}"
                    raise MissingData(what, WRONG_HINT)
                _link(source, target, executable=output.executable)
            return store_folder(self._ws, target)

    def _find(self, md5: str) -> Path:
        """Return the path of a content, in the cache or from the remote. Raises `MissingData`."""
        if not is_hash(md5):
            raise MissingData(f"'{md5}' is not an MD5", WRONG_HINT)
        return self._in_cache(md5) or self._remote.find(md5, self._states[md5])

    def _in_cache(self, md5: str) -> Path | None:
        """Return the path of a content in the cache, None if it is missing or damaged."""
        if md5 not in self._paths:
            self._paths[md5] = None
            self._states[md5] = "is not in DVC's cache"
            for name, is_earlier in content_paths(md5):
                path = self._folder / name
                if path.is_file():
                    if has_hash(path, md5, is_earlier=is_earlier):
                        self._paths[md5] = path
                        break
                    self._states[md5] = "is damaged in DVC's cache"
        return self._paths[md5]


def _largest(pairs: Iterable[tuple[str, int | None]]) -> dict[str, int | None]:
    """Return the largest size of each content; None if one of its sizes is unknown."""
    found = dict[str, int | None]()
    for md5, size in pairs:
        before = found.setdefault(md5, size)
        found[md5] = None if size is None or before is None else max(size, before)
    return found


def _is_folder(output: DvcOutput) -> bool:
    """Return True for an output whose content is a list of files."""
    return output.md5.endswith(".dir")


def _link(source: Path, target: Path, *, executable: bool = False) -> None:
    """Make a file with the content of another one, without a copy if the disk allows that."""
    # A hard link shares its mode with DVC's own file, so an executable file is copied.
    if not executable:
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    target.chmod(0o755 if executable else 0o644)
