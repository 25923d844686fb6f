"""Fetch contents from DVC's default remote."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from git_datmo.backends.file_backend import Unreachable
from git_datmo.errors import DatmoError, Silent
from git_datmo.interop.dvc_content import MissingData, content_paths, has_hash
from git_datmo.interop.dvc_remote_files import (
    READERS,
    NoSuchFile,
    Refused,
    RemoteFiles,
    open_remote,
)
from git_datmo.interop.dvc_settings import DvcSettings
from git_datmo.progress import Progress

NAME_HINT = (
    "name its remote in .dvc/config, or let DVC fetch the data of all commits, then import again"
)


class DvcRemote:
    """The default remote of a repository. What is fetched lies in the folder `scratch`.

    A remote that does not respond is not asked again.
    """

    def __init__(self, settings: DvcSettings, scratch: Path) -> None:
        self._settings = settings
        self._name = f"its remote '{settings.remote}'"
        self._scratch = scratch
        self._files: RemoteFiles | None = None
        self._gone: DatmoError | None = None
        # Ends of a sentence that begins with the hash, and hints.
        self._reasons: dict[str, DatmoError] = {}
        self._stopped = threading.Event()

    def fetch(self, wanted: Mapping[str, int | None], progress: Progress) -> None:
        """Fetch contents by their hashes. A value is the largest size in bytes, None for any."""
        if not wanted or not self._settings.remote or not self._is_open():
            return
        progress.begin("Fetching from DVC's remote", len(wanted), unit="file")
        with ThreadPoolExecutor(READERS, thread_name_prefix="dvc") as pool:
            try:
                for _ in pool.map(self._fetch, wanted, wanted.values()):
                    progress.advance(1)
            except BaseException:
                # The pool waits for its threads.
                self._stopped.set()
                raise
            finally:
                progress.finish()

    def find(self, md5: str, state: str) -> Path:
        """Return the path of a fetched content.

        Raises `MissingData` with the reason if it was not fetched. `state` says what the cache has.
        """
        path = self._scratch / md5
        if path.is_file():
            return path
        reason = self._reasons.get(md5) or self._general_reason()
        raise MissingData(f"{md5} {state}{reason.what}", reason.hint)

    def _general_reason(self) -> DatmoError:
        """Return why no content can be fetched, in the form of `_reasons`."""
        if self._gone is not None:
            is_silent = isinstance(self._gone, Silent)
            return DatmoError(
                f", and {self._name} cannot be read: {self._gone.what}",
                self._gone.hint if is_silent else f"{self._gone.hint}; then import again",
            )
        if self._settings.problem:
            hint = "correct DVC's settings, then import again"
            return DatmoError(f", and {self._settings.problem}", hint)
        return DatmoError("", NAME_HINT)

    def _is_open(self) -> bool:
        """Open the remote at the first call; return False if it does not respond."""
        if self._files is None and self._gone is None:
            try:
                self._files = open_remote(self._settings.options)
            except DatmoError as error:
                self._gone = error
        return self._gone is None

    def _fetch(self, md5: str, limit: int | None) -> None:
        """Fetch a content, or note why it cannot be had."""
        if self._gone is not None or self._stopped.is_set():
            return
        try:
            self._download(md5, limit)
        # A content has a reason of its own. A remote that does not respond ends them all.
        except NoSuchFile:
            self._reasons[md5] = DatmoError(
                f", and {self._name} does not have it",
                "push it there with DVC from a clone that has it, then import again",
            )
        except _Damaged as error:
            self._reasons[md5] = DatmoError(
                f", and in {self._name} {error}",
                "delete it there, push it again from a clone that has it, then import again",
            )
        except Refused as error:
            self._reasons[md5] = DatmoError(
                f", and {self._name} does not give it: {error.what}",
                f"{error.hint}; then import again",
            )
        except DatmoError as error:
            self._gone = error
        except OSError as error:
            self._reasons[md5] = DatmoError(
                f", and cannot be written to '{self._scratch.parent}': {error.strerror}",
                "make room, then import again",
            )

    def _download(self, md5: str, limit: int | None) -> None:
        """Write a content to the scratch folder; raise `NoSuchFile` if no path of it exists."""
        target = self._scratch / f"{md5}.part"
        try:
            for path, is_earlier in content_paths(md5):
                try:
                    self._copy_again(path, target, limit)
                except NoSuchFile:
                    continue
                if not has_hash(target, md5, is_earlier=is_earlier):
                    raise _Damaged("its content has another hash")
                # A name without the suffix means that the hash was checked.
                target.rename(self._scratch / md5)
                return
        finally:
            target.unlink(missing_ok=True)
        raise NoSuchFile

    def _copy_again(self, path: str, target: Path, limit: int | None) -> None:
        """Copy a file of the remote, with a second attempt after a broken connection."""
        try:
            self._copy(path, target, limit)
        except Unreachable:
            self._copy(path, target, limit)

    def _copy(self, path: str, target: Path, limit: int | None) -> None:
        """Copy a file of the remote, at most `limit` bytes of it."""
        assert self._files is not None
        with open(target, "wb") as file, closing(self._files.read(path)) as pieces:
            for piece in pieces:
                if self._stopped.is_set():
                    return
                if limit is not None and file.tell() + len(piece) > limit:
                    raise _Damaged(f"it has more than the {limit} bytes that DVC says")
                file.write(piece)


class _Damaged(Exception):
    """Content of a remote that is not what its hash says."""
