"""A place that is a Git LFS server, spoken to by its Batch API (git-lfs, docs/api).

Such a server keeps objects by their SHA-256 and tells nobody which it has. So the git remote keeps a list: names of
files with LFS pointers, which also keep the server from taking the objects for forgotten ones.
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
from requests.adapters import HTTPAdapter, Retry

from git_datmo.errors import Silent
from git_datmo.git.run import Git
from git_datmo.places.files import Range, Unreachable
from git_datmo.places.listing import Listing, Pointer
from git_datmo.progress import Progress
from git_datmo.redact import hide_passwords
from git_datmo.waits import DEFAULT, limit

MEDIA_TYPE = "application/vnd.git-lfs+json"
# What servers answer when they are busy; they may say how long to wait.
BUSY = (429, 500, 502, 503, 504)
# Requests for parts of files that are under way at a time.
READERS = 8
# How many objects a server is asked about at once, as Git LFS itself does.
BATCH = 100
# How many whole files are kept of a server that gives no parts.
WHOLE_FILES = 8
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Action:
    """What a server wants to be asked for an object: where, and with which headers."""

    href: str
    header: dict[str, str] = field(default_factory=dict)


class _Told(io.FileIO):
    """A file that tells of being read."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__(path)
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        self._progress.advance(len(data))
        return data


