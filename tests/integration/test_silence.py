"""Test that a wait for a silent remote ends after one more try, with one line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.servers.daemon import serve_daemon
from tests.support.servers.hosts import serve
from tests.support.servers.http_host import HttpHost
from tests.support.servers.silent import FreezingWire, freezing_wire_to, serve_mute
from tests.support.servers.stores import serve_store
from tests.support.shell import Done, Shell, seal

SCHEMES = ("git", "http", "ssh")
# Far more than one second of silence, twice; far less than a person would wait.
PATIENCE = 60


@pytest.fixture(params=SCHEMES)
def mute(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a repository on a server that accepts and never answers."""
    with serve_mute() as port:
        yield f"{request.param}://127.0.0.1:{port}/team/r.git"


def impatient(shell: Callable[..., Shell], seconds: int = 1, **variables: str) -> Shell:
    """Return a shell of a user whose timeout is the given seconds."""
    top = shell(**variables)
    top.git("config", "--global", "datmo.timeout", str(seconds))
    return top


def ends_by_silence(done: Done, who: str) -> None:
    assert done.returncode == 128, str(done)
    said = f"fatal: {who} was silent for 1 second, twice\nhint: check the connection, then run the command again; "
    assert said in done.stderr, str(done)
    assert done.stderr.count("fatal:") == 1, str(done)


def test_clone_from_a_mute_server_ends(shell: Callable[..., Shell], mute: str) -> None:
    top = impatient(shell, GIT_SSH_COMMAND="ssh -F /dev/null -o BatchMode=yes")
    ends_by_silence(
        top.run("git", "clone", f"datmo::{mute}", "work", ok=False, timeout=PATIENCE), "'origin'"
    )
    assert not (top.cwd / "work").exists()


def test_command_to_silent_server_ends(
    shell: Callable[..., Shell], make_repo: Callable[..., Shell], mute: str
) -> None:
    impatient(shell)
    work = make_repo(GIT_SSH_COMMAND="ssh -F /dev/null -o BatchMode=yes")
    work.git("remote", "add", "origin", mute)
    datmo(work, "init")
    work.write("data/x", "x")
    datmo(work, "add-data", "data")
    work.commit("code.py", "pass\n")
    for command in ("fetch", "push"):
        ends_by_silence(work.run("git", "datmo", command, ok=False, timeout=PATIENCE), "'origin'")
    for command in (("push", f"datmo::{mute}", "main"), ("ls-remote", f"datmo::{mute}")):
        ends_by_silence(work.run("git", *command, ok=False, timeout=PATIENCE), f"'{mute}'")


@pytest.fixture(params=["git", "http"])
def frozen(
    request: pytest.FixtureRequest, tmp_path: Path, shell: Callable[..., Shell], http_host: HttpHost
) -> Iterator[tuple[Shell, FreezingWire, str]]:
    """Return a folder with a served repository, the wire to it, and its URL through that wire."""
    top = impatient(shell, 3)
    hub = top.at("hub.git")
    top.git("init", "-q", "--bare", "hub.git")
    hub.git("config", "uploadpack.allowFilter", "true")
    if request.param == "http":
        direct = http_host.url(hub.cwd)
        with freezing_wire_to(http_host.server_port) as wire:
            yield top, wire, direct.replace(str(http_host.server_port), str(wire.port))
        return
    with serve_daemon(seal(tmp_path / "daemon")) as daemon, freezing_wire_to(daemon.port) as wire:
        yield top, wire, daemon.url(hub.cwd).replace(str(daemon.port), str(wire.port))


def share_payload(top: Shell, url: str, size: int) -> Shell:
    top.git("clone", "-q", f"datmo::{url}", "work")
    work = top.at("work")
    work.write("data/x", os.urandom(size))
    datmo(work, "add-data", "data")
    work.commit("code.py", "pass\n")
    return work


