"""Tasks for the workers of a cluster, and their answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.errors import DatmoError
from git_datmo.git.remote_commands import find_remote
from git_datmo.payloads.attach_snapshot import SnapshotOptions
from git_datmo.records.record_values import Person
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.config_edit import Edits
from git_datmo.runs.isolated_run import Beginning


@dataclass(frozen=True, slots=True)
class TaskSource:
    """A git remote as a worker reaches it, with the worker's credentials.

    `settings` are the values of `datmo.<remote>.*`.
    """

    url: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reproduction:
    """The rerun of a snapshot in the name of the person who asked for it."""

    source: TaskSource
    snapshot: str
    engine: str
    limits: ResourceLimits
    tolerances: Mapping[str, float]
    repeat: int
    person: Person
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """The run of a command, from a state that the remote has, in the name of the person who
    asked for it.

    `edits` are set in configuration files before the run.
    """

    source: TaskSource
    beginning: Beginning
    command: tuple[str, ...]
    asked: SnapshotOptions
    outputs: tuple[str, ...]
    engine: str
    limits: ResourceLimits
    person: Person
    edits: Edits = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a task: the bytes of a record, or the reason why there is none.

    `unshared` is the reason why the remote does not have the record ('' if it does); `kept` is its
    path on the worker.
    """

    record: bytes = b""
    unshared: str = ""
    kept: str = ""
    warnings: tuple[str, ...] = ()
    what: str = ""
    hint: str = ""


Task = Reproduction | Trial


def find_source(ws: Workspace) -> TaskSource:
    """Return the remote that this repository shares with, without a password in its URL.

    Raises `DatmoError` if there is none.
    """
    remote = find_remote(ws.repo.config, ws.repo.default_remote() or "")
    prefix = f"datmo.{remote.name}."
    settings = [
        (setting.key.removeprefix(prefix), setting.value)
        for setting in ws.repo.config.settings
        if setting.key.startswith(prefix)
    ]
    return TaskSource(_travelling(remote.url, ws.root), tuple(settings))


def _travelling(url: str, root: Path) -> str:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and "@" in parts.netloc:
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if "://" in url or _is_scp_like(url):
        return url
    # A relative path would mean another folder on the worker.
    return os.path.normpath(root / os.path.expanduser(url))


def _is_scp_like(url: str) -> bool:
    """Return True for git's `host:path`, with a colon before the first slash."""
    return ":" in url.partition("/")[0]


def require_pushed(ws: Workspace, commit: str) -> None:
    """Raise `DatmoError` unless a branch of the remote is known to have the commit."""
    remote = find_remote(ws.repo.config, ws.repo.default_remote() or "").name
    if not ws.repo.git.text(
        "for-each-ref", "--count=1", f"--contains={commit}", f"refs/remotes/{remote}/"
    ):
        raise DatmoError(
            f"commit '{commit[:10]}' is not on the remote", "push it first: 'git push'"
        )
