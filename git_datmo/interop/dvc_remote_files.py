"""Read the files of a DVC remote: a folder, a web server, or a file system of fsspec."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from git_datmo.backends.file_backend import Unreachable
from git_datmo.errors import DatmoError, Silent
from git_datmo.interop.dvc_content import PIECE
from git_datmo.redact import hide_passwords
from git_datmo.timeouts import DEFAULT, limit

# Number of files that are read in parallel.
READERS = 8
# Schemes of DVC that have other names in fsspec.
SCHEMES = {"azure": "az"}
HINT = "check its settings in .dvc/config and .dvc/config.local"


class NoSuchFile(DatmoError):
    """Error for a file that a remote does not have."""

    def __init__(self) -> None:
        super().__init__("no such file")


class Refused(DatmoError):
    """Error of a remote that answers, but does not give a file."""


class RemoteFiles(Protocol):
    """Files of a remote, by their paths."""

    def read(self, path: str) -> Generator[bytes, None, None]:
        """Yield the bytes of a file in pieces.

        Raises `NoSuchFile`, `Refused`, or another `DatmoError` if the remote does not respond.
        """


def open_remote(options: Mapping[str, str]) -> RemoteFiles:
    """Open the remote with these settings of DVC. Raises `DatmoError` if it does not respond."""
    scheme, _, rest = options["url"].partition("://")
    if not rest:
        return RemoteFolder(Path(options["url"]))
    if scheme == "file":
        return RemoteFolder(Path(rest))
    if scheme in ("http", "https"):
        return RemoteWebServer(options)
    return RemoteFileSystem(options)


class RemoteFolder:
    """Files of a remote in a local or mounted folder."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise Unreachable(f"there is no folder '{folder}'", f"mount it, or {HINT}")
        self._folder = folder

    def read(self, path: str) -> Generator[bytes, None, None]:
        """Yield the bytes of a file in pieces."""
        source = self._folder / path
        try:
            # Opening a pipe would wait for its other end.
            if not source.is_file():
                raise NoSuchFile
            with open(source, "rb") as file:
                while piece := file.read(PIECE):
                    yield piece
        except OSError as error:
            raise Refused(f"'{source}': {error.strerror}", "check its permissions") from error


class RemoteWebServer:
    """Files of a remote behind a web server."""

    def __init__(self, options: Mapping[str, str]) -> None:
        from git_datmo.backends.http_session import open_session

        self._url = options["url"].rstrip("/")
        self._shown = shown_url(self._url)
        self._session = open_session(READERS)
        # The size of a file does not bound a compressed answer.
        self._session.headers["Accept-Encoding"] = "identity"
        self._follows = True
        self._log_in(options)

    def _log_in(self, options: Mapping[str, str]) -> None:
        """Send the credentials of DVC's settings with each request."""
        from requests.auth import HTTPBasicAuth

        password = options.get("password", "")
        if options.get("auth") == "custom" and options.get("custom_auth_header"):
            self._session.headers[options["custom_auth_header"]] = password
            # The library would send the header to any other host, too.
            self._follows = False
        elif options.get("user"):
            # The library writes text in Latin-1.
            self._session.auth = HTTPBasicAuth(options["user"].encode(), password.encode())

    def read(self, path: str) -> Generator[bytes, None, None]:
        """Yield the bytes of a file in pieces."""
        with (
            self._translated(),
            self._session.get(
                f"{self._url}/{path}",
                # A content may be larger than the memory.
                stream=True,
                timeout=limit(),
                allow_redirects=self._follows,
            ) as answer,
        ):
            if answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                raise NoSuchFile
            if answer.status_code != HTTPStatus.OK:
                said = f"{answer.status_code} {answer.reason}"
                raise Refused(f"'{self._shown}' answers '{said}'", HINT)
            yield from answer.iter_content(PIECE)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn errors of the HTTP library into `Silent` or `Unreachable`."""
        import requests

        try:
            yield
        except (requests.RequestException, ValueError) as error:
            # Some timeouts arrive within another error of the library.
            if isinstance(error, requests.Timeout) or "timed out" in str(error):
                raise Silent(
                    f"'{self._shown}'", round(limit() or DEFAULT), is_remote=True
                ) from error
            raise Unreachable(f"'{self._shown}': {_reason(error)}", HINT) from error


class RemoteFileSystem:
    """Files of a remote in a file system that fsspec supports."""

    def __init__(self, options: Mapping[str, str]) -> None:
        from git_datmo.backends.fsspec_backend import open_file_system, translating

        scheme, _, rest = options["url"].partition("://")
        url = f"{SCHEMES.get(scheme, scheme)}://{rest}"
        self._shown = shown_url(options["url"])
        self._translating = translating
        with translating(self._shown):
            self._system, top = open_file_system(url, _library_settings(scheme, options))
        self._top = top.rstrip("/")

    def read(self, path: str) -> Generator[bytes, None, None]:
        """Yield the bytes of a file in pieces."""
        with self._translating(self._shown):
            try:
                with self._system.open(f"{self._top}/{path}", "rb") as file:
                    while piece := file.read(PIECE):
                        yield bytes(piece)
            except FileNotFoundError:
                raise NoSuchFile from None
            except PermissionError as error:
                raise Refused(f"'{self._shown}': {error}", HINT) from error


def _library_settings(scheme: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of a remote as arguments for the library of its scheme.

    Libraries of other schemes find their credentials by themselves.
    """
    names = {
        "s3": {
            "access_key_id": "key",
            "secret_access_key": "secret",
            "session_token": "token",
            "profile": "profile",
            "endpointurl": "endpoint_url",
        },
        "ssh": {
            "user": "username",
            "password": "password",
            "passphrase": "passphrase",
            "port": "port",
            "keyfile": "client_keys",
        },
    }.get(scheme, {})
    found: dict[str, Any] = {
        argument: options[name] for name, argument in names.items() if options.get(name)
    }
    if scheme == "s3" and options.get("region"):
        found["client_kwargs"] = {"region_name": options["region"]}
    if "port" in found:
        found["port"] = int(found["port"])
    if "client_keys" in found:
        found["client_keys"] = [found["client_keys"]]
    return found


def shown_url(url: str) -> str:
    """Return a URL for messages, without passwords and keys."""
    return hide_passwords(url).partition("?")[0].partition("#")[0]


def _reason(error: BaseException) -> str:
    """Return the first cause of an error; the texts of the HTTP library hold whole URLs."""
    seen = [error]
    while (cause := seen[-1].__cause__ or seen[-1].__context__) is not None and cause not in seen:
        seen.append(cause)
    first = seen[-1]
    said = first.strerror if isinstance(first, OSError) else ""
    return said or type(first).__name__