def test_fetch_over_a_wire_that_freezes_goes_on(frozen: tuple[Shell, FreezingWire, str]) -> None:
    top, wire, url = frozen
    size = 4 << 20
    work = share_payload(top, url, size)
    work.git("push", "-q", "origin", "main")
    top.git("clone", "-q", f"datmo::{url}", "other")
    wire.freeze_after(size * 2 // 5, times=2)
    top.at("other").run("git", "datmo", "checkout", timeout=PATIENCE)
    assert wire.frozen == 2
    assert (top.cwd / "other/data/x").read_bytes() == (work.cwd / "data/x").read_bytes()
    # Objects that had arrived were not asked for again.
    assert wire.passed < 1.3 * size


def test_fetch_over_a_wire_that_always_freezes_ends(
    frozen: tuple[Shell, FreezingWire, str],
) -> None:
    top, wire, url = frozen
    share_payload(top, url, 4 << 20).git("push", "-q", "origin", "main")
    top.git("clone", "-q", f"datmo::{url}", "other")
    wire.freeze_after(1 << 14, times=100)
    done = top.at("other").run("git", "datmo", "checkout", ok=False, timeout=PATIENCE)
    assert done.returncode == 2
    assert "'origin' was silent for 3 seconds, twice\n" in done.stderr
    assert done.stderr.count("fatal:") == 1


@pytest.mark.parametrize("way", ["hook", "helper"])
def test_push_over_a_wire_that_freezes_goes_on(
    frozen: tuple[Shell, FreezingWire, str], way: str
) -> None:
    top, wire, url = frozen
    work = share_payload(top, url, 4 << 20)
    if way == "hook":
        work.git("config", "--unset", "remote.origin.vcs")
    wire.freeze_after(1 << 20, times=1)
    work.run("git", "push", "-q", "origin", "main", timeout=PATIENCE)
    assert wire.frozen == 1
    shutil.rmtree(top.cwd / "work")
    top.git("clone", "-q", f"datmo::{url}", "other")
    datmo(top.at("other"), "checkout")
    assert (top.cwd / "other/data/x").stat().st_size == 4 << 20


@pytest.mark.parametrize("frozen", ["git"], indirect=True)
def test_push_through_a_proxy_that_freezes_large_ones_gets_smaller_slices(
    frozen: tuple[Shell, FreezingWire, str],
) -> None:
    top, wire, url = frozen
    work = share_payload(top, url, 20 << 20)
    wire.freeze_after(12 << 20, times=100)
    work.run("git", "push", "-q", "origin", "main", timeout=PATIENCE)
    assert wire.frozen == 1
    assert top.at("hub.git").git("rev-parse", "main") == work.git("rev-parse", "main")


def test_clone_of_code_over_a_wire_that_freezes_ends(
    frozen: tuple[Shell, FreezingWire, str],
) -> None:
    top, wire, url = frozen
    top.git("init", "-q", "start")
    top.at("start").commit("large", os.urandom(4 << 20))
    top.at("start").git("push", "-q", str(top.cwd / "hub.git"), "HEAD:main")
    wire.freeze_after(1 << 20, times=100)
    done = top.run("git", "clone", f"datmo::{url}", "work", ok=False, timeout=PATIENCE)
    assert done.returncode == 128
    assert "fatal: 'origin' was silent for 3 seconds\n" in done.stderr
    assert not (top.cwd / "work").exists()


def test_slow_server_hook_is_waited_for(shell: Callable[..., Shell], tmp_path: Path) -> None:
    """Check that a server which sends keep-alive messages does not count as silent."""
    top = impatient(shell)
    top.git("init", "-q", "--bare", "hub.git")
    hook = "#!/bin/sh\nfor n in 1 2 3 4 5 6; do sleep 0.5; echo working; done\n"
    top.at("hub.git").write("hooks/pre-receive", hook).chmod(0o755)
    with serve("file", tmp_path / "host") as host:
        work = share_payload(top, host.url(top.cwd / "hub.git"), 1 << 10)
        work.run("git", "push", "-q", "origin", "main", timeout=PATIENCE)


@pytest.mark.parametrize("kind", ["s3", "sftp", "lfs"])
def test_store_that_is_silent_ends_a_push(
    shell: Callable[..., Shell], make_repo: Callable[..., Shell], kind: str
) -> None:
    impatient(shell)
    hub = make_repo("hub.git", bare=True)
    with serve_mute() as port:
        host = f"127.0.0.1:{port}"
        url = {
            "s3": "s3://team/datmo",
            "sftp": f"sftp://me@{host}/data",
            "lfs": f"lfs+http://{host}/team/r.git",
        }[kind]
        keys = {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        work = make_repo("work", AWS_ENDPOINT_URL=f"http://{host}", **keys)
        work.git("remote", "add", "origin", str(hub.cwd))
        datmo(work, "init")
        work.git("config", "datmo.origin.store", url)
        work.write("data/x", "x")
        datmo(work, "add-data", "data")
        work.commit("code.py", "pass\n")
        done = work.run("git", "push", "origin", "main", ok=False, timeout=PATIENCE)
    assert done.returncode != 0
    assert f"fatal: '{url.removeprefix('lfs+')}' was silent for 1 second, twice\n" in done.stderr, (
        str(done)
    )
    assert hub.git("for-each-ref") == ""


@pytest.mark.parametrize("kind", ["s3", "sftp", "lfs"])
def test_store_that_stops_reading_ends_a_push(
    shell: Callable[..., Shell],
    make_repo: Callable[..., Shell],
    sealed: dict[str, str],
    tmp_path: Path,
    kind: str,
) -> None:
    """Freeze the store in the middle of an upload; the next push goes on."""
    with serve_store(kind, tmp_path / "served", sealed) as host:
        impatient(shell)
        hub = make_repo("hub.git", bare=True)
        work = make_repo("work", **host.environ)
        work.git("remote", "add", "origin", str(hub.cwd))
        datmo(work, "init")
        work.git("config", "datmo.origin.store", host.url)
        work.write("data/x", os.urandom(12 << 20))
        datmo(work, "add-data", "data")
        work.commit("code.py", "pass\n")
        assert host.wire is not None
        host.wire.freeze_after(5 << 20)
        done = work.run("git", "push", "origin", "main", ok=False, timeout=PATIENCE)
        assert f"'{host.url.removeprefix('lfs+')}' was silent for 1 second" in done.stderr, str(
            done
        )
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert host.wire.mend()
        assert hub.git("for-each-ref") == ""
        work.run("git", "push", "-q", "origin", "main", timeout=PATIENCE)
