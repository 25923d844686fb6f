"""Talk to a registry of images (OCI distribution specification), and push to it.

Logins are those of `docker login`: the configuration file of Docker and its credential helpers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import IO, Any
from urllib.parse import urljoin

import docker.auth
import requests
from docker.errors import DockerException
from requests.auth import HTTPBasicAuth
from requests.exceptions import RequestException

from git_datmo.backends.http_session import open_session
from git_datmo.errors import DatmoError
from git_datmo.oci.image_layout import MANIFEST_TYPE, OciImage, digest_of
from git_datmo.oci.image_reference import HUB, ImageReference
from git_datmo.oci.layer_archive import Layer
from git_datmo.progress import Progress
from git_datmo.timeouts import DEFAULT, limit

# The key under which Docker stores the login of its hub.
_HUB_LOGIN = "https://index.docker.io/v1/"
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_PIECE = 1 << 20


class Registry:
    """Session with the registry of one image. `environ` decides where Docker's logins are."""

    def __init__(self, reference: ImageReference, environ: Mapping[str, str]) -> None:
        self._reference = reference
        self._session = open_session(1)
        self._session.headers["User-Agent"] = "git-datmo"
        self._login = _find_login(reference, environ)
        self._timeout = (limit() or DEFAULT, 10 * (limit() or DEFAULT))

    def push(self, image: OciImage, progress: Progress) -> str:
        """Upload the blobs that are missing in the registry, then the manifest. Return its digest.

        Raises `DatmoError` if the registry refuses, or cannot be reached.
        """
        layers = {layer.digest: layer for layer in image.layers}
        try:
            wanted = [layer for layer in layers.values() if not self._has_blob(layer.digest)]
            progress.begin(f"pushing to {self._reference.host}", sum(each.size for each in wanted))
            for layer in wanted:
                self._upload_layer(layer, progress)
            if not self._has_blob(digest_of(image.config)):
                self._upload(digest_of(image.config), len(image.config), image.config)
            # A registry refuses a manifest before the blobs that it names.
            self._put_manifest(image)
        except RequestException as error:
            raise DatmoError(
                f"the registry {self._reference.host} cannot be reached: {_innermost(error)}",
                "check its name and the network, then push again",
            ) from error
        finally:
            progress.finish()
        return image.digest

    def read(self, path: str, accept: str) -> requests.Response:
        """Return the answer with a manifest or a blob, whose content is read as it comes.

        Raises `DatmoError` if the registry does not have it, or cannot be reached.
        """
        try:
            answer = self._request("GET", path, headers={"Accept": accept}, stream=True)
        except RequestException as error:
            raise DatmoError(
                f"the registry {self._reference.host} cannot be reached: {_innermost(error)}",
                "check its name and the network",
            ) from error
        if answer.status_code != 200:
            self._refuse(answer)
        return answer

    def _has_blob(self, digest: str) -> bool:
        found = self._request("HEAD", f"blobs/{digest}")
        if found.status_code not in (200, 404):
            self._refuse(found)
        return found.status_code == 200

    def _upload_layer(self, layer: Layer, progress: Progress) -> None:
        """Upload a layer in one request, read piece by piece."""
        with layer.path.open("rb") as file:
            self._upload(layer.digest, layer.size, _Counted(file, layer.size, progress))

    def _upload(self, digest: str, size: int, content: Any) -> None:
        """Upload a blob: ask for an upload, then send the content with its digest."""
        begun = self._request("POST", "blobs/uploads/")
        location = begun.headers.get("Location", "")
        if begun.status_code != 202 or not location:
            self._refuse(begun)
        # The location may be relative (distribution specification).
        url = urljoin(begun.url, location)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        # The registry checks the digest, and discards content that has another.
        sent = self._send("PUT", url, params={"digest": digest}, data=content, headers=headers)
        if sent.status_code != 201:
            self._refuse(sent)

    def _put_manifest(self, image: OciImage) -> None:
        sent = self._request(
            "PUT",
            f"manifests/{self._reference.tag}",
            data=image.manifest,
            headers={"Content-Type": MANIFEST_TYPE},
        )
        if sent.status_code not in (200, 201):
            self._refuse(sent)

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request below the image's name; log in if the registry asks for it."""
        url = f"{self._reference.base}{self._reference.name}/{path}"
        answer = self._send(method, url, **options)
        if answer.status_code == 401 and self._log_in(answer.headers.get("WWW-Authenticate", "")):
            answer = self._send(method, url, **options)
        return answer

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        return self._session.request(
            method,
            url,
            timeout=self._timeout,
            # Registries keep blobs elsewhere. The library sends no login to another host.
            allow_redirects=method in ("HEAD", "GET"),
            **options,
        )

    def _log_in(self, challenge: str) -> bool:
        """Add the login that a challenge asks for to the session; return False if it has none.

        With the scheme `Bearer`, a token server gives a token for the login (distribution
        specification, "token authentication").
        """
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic" and self._login:
            self._session.auth = self._login
            return True
        asked = dict(_CHALLENGE.findall(rest))
        realm = asked.pop("realm", "")
        # The login is sent to the realm, so plain HTTP is for registries of this machine alone.
        if scheme.lower() != "bearer" or not realm.startswith(
            ("https://", self._reference.base[:7])
        ):
            return False
        asked.setdefault("scope", f"repository:{self._reference.name}:pull,push")
        # Outside of the session, whose `Authorization` is for the registry.
        answer = requests.get(realm, params=asked, auth=self._login, timeout=self._timeout)
        if answer.status_code != 200:
            return False
        document = answer.json()
        # Token servers may use either name (distribution specification, "token authentication").
        token = document.get("token") or document.get("access_token") or ""
        self._session.headers["Authorization"] = f"Bearer {token}"
        return True

    def _refuse(self, answer: requests.Response) -> None:
        """Raise the error of an answer that is not the expected one."""
        if answer.status_code in (401, 403):
            raise DatmoError(
                f"the registry {self._reference.host} refuses access to '{self._reference.name}'",
                f"docker login {self._reference.host}",
            )
        raise DatmoError(
            f"the registry {self._reference.host} answers {answer.status_code}:"
            f" {_reason(answer)[:200]}",
            "ask its administrator, or write the image to a file with -o",
        )


