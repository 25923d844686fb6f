"""Backend for any file system that fsspec supports, for example S3 or SFTP.

The file system library reads its own environment variables, files and fsspec configuration for
addresses and credentials.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

from git_datmo.backends.file_backend import NAME, Range, Unreachable
from git_datmo.backends.folder_backend import UNFINISHED
from git_datmo.backends.socket_activity import SocketActivity
from git_datmo.errors import DatmoError, Silent
from git_datmo.progress import Progress
from git_datmo.redact import hide_passwords
from git_datmo.timeouts import DEFAULT, limit

# Extra of this package that installs the library for a scheme.
EXTRAS = {"s3": "s3", "s3a": "s3", "sftp": "sftp", "ssh": "sftp"}
# Schemes whose files appear only when they are complete. For other schemes, a file is uploaded
# under a temporary name and renamed.
ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "memory"})
S3 = frozenset({"s3", "s3a"})
S3_ATTEMPTS = 2
SSH = frozenset({"sftp", "ssh"})
# Message of asyncssh's ConnectionLost for a silent server.
SSH_SILENCE = "not responding to keepalive"
# Schemes whose library returns whole files for range requests (sshfs).
SEEKING = frozenset({"sftp"})
KEY_HINT = (
    "ask its administrator whether the key is new: 'ssh-keygen -R HOST' removes the old one, and"
    " 'ssh HOST' adds the new one"
)
# Minimum age in seconds of a temporary file that counts as abandoned.
LEFT_BEHIND = 7 * 86400


def _ssh_limits() -> dict[str, Any]:
    """Return asyncssh options for timeouts and host keys.

    Host keys are checked with the user's `known_hosts`.
    """
    # None would switch the check of host keys off (asyncssh).
    options: dict[str, Any] = {"known_hosts": ()}
    if seconds := limit():
        options |= {"connect_timeout": 2 * seconds, "login_timeout": 2 * seconds}
        options |= {"keepalive_interval": seconds, "keepalive_count_max": 1}
    return options


def _s3_limits(activity: SocketActivity) -> dict[str, Any]:
    """Return botocore options for timeouts, and for sockets that `activity` observes.

    The user's own fsspec configuration has priority.
    """
    from fsspec.config import conf

    seconds = limit()
    if not seconds:
        return {}
    # botocore tries each of the two attempts of s3fs twice: four attempts in total.
    own = conf.get("s3", {}).get("config_kwargs", {})
    patience = {"connect_timeout": seconds / 2, "read_timeout": seconds / 2}
    return {
        "config_kwargs": {
            **patience,
            "connector_args": {"socket_factory": activity.make_socket},
            "retries": {"mode": "standard", "total_max_attempts": 2},
            **own,
        }
    }


def _is_timeout(error: BaseException) -> bool:
    """Return True if an error or any of its causes is a timeout of any library."""
    chain = [error]
    while (
        before := chain[-1].__cause__ or chain[-1].__context__
    ) is not None and before not in chain:
        chain.append(before)
    return any(
        isinstance(each, TimeoutError | asyncio.TimeoutError)
        or "Timeout" in type(each).__name__
        or SSH_SILENCE in str(each)
        for each in chain
    )


def _drop_repeated_errors(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Drop errors of tasks that nothing awaits; pass other errors of an event loop on.

    When a connection is lost, asyncssh raises the error of the first of its tasks. asyncio would
    print a traceback for each of the others.
    """
    if context.get("task") is None and context.get("future") is None:
        loop.default_exception_handler(context)


