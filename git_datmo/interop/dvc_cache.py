"""Take data from DVC's cache into the store."""

from __future__ import annotations

import configparser
import json
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.safe_paths import check_path
from git_datmo.interop.dvc_commit import DvcOutput
from git_datmo.model import Content
from git_datmo.permissions import make_folder
from git_datmo.repository.stored_curves import store_folder
from git_datmo.repository.workspace import Workspace

_MD5 = re.compile(r"[0-9a-f]{32}(?:\.dir)?\Z")


class Lacking(DatmoError):
    """Data that DVC's cache does not have, or not as its hash says."""


class DvcCache:
    """The cache of a repository. Each content is stored once."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._folders = list(_cache_folders(ws.root))
        self._known: dict[tuple[str, bool], Content] = {}

    def store(self, output: DvcOutput) -> Content:
        """Store the data of an output, and return their content. Raises `Lacking`."""
        key = output.md5, output.executable
        if key not in self._known:
            self._known[key] = self._store(output)
        return self._known[key]

    def _store(self, output: DvcOutput) -> Content:
        source = self._find(output.md5)
        with tempfile.TemporaryDirectory(prefix="git-datmo-dvc-", dir=self._ws.state) as scratch:
            target = Path(scratch) / "data"
            if output.md5.endswith(".dir"):
                make_folder(target)
                for path, md5 in _listed(source):
                    make_folder((target / path).parent)
                    _link(self._find(md5), target / path)
            else:
                if output.size is not None and source.stat().st_size != output.size:
                    raise Lacking(f"'{output.path}' has another size in the cache than DVC says")
                _link(source, target, executable=output.executable)
            return store_folder(self._ws, target)

    def _find(self, md5: str) -> Path:
        """Return the path of a content in the cache."""
        if _MD5.match(md5):
            for folder in self._folders:
                path = folder / md5[:2] / md5[2:]
                if path.is_file():
                    return path
        raise Lacking(
            f"{md5} is not in DVC's cache",
            "let DVC fetch the data of all commits, then import again",
        )


def _cache_folders(root: Path) -> Iterator[Path]:
    """Yield the folders with contents by hash: of DVC 3, and of earlier versions."""
    cache = root / ".dvc" / "cache"
    # The local file overrides the shared one.
    for name in ("config", "config.local"):
        # A percent sign in a path is no reference to another value.
        settings = configparser.ConfigParser(interpolation=None)
        with suppress(configparser.Error, OSError, UnicodeDecodeError):
            settings.read(root / ".dvc" / name)
            folder = settings.get("cache", "dir", fallback="")
            if folder:
                # DVC resolves a relative path from the folder of its configuration file.
                cache = root / ".dvc" / folder
    yield cache / "files" / "md5"
    yield cache


def _listed(path: Path) -> Iterator[tuple[str, str]]:
    """Yield path and MD5 of each file of a folder; raise `Lacking` if the list is damaged."""
    try:
        entries = [
            (str(each["relpath"]), str(each["md5"])) for each in json.loads(path.read_bytes())
        ]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Lacking(f"the list of files '{path}' cannot be read: {error}") from error
    for relative, md5 in entries:
        # The list comes from other people, and must not lead out of the folder.
        check_path(relative)
        yield posixpath.normpath(relative), md5


def _link(source: Path, target: Path, *, executable: bool = False) -> None:
    """Make a file with the content of another one, without a copy if the disk allows that."""
    # A hard link shares its mode with DVC's own file, so an executable file is copied.
    if not executable:
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    target.chmod(0o755 if executable else 0o644)
