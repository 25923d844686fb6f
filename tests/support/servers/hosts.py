"""Give every way to reach a repository one interface, so that a test runs on each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.servers.daemon import serve_daemon
from tests.support.servers.http_host import HttpHost, serve_http
from tests.support.servers.ssh_host import SshHost, serve_ssh
from tests.support.shell import seal

KINDS = ("path", "file", "http", "ssh", "git")


class Host(Protocol):
    """Serve bare repositories."""

    @property
    def name(self) -> str: ...

    @property
    def environ(self) -> Mapping[str, str]:
        """Return the variables that a client needs."""

    def url(self, bare: Path) -> str:
        """Return the address of a bare repository of this machine."""


@dataclass(frozen=True)
class LocalHost:
    """Serve from a folder, by its path or by a file:// URL."""

    name: str
    environ: Mapping[str, str] = field(default_factory=dict)

    def url(self, bare: Path) -> str:
        return str(bare) if self.name == "path" else f"file://{bare}"


@contextmanager
def serve(kind: str, folder: Path) -> Iterator[Host]:
    """Yield a host of one kind. The new `folder` holds its home, keys and configuration."""
    env = seal(folder / "home")
    if kind == "http":
        with serve_http(env) as http:
            yield http
    elif kind == "ssh":
        with serve_ssh(folder / "ssh", env) as ssh:
            yield ssh
    elif kind == "git":
        with serve_daemon(env) as daemon:
            yield daemon
    else:
        yield LocalHost(kind)


@pytest.fixture(params=KINDS)
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """Return each kind of host in turn."""
    with serve(request.param, tmp_path_factory.mktemp("host") / request.param) as served:
        yield served


@pytest.fixture
def http_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpHost]:
    """Return the HTTP host alone, for its faults and byte counts."""
    with serve_http(seal(tmp_path_factory.mktemp("http"))) as served:
        yield served


@pytest.fixture
def ssh_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    folder = tmp_path_factory.mktemp("ssh")
    with serve_ssh(folder / "ssh", seal(folder / "home")) as served:
        yield served