def open_file_system(
    url: str,
    settings: Mapping[str, Any] = MappingProxyType({}),
    activity: SocketActivity | None = None,
) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it.

    `settings` are further arguments for the library. `activity` observes the sockets of S3. Raises
    `DatmoError` if the library for the scheme is not installed.
    """
    scheme = url.partition("://")[0]
    try:
        if scheme in SSH:
            # The SFTP implementation of fsspec accepts any host key, so use sshfs.
            from sshfs import SSHFileSystem

            named = SSHFileSystem._get_kwargs_from_urls(url)  # noqa: SLF001  # fsspec's own protocol
            options = {**named, **_ssh_limits(), **settings}
            return SSHFileSystem(
                skip_instance_cache=True, **options
            ), SSHFileSystem._strip_protocol(url)  # noqa: SLF001
        from fsspec.core import url_to_fs

        limits = _s3_limits(activity or SocketActivity()) if scheme in S3 else {}
        found: tuple[Any, str] = url_to_fs(
            url, skip_instance_cache=True, use_listings_cache=False, **limits, **settings
        )
        if scheme in S3:
            found[0].retries = S3_ATTEMPTS
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        hint = (
            f"install it with \"pip install 'git-datmo[{extra}]'\""
            if extra
            else "install it with pip"
        )
        raise DatmoError(
            f"'{hide_passwords(url)}' needs a library that is not installed: {error}", hint
        ) from error
    return found


@contextmanager
def translating(url: str) -> Iterator[None]:
    """Turn any error of the library into `Silent` or `Unreachable`.

    The libraries share no error class. `url` has no password.
    """
    try:
        yield
    except DatmoError:
        raise
    except Exception as error:
        if _is_timeout(error):
            raise Silent(f"'{url}'", round(limit() or DEFAULT), is_remote=True) from error
        if type(error).__name__ == "HostKeyNotVerifiable":
            raise Unreachable(
                f"'{url}' shows a host key that known_hosts does not have for it", KEY_HINT
            ) from error
        said = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise Unreachable(
            f"'{url}': {said}", "check the address and your credentials for it"
        ) from error


class FileSystemFiles:
    """Files below a URL of an fsspec file system."""

    def __init__(self, url: str, part: str) -> None:
        self.url = hide_passwords(url)
        scheme = url.partition("://")[0]
        self._atomic = scheme in ATOMIC
        self._seeks = scheme in SEEKING
        self._activity = SocketActivity() if scheme in S3 else None
        with translating(self.url):
            self._system, top = open_file_system(url, activity=self._activity)
            if loop := getattr(self._system, "loop", None):
                loop.call_soon_threadsafe(loop.set_exception_handler, _drop_repeated_errors)
        self._root = top.lstrip("/").partition("/")[0] if self._atomic else top
        self._folder = f"{top.rstrip('/')}/{part}"

    def list(self) -> dict[str, int]:
        """Return the name and size in bytes of each complete file."""
        with translating(self.url):
            # Other clients may have added files since the last listing.
            self._system.invalidate_cache()
            try:
                found = self._system.ls(self._folder, detail=True)
            except FileNotFoundError:
                # Raises an error if the bucket or folder itself is missing; otherwise it has no
                # files yet.
                self._system.ls(self._root, detail=False)
                return {}
            named = {entry["name"].rpartition("/")[2]: entry for entry in found}
            self._sweep(named)
            return {name: int(entry["size"]) for name, entry in named.items() if NAME.match(name)}

    def _sweep(self, named: dict[str, dict[str, Any]]) -> None:
        """Delete the abandoned temporary files of dead processes."""
        for name, entry in named.items():
            changed: Any = entry.get("mtime")
            seconds = changed.timestamp() if hasattr(changed, "timestamp") else changed
            if name.startswith(UNFINISHED) and seconds and time.time() - seconds > LEFT_BEHIND:
                self._system.rm_file(f"{self._folder}/{name}")

    def put(self, source: Path, progress: Progress) -> None:
        """Upload the file `source` under its name."""
        from fsspec.callbacks import Callback

        class Told(Callback):  # type: ignore[misc]  # fsspec has no types
            """Adapter from fsspec callbacks to a progress meter."""

            def relative_update(self, inc: int = 1) -> None:
                """Report `inc` more bytes."""
                progress.advance(inc)

        target = f"{self._folder}/{source.name}"
        with translating(self.url):
            if self._atomic:
                self._put_complete(source, target, Told())
                return
            self._system.makedirs(self._folder, exist_ok=True)
            # A random name, since several clients may upload the same pack.
            half = f"{self._folder}/{UNFINISHED}{os.urandom(8).hex()}-{source.name}"
            self._system.put_file(str(source), half, callback=Told())
            self._rename(half, target, source.stat().st_size)

    def _put_complete(self, source: Path, target: str, callback: Any) -> None:
        """Upload a file that appears only when it is complete.

        A server that is silent for the limit is asked a second time.
        """
        seconds, activity = limit(), self._activity
        if activity is None or not seconds:
            self._system.put_file(str(source), target, callback=callback)
            return
        from fsspec.asyn import sync

        def upload() -> None:
            started = self._system._put_file(str(source), target, callback=callback)  # noqa: SLF001  # fsspec's asynchronous interface
            sync(self._system.loop, activity.await_active, started, seconds)

        try:
            upload()
        except TimeoutError:
            upload()

    def _rename(self, half: str, target: str, size: int) -> None:
        """Rename a complete upload to its final name."""
        try:
            self._system.mv(half, target)
        except Exception:
            # Not every file system can replace a file by a rename. An existing file of that name
            # and size has the same content, since the name is a checksum.
            if not self._system.exists(target) or self._system.info(target)["size"] != size:
                raise
            self._system.rm_file(half)

    def publish(self) -> None:
        """Do nothing, since uploaded files are visible immediately."""

    def read(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        """Yield the bytes of each range, in order."""
        if self._seeks:
            yield from self._seek(ranges)
            return
        paths = [f"{self._folder}/{part.name}" for part in ranges]
        with translating(self.url):
            found = self._system.cat_ranges(
                paths,
                [part.start for part in ranges],
                [part.end for part in ranges],
                on_error="raise",
            )
        yield from (bytes(data) for data in found)

    def _seek(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        """Yield the bytes of each range; open each file only once.

        Opening a file is a request of its own.
        """
        for name, parts in groupby(ranges, key=lambda part: part.name):
            with translating(self.url), self._system.open(f"{self._folder}/{name}", "rb") as file:
                for part in parts:
                    file.seek(part.start)
                    yield file.read(part.end - part.start)