class LfsFiles:
    """The files that a list names, on a server; `git` is asked for credentials."""

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
        self._session = requests.Session()
        retry = Retry(
            total=3,
            connect=1,
            read=1,
            backoff_factor=0.5,
            status_forcelist=BUSY,
            allowed_methods=None,
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=READERS))

    def list(self) -> dict[str, int]:
        self._known = self._listing.read()
        return {name: pointer.size for name, pointer in self._known.items()}

    def put(self, source: Path, progress: Progress) -> None:
        pointer = Pointer(_sha256(source), source.stat().st_size)
        actions = self._batch("upload", [pointer])[pointer.oid]
        # A server that wants nothing to be done has the object.
        if "upload" in actions:
            with _Told(source, progress) as file, self._translated():
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
        if self._new:
            self._listing.add(self._new)
            self._known |= self._new
            self._new = {}

    def read(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        pointers = dict.fromkeys(self._known[part.name] for part in ranges)
        actions = self._batch("download", list(pointers))

        def one(part: Range) -> bytes:
            return self._read(actions[self._known[part.name].oid]["download"], part)

        rest = iter(ranges)
        if self._ranged is None:
            # The first answer tells whether the server knows ranges.
            yield from map(one, islice(rest, 1))
        if self._ranged:
            with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
                yield from pool.map(one, rest)
        else:
            yield from map(one, rest)

    def _read(self, action: Action, part: Range) -> bytes:
        if part.name not in self._whole:
            header = action.header | {"Range": f"bytes={part.start}-{part.end - 1}", "Accept-Encoding": "identity"}
            asking = Action(action.href, header)
            with self._translated():
                # The session makes a request again that fails, but none whose answer breaks off.
                answer = self._do("GET", asking, stream=True)
                with suppress(requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                    return self._take(answer, part)
                return self._take(self._do("GET", asking, stream=True), part)
        return self._part_of_whole(part)

    def _take(self, answer: requests.Response, part: Range) -> bytes:
        """Return the part of a file from an answer; where that is the whole file, keep it."""
        with answer:
            self._check(answer)
            self._ranged = answer.status_code == HTTPStatus.PARTIAL_CONTENT
            if self._ranged:
                return answer.content
            self._keep(part.name, answer)
        return self._part_of_whole(part)

    def _part_of_whole(self, part: Range) -> bytes:
        file = self._whole[part.name]
        file.seek(part.start)
        return file.read(part.end - part.start)

    def _keep(self, name: str, answer: requests.Response) -> None:
        """Keep a whole file, which is what a server that knows no ranges gives, for the parts that will be wanted."""
        while len(self._whole) >= WHOLE_FILES:
            self._whole.pop(next(iter(self._whole))).close()
        file = tempfile.TemporaryFile()  # noqa: SIM115  # closed when it makes room, or with the process
        for piece in answer.iter_content(PIECE):
            file.write(piece)
        self._whole[name] = file

    def _batch(self, operation: str, pointers: Sequence[Pointer]) -> dict[str, dict[str, Action]]:
        """What to do for each object, by its id; raises `Unreachable` where the server refuses one."""
        found: dict[str, dict[str, Action] | str] = {}
        for start in range(0, len(pointers), BATCH):
            asked = pointers[start : start + BATCH]
            objects = [{"oid": pointer.oid, "size": pointer.size} for pointer in asked]
            document = {"operation": operation, "transfers": ["basic"], "hash_algo": "sha256", "objects": objects}
            with self._translated():
                answer = self._ask(document)
                found |= {each["oid"]: _actions(each) for each in answer.json()["objects"]}
        for pointer in pointers:
            refused = found.get(pointer.oid, "the server does not answer for it")
            if isinstance(refused, str) or (operation == "download" and "download" not in refused):
                raise Unreachable(f"'{self.url}' refuses object '{pointer.oid}': {refused}", "ask those who run it")
        return {oid: each for oid, each in found.items() if not isinstance(each, str)}

    def _ask(self, document: dict[str, Any]) -> requests.Response:
        action = Action(f"{self._server}/objects/batch", {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE})
        answer = self._do("POST", action, json=document)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._log_in(action, document)
            answer = self._do("POST", action, json=document)
        self._check(answer)
        return answer

    def _check(self, answer: requests.Response) -> None:
        """Raise `Unreachable` for an error; addresses of objects are left out, since they may open them to anybody."""
        if not answer.ok:
            said = f"{answer.status_code} {answer.reason}"
            raise Unreachable(f"'{self.url}' answers '{said}'", "ask those who run it")

    def _log_in(self, action: Action, document: dict[str, Any]) -> None:
        """Let git find credentials, and tell it whether they were right."""
        asked = f"url={self._server}\n\n".encode()
        filled = self._git.finish("credential", "fill", stdin=asked)
        found = dict(line.split("=", 1) for line in filled.stdout.decode().splitlines() if "=" in line)
        if filled.returncode or "password" not in found:
            raise Unreachable(f"'{self.url}' wants credentials", "set a credential helper (see 'git help credentials')")
        self._auth = (found.get("username", ""), found["password"])
        right = self._do("POST", action, json=document).status_code != HTTPStatus.UNAUTHORIZED
        self._git.finish("credential", "approve" if right else "reject", stdin=filled.stdout + b"\n")

    def _do(self, method: str, action: Action, **options: Any) -> requests.Response:
        """One request; our credentials go to the server's own host alone, and only where it gave no others."""
        own = _host(action.href) == _host(self._server)
        given = any(name.lower() == "authorization" for name in action.header)
        auth = self._auth if self._auth is not None and own and not given else _as_it_is
        return self._session.request(method, action.href, headers=action.header, auth=auth, timeout=limit(), **options)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (requests.RequestException, OSError, ValueError, LookupError, TypeError) as error:
            if isinstance(error, requests.Timeout) or "timed out" in str(error):
                raise Silent(f"'{self.url}'", round(limit() or DEFAULT), is_remote=True) from error
            # What follows a `?` may open an object to anybody.
            said = re.sub(r"\?[^\s')]*", "", next(iter(str(error).splitlines()), "")) or type(error).__name__
            raise Unreachable(f"'{self.url}': {said}", "check the address, and that it is an LFS server") from error


def _host(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without this, `requests` would put what ~/.netrc says in the place of the headers that the server gave."""
    return request


def _actions(document: dict[str, Any]) -> dict[str, Action] | str:
    """What a server says of one object: actions, or why there are none."""
    if "error" in document:
        return str(document["error"].get("message", document["error"]))
    return {
        name: Action(str(each["href"]), {key: str(value) for key, value in (each.get("header") or {}).items()})
        for name, each in (document.get("actions") or {}).items()
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
