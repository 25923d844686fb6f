"""A place behind any file system that fsspec knows: S3 and its kind, SFTP, and the rest.

How it is reached and by what credentials is the file system's own affair: its environment variables and files, and
fsspec's own configuration.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from git_datmo.errors import DatmoError, Silent
from git_datmo.places.files import NAME, Range, Unreachable
from git_datmo.places.folder import UNFINISHED
from git_datmo.progress import Progress
from git_datmo.redact import hide_passwords
from git_datmo.waits import DEFAULT, limit

# Which extra of this package brings the library for a scheme along.
EXTRAS = {"s3": "s3", "s3a": "s3", "sftp": "sftp"}
# Stores in which a file appears when all of it is there; everywhere else a file is renamed when it is.
ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "memory"})
S3 = frozenset({"s3", "s3a"})
S3_ATTEMPTS = 2
# Whose library gives whole files where it is asked for ranges (sshfs).
SEEKING = frozenset({"sftp"})
KEY_HINT = (
    "ask those who run it whether its key is new: 'ssh-keygen -R HOST' forgets the old one, and 'ssh HOST' shows the "
    "new one and asks"
)
# How old a file must be to have been left by a process that died, in seconds.
LEFT_BEHIND = 7 * 86400


def _ssh_limits() -> dict[str, Any]:
    """Return what makes asyncssh give up a server that is silent, and check host keys by the user's `known_hosts`."""
    options: dict[str, Any] = {"known_hosts": ()}
    if seconds := limit():
        options |= {"connect_timeout": 2 * seconds, "login_timeout": 2 * seconds}
        options |= {"keepalive_interval": seconds, "keepalive_count_max": 1}
    return options


def _s3_limits() -> dict[str, Any]:
    """Return what makes botocore give up a server that is silent, beneath what the user's own configuration says."""
    from fsspec.config import conf

    seconds = limit()
    if not seconds:
        return {}
    # botocore makes each attempt of s3fs twice: four in all.
    own = conf.get("s3", {}).get("config_kwargs", {})
    patience = {"connect_timeout": seconds / 2, "read_timeout": seconds / 2}
    return {"config_kwargs": {**patience, "retries": {"mode": "standard", "total_max_attempts": 2}, **own}}


def _is_timeout(error: BaseException) -> bool:
    """Return True for what libraries raise where a server is silent, whatever they wrap it in."""
    chain = [error]
    while (before := chain[-1].__cause__ or chain[-1].__context__) is not None and before not in chain:
        chain.append(before)
    return any(
        isinstance(each, TimeoutError | asyncio.TimeoutError) or "Timeout" in type(each).__name__ for each in chain
    )


def _import(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    scheme = url.partition("://")[0]
    try:
        if scheme == "sftp":
            # What fsspec takes for it itself trusts any host key.
            from sshfs import SSHFileSystem

            options = {**SSHFileSystem._get_kwargs_from_urls(url), **_ssh_limits()}  # noqa: SLF001  # fsspec's own protocol
            return SSHFileSystem(skip_instance_cache=True, **options), SSHFileSystem._strip_protocol(url)  # noqa: SLF001
        from fsspec.core import url_to_fs

        limits = _s3_limits() if scheme in S3 else {}
        found: tuple[Any, str] = url_to_fs(url, skip_instance_cache=True, use_listings_cache=False, **limits)
        if scheme in S3:
            found[0].retries = S3_ATTEMPTS
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        hint = f"install it with \"pip install 'git-datmo[{extra}]'\"" if extra else "install it with pip"
        raise DatmoError(f"'{hide_passwords(url)}' needs a library that is not here: {error}", hint) from error
    return found


class FileSystemFiles:
    """Files below a URL."""

    def __init__(self, url: str, part: str) -> None:
        self.url = hide_passwords(url)
        scheme = url.partition("://")[0]
        self._atomic = scheme in ATOMIC
        self._seeks = scheme in SEEKING
        with self._translated():
            self._system, top = _import(url)
        self._root = top.lstrip("/").partition("/")[0] if self._atomic else top
        self._folder = f"{top.rstrip('/')}/{part}"

    def list(self) -> dict[str, int]:
        with self._translated():
            self._system.invalidate_cache()
            try:
                found = self._system.ls(self._folder, detail=True)
            except FileNotFoundError:
                # A bucket or folder that is not there at all is told from one that has nothing yet.
                self._system.ls(self._root, detail=False)
                return {}
            named = {entry["name"].rpartition("/")[2]: entry for entry in found}
            self._sweep(named)
            return {name: int(entry["size"]) for name, entry in named.items() if NAME.match(name)}

    def _sweep(self, named: dict[str, dict[str, Any]]) -> None:
        """Remove what processes that died have left."""
        for name, entry in named.items():
            changed: Any = entry.get("mtime")
            seconds = changed.timestamp() if hasattr(changed, "timestamp") else changed
            if name.startswith(UNFINISHED) and seconds and time.time() - seconds > LEFT_BEHIND:
                self._system.rm_file(f"{self._folder}/{name}")

    def put(self, source: Path, progress: Progress) -> None:
        from fsspec.callbacks import Callback

        class Told(Callback):  # type: ignore[misc]  # fsspec has no types
            def relative_update(self, inc: int = 1) -> None:
                progress.advance(inc)

        target = f"{self._folder}/{source.name}"
        with self._translated():
            if self._atomic:
                self._system.put_file(str(source), target, callback=Told())
                return
            self._system.makedirs(self._folder, exist_ok=True)
            half = f"{self._folder}/{UNFINISHED}{os.urandom(8).hex()}-{source.name}"
            self._system.put_file(str(source), half, callback=Told())
            self._rename(half, target, source.stat().st_size)

    def _rename(self, half: str, target: str, size: int) -> None:
        try:
            self._system.mv(half, target)
        except Exception:
            # Not every file system renames onto what is there; what is there whole is the same by its name.
            if not self._system.exists(target) or self._system.info(target)["size"] != size:
                raise
            self._system.rm_file(half)

    def publish(self) -> None:
        pass

    def read(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        if self._seeks:
            yield from self._seek(ranges)
            return
        paths = [f"{self._folder}/{part.name}" for part in ranges]
        with self._translated():
            found = self._system.cat_ranges(
                paths, [part.start for part in ranges], [part.end for part in ranges], on_error="raise"
            )
        yield from (bytes(data) for data in found)

    def _seek(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        """Each file is opened once: a place where opening is a request of its own."""
        for name, parts in groupby(ranges, key=lambda part: part.name):
            with self._translated(), self._system.open(f"{self._folder}/{name}", "rb") as file:
                for part in parts:
                    file.seek(part.start)
                    yield file.read(part.end - part.start)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Every backend has errors of its own, which share no family."""
        try:
            yield
        except DatmoError:
            raise
        except Exception as error:
            if _is_timeout(error):
                raise Silent(f"'{self.url}'", round(limit() or DEFAULT), is_remote=True) from error
            if type(error).__name__ == "HostKeyNotVerifiable":
                raise Unreachable(
                    f"'{self.url}' shows a host key that known_hosts does not have for it", KEY_HINT
                ) from error
            said = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise Unreachable(f"'{self.url}': {said}", "check the address and your credentials for it") from error
