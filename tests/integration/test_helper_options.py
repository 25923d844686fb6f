"""Test that every option of clone, fetch, push and ls-remote works through `datmo::`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.servers.hosts import KINDS, serve
from tests.support.servers.ssh_host import SshHost
from tests.support.shell import Shell
from tests.support.side_by_side import Sides, make_sides, tell

CLONES = """
. clone --no-local -4 URL work
. clone -6 URL six
. clone --no-local --ipv4 --quiet URL quiet
. clone --no-local --verbose URL loud
. clone --no-local --no-tags --single-branch URL single
. clone --no-local --shallow-since=2020-01-01 URL since
. clone --no-local --shallow-exclude=v1 --branch=dev URL exclude
. clone --no-local --depth=1 --reject-shallow --no-checkout URL depth
. clone --no-local --filter=tree:0 --no-checkout URL treeless
. clone --no-local --filter=blob:limit=100 --sparse URL sparse
. clone --no-local --bare --origin=hub URL bare.git
. clone --no-local --upload-pack=git-upload-pack URL pack
. clone --no-local -u /nowhere/upload-pack URL nopack
. clone --no-local --server-option=one --server-option=two URL server
. clone --no-local --reference=work URL borrowed
. clone --no-local --dissociate --reference=work -c core.abbrev=9 URL dissociated
. clone --no-local --separate-git-dir=apart.git URL apart
. clone --no-local --template= --branch=v1 URL tagged
. clone --no-local --recurse-submodules --also-filter-submodules --filter=blob:none --shallow-submodules URL subs
!served.git bundle create ../work.bundle main
. clone --no-local --bundle-uri=work.bundle URL bundled
. clone --no-local --bundle-uri=nothing.bundle URL unbundled
!. clone -q --bare --depth=1 --no-local served.git shallow.git
"""

FAILED = """
. clone --no-local --branch=nothing URL failed
. clone --no-local URL work
. clone --no-local --depth=0 URL failed
. clone --no-local URL-nothing failed
. clone --no-local --filter=nonsense URL failed
"""

FETCHES = """
work fetch --all -4
work fetch -6 origin
work fetch --append URL main
work fetch --atomic URL +main:refs/heads/a +dev:refs/heads/b
work fetch --dry-run URL +main:refs/heads/c
work fetch --depth=1 URL main
work fetch --unshallow
work fetch --shallow-since=2020-01-01 origin main
work fetch --deepen=1 origin main
work fetch --shallow-exclude=v1 origin dev
work fetch --unshallow origin
work fetch --update-shallow origin
work fetch --negotiation-tip=main origin dev
work fetch --negotiate-only --negotiation-tip=main origin
work fetch --negotiate-only --negotiation-tip=main URL
work fetch --keep URL dev
work fetch --force --no-tags --prune --prune-tags origin
work fetch --multiple origin
work fetch --refetch origin
work fetch --filter=blob:none --refetch origin
work fetch --refmap= origin main
work fetch --tags --jobs=2 --set-upstream origin main
work fetch --update-head-ok URL main:main
work fetch --upload-pack=/nowhere/upload-pack origin
work fetch --server-option=one origin
work fetch --prefetch origin
work fetch -q URL nothing
work fetch -v --progress URL
work ls-remote --symref --server-option=one URL
work ls-remote --upload-pack=git-upload-pack --refs --sort=-version:refname URL
work ls-remote --get-url URL
"""

PUSHES = """
work push -4 origin main:refs/heads/four
work push -6 origin main:refs/heads/six
work push --ipv4 URL main:refs/heads/url
work push --dry-run --porcelain origin main:refs/heads/dry
work push --follow-tags origin main
work push --thin origin main:refs/heads/thin
work push --no-thin --no-verify origin main:refs/heads/thick
work push --receive-pack=git-receive-pack origin main:refs/heads/exec
work push --exec=/nowhere/receive-pack origin main:refs/heads/noexec
work push --signed=if-asked origin main:refs/heads/asked
work push --signed origin main:refs/heads/signed
work push --push-option=one --atomic --force origin main:refs/heads/option
work push --recurse-submodules=check origin main:refs/heads/checked
work push --recurse-submodules=no --prune origin refs/heads/*:refs/heads/*
work push --all --porcelain origin
work push --set-upstream --quiet --force-if-includes --force-with-lease origin main
work push -v --progress --tags origin
work push --delete origin four six
"""


@pytest.fixture(params=KINDS)
def sides(
    request: pytest.FixtureRequest,
    templates: dict[str, Path],
    shell: Callable[..., Shell],
    tmp_path: Path,
) -> Iterator[Sides]:
    with serve(request.param, tmp_path / "host") as host:
        yield make_sides(host, templates["sha1"], shell)


def test_clone_with_each_option_does_as_plain_git(sides: Sides) -> None:
    tell(sides, CLONES)
    tell(sides, FAILED)


def test_fetch_with_each_option_does_as_plain_git(sides: Sides) -> None:
    tell(sides, "!. clone -q --no-local URL work")
    tell(sides, FETCHES)


def test_push_with_each_option_does_as_plain_git(sides: Sides) -> None:
    tell(sides, "!. clone -q --no-local URL work")
    tell(sides, "!work tag -a v9 -m nine")
    tell(sides, PUSHES)


def test_push_of_data_over_ssh_takes_the_address_family(
    ssh_host: SshHost, templates: dict[str, Path], shell: Callable[..., Shell]
) -> None:
    top = shell(**ssh_host.environ)
    shutil.copytree(templates["sha1"] / "served.git", top.cwd / "served.git")
    top.git("clone", "-q", f"datmo::{ssh_host.url(top.cwd / 'served.git')}", "work")
    command = ssh_host.environ["GIT_SSH_COMMAND"]
    logged = top.write("ssh", f'#!/bin/sh\necho "$@" >>"{top.cwd}/calls"\nexec {command} "$@"\n')
    logged.chmod(0o755)
    work = top.at("work").having(GIT_SSH_COMMAND=str(logged))
    work.write("data/x", "x")
    datmo(work, "add-data", "data")
    work.commit("new", "new")
    work.git("push", "-q", "-4")
    calls = (top.cwd / "calls").read_text().splitlines()
    assert len(calls) > 2
    assert all("-4" in call.split() for call in calls)
