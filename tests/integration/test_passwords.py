"""Test that a password in a remote's URL is shown nowhere, and stored only where git stores it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Done, Shell

SECRETS = {
    "password": ("alex:s3cr3t-pass", "s3cr3t-pass"),
    "encoded": ("alex:p%40ss%3As3cr3t", "p%40ss%3As3cr3t"),
    "token": ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789"),
}


@pytest.fixture(params=SECRETS)
def secret(request: pytest.FixtureRequest) -> tuple[str, str]:
    return SECRETS[request.param]


@pytest.fixture
def served(
    templates: dict[str, Path], shell: Callable[..., Shell], http_host: HttpHost
) -> tuple[Shell, str]:
    """Return a folder to work in, and the URL of a repository that is served over HTTP."""
    top = shell()
    shutil.copytree(templates["sha1"] / "served.git", top.cwd / "served.git")
    return top, http_host.url(top.cwd / "served.git")


def with_user(url: str, user: str) -> str:
    return url.replace("://", f"://{user}@", 1)


def files_with(folder: Path, secret: str) -> list[str]:
    """Return the files that contain the secret, except the configuration in which git keeps a
    remote's URL."""
    found = (
        path
        for path in folder.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    )
    return [str(path.relative_to(folder)) for path in found if path != folder / ".git" / "config"]


def shows_not(done: Done, secret: str) -> Done:
    assert secret not in done.stdout + done.stderr
    return done


def test_clone_with_password_neither_shows_nor_copies_it(
    served: tuple[Shell, str], secret: tuple[str, str]
) -> None:
    top, url = served
    user, hidden = secret
    shows_not(top.run("git", "clone", f"datmo::{with_user(url, user)}", "work"), hidden)
    work = top.at("work")
    assert work.git("config", "remote.origin.url") == with_user(url, user)
    assert "clone: from datmo::http://127.0.0.1" in work.git("reflog")
    work.write("data/x", "x")
    datmo(work, "add-data", "data")
    work.commit("new", "new")
    assert "-> main" in shows_not(work.run("git", "push", "-v"), hidden).stderr
    top.git("clone", "-q", url, "other")
    top.at("other").commit("theirs", "theirs")
    top.at("other").git("push", "-q")
    work.commit("mine", "mine")
    shows_not(work.run("git", "pull", "-v", "--no-rebase", "--no-edit"), hidden)
    assert "Merge branch 'main' of http://127.0.0.1" in work.git("log", "-1", "--format=%B")
    shows_not(work.run("git", "datmo", "log"), hidden)
    assert files_with(work.cwd, hidden) == []


@pytest.mark.parametrize("ref_format", ["files", "reftable"])
def test_clone_without_checkout_is_made_up_for(
    served: tuple[Shell, str], secret: tuple[str, str], ref_format: str
) -> None:
    top, url = served
    user, hidden = secret
    words = ["clone", "-q", "--no-checkout", f"datmo::{with_user(url, user)}", "work"]
    if ref_format == "reftable":
        words.insert(1, "--ref-format=reftable")
        if "ref-format" not in top.run("git", "clone", "-h", ok=False).stdout:
            pytest.skip("this git has no reftables")
    top.git(*words)
    work = top.at("work")
    work.git("fetch", "-q")
    assert files_with(work.cwd, hidden) == []
    assert work.git("rev-parse", "HEAD") == top.at("served.git").git("rev-parse", "main")


def test_password_in_a_bare_url_is_refused(
    served: tuple[Shell, str], secret: tuple[str, str]
) -> None:
    top, url = served
    user, hidden = secret
    top.git("clone", "-q", url, "work")
    work = top.at("work")
    address = f"datmo::{with_user(url, user)}"
    for command in (
        ("fetch", address, "main"),
        ("push", address, "main:refs/heads/x"),
        ("ls-remote", address),
    ):
        refused = shows_not(work.run("git", *command, code=128), hidden)
        assert "fatal: git would show the password in 'datmo::http://127.0.0.1" in refused.stderr
        assert files_with(work.cwd, hidden) == []
    assert (
        "-> x"
        in work.run("git", "push", address.replace(f"{user}@", "alex@"), "main:refs/heads/x").stderr
    )


def test_remote_with_password_is_set_up_before_git_shows_it(
    served: tuple[Shell, str], secret: tuple[str, str]
) -> None:
    top, url = served
    user, hidden = secret
    top.git("clone", "-q", url, "work")
    work = top.at("work")
    work.git("remote", "add", "hub", f"datmo::{with_user(url, user)}")
    refused = shows_not(work.run("git", "fetch", "hub", code=128), hidden)
    assert "hint: run the command again: 'hub' is set up now" in refused.stderr
    assert "From http://127.0.0.1" in shows_not(work.run("git", "fetch", "hub"), hidden).stderr
    assert files_with(work.cwd, hidden) == []


def test_plaintext_credentials_policy_is_heeded(served: tuple[Shell, str]) -> None:
    top, url = served
    address = f"datmo::{with_user(url, 'alex:s3cr3t')}"
    warned = top.run("git", "-c", "transfer.credentialsInUrl=warn", "clone", address, "warned")
    assert "warning: URL 'http://127.0.0.1" in shows_not(warned, "s3cr3t").stderr
    refused = top.run(
        "git", "-c", "transfer.credentialsInUrl=die", "clone", address, "refused", code=128
    )
    assert "fatal: URL 'http://127.0.0.1" in shows_not(refused, "s3cr3t").stderr
    assert not (top.cwd / "refused").exists()


def test_failed_command_shows_no_password(
    served: tuple[Shell, str], secret: tuple[str, str]
) -> None:
    top, url = served
    user, hidden = secret
    address = with_user(url, user)
    shows_not(top.run("git", "clone", f"datmo::{address}-nothing", "work", code=128), hidden)
    top.git("clone", "-q", f"datmo::{address}", "work")
    work = top.at("work")
    work.write("data/x", "x")
    datmo(work, "add-data", "data")
    work.commit("new", "new")
    (top.cwd / "served.git").rename(top.cwd / "away.git")
    shows_not(work.run("git", "push", ok=False), hidden)
    shows_not(work.run("git", "datmo", "push", "--json", ok=False), hidden)
    shows_not(work.run("git", "datmo", "evict", "--all", ok=False), hidden)
    assert files_with(work.cwd, hidden) == []
