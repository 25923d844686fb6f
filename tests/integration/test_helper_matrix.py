"""Test that git works through `datmo::` as without it, with equal output, on every transport and in
both formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.servers.hosts import KINDS, serve
from tests.support.shell import Shell
from tests.support.side_by_side import Side, Sides, make_sides, tell

# SHA-256 once for each of the ways in which the helper works.
WORLDS = [(kind, "sha256" if kind in ("file", "git") else "sha1") for kind in KINDS]

CLONES = """
. clone --no-local URL work
. clone --no-local --depth=1 --branch=dev URL thin
thin fetch --deepen=1
thin fetch --unshallow
thin rev-list --count HEAD
. clone --no-local --filter=blob:none --recurse-submodules URL partial
partial submodule status
partial show HEAD~2:code.py
. clone --no-local --mirror URL mirror.git
"""

READS = """
work ls-remote origin
work ls-remote --exit-code --heads URL nothing
work fetch origin main
work fetch URL +refs/heads/main:refs/heads/got refs/tags/v*:refs/tags/got-*
work fetch origin nothing
%work -c core.hooksPath=/dev/null fetch
!served.git branch -D dev
work -c core.hooksPath=/dev/null pull --ff-only --prune
mirror.git remote update --prune
work archive --remote=origin main code.py
"""

PUSHES = """
work push --porcelain --dry-run origin main
work push --porcelain origin main
work push origin main
work push --porcelain -u origin main:refs/heads/new/ünï HEAD~2:refs/heads/old
work push --porcelain --progress --tags origin
work push --porcelain origin +HEAD~1:main
work push --porcelain --atomic origin main:main main:refs/heads/both
work push --porcelain origin --delete old
work push origin --delete nothing
work push origin nothing
work push -q origin HEAD:refs/heads/quiet
%work push -v origin HEAD:refs/heads/loud
work push --porcelain -o one -o "ci.skip='two'" origin main:refs/heads/opted
!served.git config receive.advertisePushOptions false
work push -o one origin main:refs/heads/unasked
"""

REJECTED = """
work push --porcelain origin main main:refs/heads/passes
work push --porcelain --atomic origin main main:refs/heads/stays
work push --porcelain --force-with-lease origin main
work fetch
work push --porcelain --force-with-lease=main:HEAD~1 origin main
work push --porcelain --force-with-lease --force-if-includes origin main
work push --porcelain --force-with-lease origin main
!work tag -f v1 HEAD
work push --porcelain origin v1
work push --porcelain origin main:refs/heads/barred main:refs/heads/open
work push --porcelain --atomic origin main:refs/heads/barred main:refs/heads/shut
"""

GONE = """
work fetch
work push origin main
work ls-remote URL
"""


@pytest.fixture(params=WORLDS, ids="-".join)
def sides(
    request: pytest.FixtureRequest,
    templates: dict[str, Path],
    shell: Callable[..., Shell],
    tmp_path: Path,
) -> Iterator[Sides]:
    kind, object_format = request.param
    with serve(kind, tmp_path / "host") as host:
        yield make_sides(host, templates[object_format], shell)


def commit(side: Side, where: str, branch: str) -> None:
    """Commit on top of a branch, on the server or in a clone."""
    git = side.top.at(where).git
    tree = git("rev-parse", f"{branch}^{{tree}}")
    git(
        "update-ref",
        f"refs/heads/{branch}",
        git("commit-tree", tree, "-p", branch, "-m", f"new in {where}"),
    )


def hook(side: Side, name: str, text: str) -> None:
    side.bare.write(f"hooks/{name}", f"#!/bin/sh\n{text}\n").chmod(0o755)


def test_helper_behaves_as_plain_git(sides: Sides) -> None:
    datmo = sides[1]
    tell(sides, CLONES)
    for clone in ("work", "thin", "partial"):
        assert datmo.top.at(clone).git("config", "remote.origin.url") == datmo.plain_url
        assert datmo.top.at(clone).git("config", "remote.origin.vcs") == "datmo"
        assert datmo.top.at(clone).git("status", "--porcelain") == ""
    for side in sides:
        commit(side, "served.git", "main")
        commit(side, "served.git", "dev")
        side.bare.git("tag", "v2", "main")
        side.bare.git("tag", "-a", "v3", "-m", "three", "dev")
    tell(sides, READS)
    for side in sides:
        commit(side, "work", "main")
        side.run("work", "tag", "-a", "heavy", "-m", "heavy")
        hook(
            side,
            "pre-receive",
            'echo "$GIT_PUSH_OPTION_COUNT: $GIT_PUSH_OPTION_0 $GIT_PUSH_OPTION_1"',
        )
    tell(sides, PUSHES)
    for side in sides:
        commit(side, "served.git", "main")
        hook(side, "update", 'case "$1" in */barred) echo no such luck; exit 1; esac')
    tell(sides, REJECTED)
    for side in sides:
        side.bare.cwd.rename(side.top.cwd / "away.git")
    tell(sides, GONE)
