"""Test which URLs the helper accepts, and which settings it uses to reach them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.servers.hosts import Host, LocalHost
from tests.support.servers.http_host import HttpHost
from tests.support.servers.ssh_host import SshHost
from tests.support.shell import Shell


def test_transports_that_run_commands_are_refused(
    make_repo: Callable[..., Shell], tmp_path: Path
) -> None:
    work = make_repo()
    touched = tmp_path / "touched"
    for url in (
        f"ext::touch {touched}",
        "fd::0",
        f"datmo::{tmp_path}",
        "ftp://host/path",
        "--upload-pack=touch",
        "-u",
    ):
        done = work.run("git", "fetch", f"datmo::{url}", code=128)
        assert done.stderr.count("fatal: ") == 1, done.stderr
        work.git("config", f"url.{url}.insteadOf", "harmless:")
        assert work.run("git", "fetch", "datmo::harmless:", code=128)
        work.git("config", "--remove-section", f"url.{url}")
    work.git("config", "remote.evil.url", f"ext::touch {touched}")
    work.git("config", "remote.evil.vcs", "datmo")
    assert "transport 'ext' not allowed" in work.run("git", "fetch", "evil", code=128).stderr
    assert not touched.exists()


def check_forbidden(host: Host, scheme: str, served: Path, work: Shell) -> None:
    url = f"datmo::{host.url(served)}"
    for argv in (("ls-remote", url), ("push", url, "HEAD:refs/heads/x")):
        barred = work.run("git", "-c", f"protocol.{scheme}.allow=never", *argv, ok=False)
        assert barred.returncode
        assert f"transport '{scheme}' not allowed" in barred.stderr
    unlisted = work.having(GIT_ALLOW_PROTOCOL="datmo").run("git", "ls-remote", url, code=128)
    assert f"transport '{scheme}' not allowed" in unlisted.stderr


def test_forbidden_transport_is_refused_by_helper(
    http_host: HttpHost, templates: dict[str, Path], make_repo: Callable[..., Shell]
) -> None:
    work = make_repo()
    work.commit("new", "new")
    served = templates["sha1"] / "served.git"
    check_forbidden(LocalHost("path"), "file", served, work)
    check_forbidden(http_host, "http", served, work)


@pytest.mark.parametrize("host", ["path", "http", "ssh", "git"], indirect=True)
def test_helper_uses_the_configured_protocol(
    host: Host, templates: dict[str, Path], shell: Callable[..., Shell]
) -> None:
    top = shell(GIT_TRACE_PACKET="1", **host.environ)
    shutil.copytree(templates["sha1"] / "served.git", top.cwd / "served.git")
    url = host.url(top.cwd / "served.git")
    told = {}
    for version in ("0", "1", "2"):
        for address in (url, f"datmo::{url}"):
            done = top.run("git", "-c", f"protocol.version={version}", "ls-remote", address)
            told[address] = (
                [said for said in ("< version 1", "< version 2") if said in done.stderr],
                done.stdout,
            )
        assert told[url] == told[f"datmo::{url}"], version


def test_helper_uses_the_ssh_of_the_user(
    ssh_host: SshHost, templates: dict[str, Path], make_repo: Callable[..., Shell], tmp_path: Path
) -> None:
    served = tmp_path / "a served $(touch no) 'repo'.git"
    shutil.copytree(templates["sha1"] / "served.git", served)
    plain = make_repo()
    plain.commit("new", "new")
    command = ssh_host.environ["GIT_SSH_COMMAND"]
    wrapper = plain.write(
        "my ssh", f'#!/bin/sh\necho "$@" >>"{tmp_path}/calls"\nexec {command} "$@"\n'
    )
    wrapper.chmod(0o755)
    url = ssh_host.url(served)
    for by in ("core.sshCommand", "GIT_SSH", "GIT_SSH_COMMAND"):
        (tmp_path / "calls").unlink(missing_ok=True)
        work = plain
        if by == "GIT_SSH":
            work = work.having(GIT_SSH=str(wrapper))
        elif by == "GIT_SSH_COMMAND":
            work = work.having(GIT_SSH_COMMAND=f"SOME=1 '{wrapper}'")
        else:
            work.git("config", by, f"'{wrapper}' -o LogLevel=ERROR")
        work.git("fetch", "-q", f"datmo::{url}", f"main:refs/heads/got-{by}")
        work.git("push", "-q", f"datmo::{url}", f"main:refs/heads/pushed-{by}")
        calls = (tmp_path / "calls").read_text()
        assert "SendEnv=GIT_PROTOCOL" in calls
        assert f"-p {ssh_host.port}" in calls
        assert calls.count(" git-receive-pack ") == 1
        plain.git("config", "--unset", "core.sshCommand", ok=False)
    scp_like = f"datmo::{ssh_host.user}@127.0.0.1:{served}"
    ported = plain.having(GIT_SSH_COMMAND=f"{command} -p {ssh_host.port}")
    assert ported.git("ls-remote", scp_like, "pushed-GIT_SSH")


@pytest.mark.parametrize("over", ["path", "http"])
def test_push_that_git_aborts_leaves_no_process(
    http_host: HttpHost, templates: dict[str, Path], shell: Callable[..., Shell], over: str
) -> None:
    """Let the receiving side end in the middle, and check that the push fails, reports it, and
    returns."""
    top = shell()
    shutil.copytree(templates["sha1"] / "served.git", top.cwd / "served.git")
    served = top.at("served.git")
    served.write("hooks/pre-receive", "#!/bin/sh\nkill -9 $PPID\n").chmod(0o755)
    url = http_host.url(served.cwd) if over == "http" else str(served.cwd)
    top.git("clone", "-q", f"datmo::{url}", "work")
    work = top.at("work")
    work.commit("noise", bytes(range(256)) * 4096)
    before = served.git("for-each-ref")
    done = work.run("git", "push", "origin", "HEAD:main", ok=False)
    assert done.returncode
    assert "error: " in done.stderr or "fatal: " in done.stderr
    assert served.git("for-each-ref") == before