class _Counted:
    """File that counts what is read of it. `requests` reads it piece by piece."""

    def __init__(self, file: IO[bytes], size: int, progress: Progress) -> None:
        self._file, self._size, self._progress = file, size, progress

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(_PIECE if size < 0 else size)
        self._progress.advance(len(piece))
        return piece

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(_PIECE):
            yield piece


def _innermost(error: BaseException) -> str:
    """Return the words of the first of the errors that led to one of `requests`."""
    inner: BaseException | None = error
    while inner is not None:
        error, inner = inner, inner.__cause__ or inner.__context__
    return str(getattr(error, "strerror", "") or error)[:200]


def _reason(answer: requests.Response) -> str:
    """Return the registry's own words about an error, on one line."""
    try:
        errors = answer.json()["errors"]
        return "; ".join(str(each.get("message") or each.get("code")) for each in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        return str(answer.reason or "no reason")


def _find_login(reference: ImageReference, environ: Mapping[str, str]) -> HTTPBasicAuth | None:
    """Return the user name and password that `docker login` has stored for the registry.

    They are given as bytes, since `requests` would write text in Latin-1.
    """
    folder = environ.get("DOCKER_CONFIG")
    try:
        config = docker.auth.load_config(config_path=f"{folder}/config.json" if folder else None)
        found = config.resolve_authconfig(_HUB_LOGIN if reference.host == HUB else reference.host)
    except DockerException as error:
        raise DatmoError(
            f"Docker's login for {reference.host} cannot be read: {str(error)[:200]}",
            f"docker login {reference.host}",
        ) from error
    if not found or not found.get("username"):
        return None
    password = str(found.get("password") or "")
    return HTTPBasicAuth(str(found["username"]).encode(), password.encode())
