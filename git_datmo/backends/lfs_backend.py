"""Backend for a Git LFS server, accessed with its Batch API (git-lfs, docs/api).

The server stores objects by their SHA-256 and cannot list them. So the git remote holds a list of
file names with LFS pointers. The pointers also prevent the server from deleting the objects as
unreferenced.
"""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import requests

from git_datmo.backends.file_backend import Range, Unreachable
from git_datmo.backends.http_session import open_session
from git_datmo.backends.lfs_listing import Listing, Pointer
from git_datmo.errors import Silent
from git_datmo.git.command import Git
from git_datmo.progress import Progress
from git_datmo.redact import hide_passwords
from git_datmo.timeouts import DEFAULT, limit

MEDIA_TYPE = "application/vnd.git-lfs+json"
# Number of parallel range requests.
READERS = 8
# Number of objects in a batch request, as in Git LFS.
BATCH = 100
# Number of whole files cached for a server without range requests.
WHOLE_FILES = 8
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Action:
    """Request that a server expects for an object: the URL and the headers."""

    href: str
    header: dict[str, str] = field(default_factory=dict)


class _ReportedUpload(io.FileIO):
    """File that reports reads to a progress meter."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__(path)
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        """Read from the file and report the number of bytes."""
        data = super().read(-1 if size is None else size) or b""
        self._progress.advance(len(data))
        return data


class LfsFiles:
    """Files of a list on an LFS server. `git` provides the credentials."""

    def __init__(self, url: str, listing: Listing, git: Git) -> None:
        self.url = hide_passwords(url)
        self._server = url
        self._listing = listing
        self._git = git
        self._known: dict[str, Pointer] = {}
        self._new: dict[str, Pointer] = {}
        self._auth: tuple[str, str] | None = None
        self._ranged: bool | None = None
        self._whole: dict[str, IO[bytes]] = {}
        self._session = open_session(READERS)

    def list(self) -> dict[str, int]:
        """Return the name and size in bytes of each file in the list."""
        self._known = self._listing.read()
        return {name: pointer.size for name, pointer in self._known.items()}

    def put(self, source: Path, progress: Progress) -> None:
        """Upload a file, unless the server has it. `publish` adds it to the list."""
        pointer = Pointer(_sha256(source), source.stat().st_size)
        actions = self._batch("upload", [pointer])[pointer.oid]
        # A server that requests no upload has the object.
        if "upload" in actions:
            with _ReportedUpload(source, progress) as file, self._translated():
                self._check(self._do("PUT", actions["upload"], data=file))
        else:
            progress.advance(pointer.size)
        if "verify" in actions:
            with self._translated():
                document = {"oid": pointer.oid, "size": pointer.size}
                header = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
                verify = Action(actions["verify"].href, header | actions["verify"].header)
                self._check(self._do("POST", verify, json=document))
        self._new[source.name] = pointer

    def publish(self) -> None:
        """Add the uploaded files to the list."""
        if self._new:
            self._listing.add(self._new)
            self._known |= self._new
            self._new = {}

    def read(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        """Yield the bytes of each range, in order.

        Raises `Unreachable` if the server refuses an object.
        """
        pointers = dict.fromkeys(self._known[part.name] for part in ranges)
        actions = self._batch("download", list(pointers))

        def one(part: Range) -> bytes:
            return self._read(actions[self._known[part.name].oid]["download"], part)

        rest = iter(ranges)
        if self._ranged is None:
            # The first response shows if the server supports range requests.
            yield from map(one, islice(rest, 1))
        if self._ranged:
            with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
                yield from pool.map(one, rest)
        else:
            yield from map(one, rest)

    def _read(self, action: Action, part: Range) -> bytes:
        """Return a range of a file; repeat the request once if the response is interrupted."""
        if part.name not in self._whole:
            header = action.header | {
                "Range": f"bytes={part.start}-{part.end - 1}",
                # A range counts bytes of the file itself, not of a compressed form.
                "Accept-Encoding": "identity",
            }
            asking = Action(action.href, header)
            with self._translated():
                # The session repeats a failed request, but not a request whose response is
                # interrupted.
                answer = self._do("GET", asking, stream=True)
                with suppress(requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                    return self._take(answer, part)
                return self._take(self._do("GET", asking, stream=True), part)
        return self._part_of_whole(part)

    def _take(self, answer: requests.Response, part: Range) -> bytes:
        """Return a range from a response. If the response is the whole file, cache it."""
        with answer:
            self._check(answer)
            # A server that ignores the range answers 200 with the whole file (RFC 9110, 14.2).
            self._ranged = answer.status_code == HTTPStatus.PARTIAL_CONTENT
            if self._ranged:
                return answer.content
            self._keep(part.name, answer)
        return self._part_of_whole(part)

    def _part_of_whole(self, part: Range) -> bytes:
        """Return a range of a cached file."""
        file = self._whole[part.name]
        file.seek(part.start)
        return file.read(part.end - part.start)

    def _keep(self, name: str, answer: requests.Response) -> None:
        """Cache a whole file for further ranges if the server does not support them."""
        while len(self._whole) >= WHOLE_FILES:
            self._whole.pop(next(iter(self._whole))).close()
        file = tempfile.TemporaryFile()  # noqa: SIM115  # closed when it makes room, or with the process
        for piece in answer.iter_content(PIECE):
            file.write(piece)
        self._whole[name] = file

    def _batch(self, operation: str, pointers: Sequence[Pointer]) -> dict[str, dict[str, Action]]:
        """Return the actions for each object by its id.

        Raises `Unreachable` if the server refuses an object.
        """
        found: dict[str, dict[str, Action] | str] = {}
        for start in range(0, len(pointers), BATCH):
            asked = pointers[start : start + BATCH]
            objects = [{"oid": pointer.oid, "size": pointer.size} for pointer in asked]
            document = {
                "operation": operation,
                "transfers": ["basic"],
                "hash_algo": "sha256",
                "objects": objects,
            }
            with self._translated():
                answer = self._ask(document)
                found |= {each["oid"]: _actions(each) for each in answer.json()["objects"]}
        # Every object needs an answer of its own, which the server may have left out.
        for pointer in pointers:
            refused = found.get(pointer.oid, "the server does not answer for it")
            if isinstance(refused, str) or (operation == "download" and "download" not in refused):
                raise Unreachable(
                    f"'{self.url}' refuses object '{pointer.oid}': {refused}",
                    "ask the administrator of the server",
                )
        return {oid: each for oid, each in found.items() if not isinstance(each, str)}

    def _ask(self, document: dict[str, Any]) -> requests.Response:
        """Send a batch request; log in and repeat it if the server requires credentials."""
        action = Action(
            f"{self._server}/objects/batch", {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
        )
        answer = self._do("POST", action, json=document)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._log_in(action, document)
            answer = self._do("POST", action, json=document)
        self._check(answer)
        return answer

    def _check(self, answer: requests.Response) -> None:
        """Raise `Unreachable` for an error response.

        The message omits object URLs, since they may give access to the objects.
        """
        if not answer.ok:
            said = f"{answer.status_code} {answer.reason}"
            raise Unreachable(
                f"'{self.url}' answers '{said}'", "ask the administrator of the server"
            )

    def _log_in(self, action: Action, document: dict[str, Any]) -> None:
        """Get credentials from git, and report to git if the server accepts them."""
        asked = f"url={self._server}\n\n".encode()
        filled = self._git.finish("credential", "fill", stdin=asked)
        found = dict(
            line.split("=", 1) for line in filled.stdout.decode().splitlines() if "=" in line
        )
        if filled.returncode or "password" not in found:
            raise Unreachable(
                f"'{self.url}' needs credentials",
                "set a credential helper (see 'git help credentials')",
            )
        self._auth = (found.get("username", ""), found["password"])
        right = self._do("POST", action, json=document).status_code != HTTPStatus.UNAUTHORIZED
        self._git.finish(
            "credential", "approve" if right else "reject", stdin=filled.stdout + b"\n"
        )

    def _do(self, method: str, action: Action, **options: Any) -> requests.Response:
        """Send a request.

        Credentials go only to the server's own host, and only if the action has no authorization
        header.
        """
        own = _host(action.href) == _host(self._server)
        given = any(name.lower() == "authorization" for name in action.header)
        auth = self._auth if self._auth is not None and own and not given else _as_it_is
        return self._session.request(
            method, action.href, headers=action.header, auth=auth, timeout=limit(), **options
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn errors of the HTTP library into `Silent` or `Unreachable`."""
        try:
            yield
        except (requests.RequestException, OSError, ValueError, LookupError, TypeError) as error:
            # Some timeouts arrive within another error of the library.
            if isinstance(error, requests.Timeout) or "timed out" in str(error):
                raise Silent(f"'{self.url}'", round(limit() or DEFAULT), is_remote=True) from error
            # The query string of a URL may give access to an object.
            said = (
                re.sub(r"\?[^\s')]*", "", next(iter(str(error).splitlines()), ""))
                or type(error).__name__
            )
            raise Unreachable(
                f"'{self.url}': {said}", "check the address, and that it is an LFS server"
            ) from error


def _host(url: str) -> tuple[str, str | None, int | None]:
    """Return the scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return the request unchanged.

    Without an authentication function, `requests` would replace the server's headers with
    credentials from `~/.netrc`.
    """
    return request


def _actions(document: dict[str, Any]) -> dict[str, Action] | str:
    """Return the actions for an object, or the error message of the server."""
    if "error" in document:
        return str(document["error"].get("message", document["error"]))
    return {
        name: Action(
            str(each["href"]),
            {key: str(value) for key, value in (each.get("header") or {}).items()},
        )
        for name, each in (document.get("actions") or {}).items()
    }


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
