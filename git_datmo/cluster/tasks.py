"""What travels to a worker of a cluster and back: where its code and data are, what to do, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from git_datmo.engines.limits import Limits
from git_datmo.errors import DatmoError
from git_datmo.flows.attach import Asked
from git_datmo.flows.running.apart import Beginning
from git_datmo.flows.workspace import Workspace
from git_datmo.git.remote import find_remote
from git_datmo.records.types import Person


@dataclass(frozen=True, slots=True)
class Source:
    """A git remote as a worker reaches it, with its own credentials; `settings` are what `datmo.<remote>.` has here."""

    url: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A rerun of the snapshot with an id, in the name of who asked for it."""

    source: Source
    snapshot: str
    engine: str
    limits: Limits
    tolerances: Mapping[str, float]
    repeat: int
    person: Person


@dataclass(frozen=True, slots=True)
class Trial:
    """A run of a command from a beginning that the remote has, in the name of who asked for it."""

    source: Source
    beginning: Beginning
    command: tuple[str, ...]
    asked: Asked
    outputs: tuple[str, ...]
    engine: str
    limits: Limits
    person: Person


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker made: a record as its bytes, or why there is none and what to do.

    `unshared` is why the worker could not bring the record to the remote, '' where it did, and `kept` where it has it;
    `warnings` are what a person should know.
    """

    record: bytes = b""
    unshared: str = ""
    kept: str = ""
    warnings: tuple[str, ...] = ()
    what: str = ""
    hint: str = ""


Task = Reproduction | Trial


def find_source(ws: Workspace) -> Source:
    """The remote that this repository shares with, without a password that its URL may have.

    Raises `DatmoError` where there is none.
    """
    remote = find_remote(ws.repo.config, ws.repo.default_remote() or "")
    prefix = f"datmo.{remote.name}."
    settings = [
        (setting.key.removeprefix(prefix), setting.value)
        for setting in ws.repo.config.settings
        if setting.key.startswith(prefix)
    ]
    return Source(_travelling(remote.url, ws.root), tuple(settings))


def _travelling(url: str, root: Path) -> str:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and "@" in parts.netloc:
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if "://" in url or _is_scp_like(url):
        return url
    return os.path.normpath(root / os.path.expanduser(url))


def _is_scp_like(url: str) -> bool:
    """Return whether git takes it for `host:path`: with a colon before the first slash."""
    return ":" in url.partition("/")[0]


def require_pushed(ws: Workspace, commit: str) -> None:
    """Raise `DatmoError` where no branch of the remote is known to hold the commit: no worker could get its code."""
    remote = find_remote(ws.repo.config, ws.repo.default_remote() or "").name
    if not ws.repo.git.text("for-each-ref", "--count=1", f"--contains={commit}", f"refs/remotes/{remote}/"):
        raise DatmoError(f"commit '{commit[:10]}' is not on the remote", "push it first: 'git push'")
