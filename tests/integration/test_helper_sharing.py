"""Test what the helper adds to a push: data before code, to the same place, and nothing without
changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.model import Oid
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.record_values import Person
from git_datmo.repository.workspace import open_workspace
from tests.support.servers.hosts import Host
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell

FIRST_RECORDS = '#!/bin/sh\ncase "$1" in refs/heads/main) git rev-parse -q --verify refs/datmo/records >&2;; esac\n'


def annotate(clone: Shell) -> None:
    """Make a commit, and a record about it that no server has."""
    commit = Oid.parse(clone.commit("new", f"{clone.git('rev-list', '--count', 'HEAD')}"))
    with open_workspace(clone.env, clone.cwd) as workspace:
        workspace.ledger.attach(
            Annotation(commit, commit, "2024-05-01T12:00:00Z", Person("A", "a@example.com"), "why")
        )


@pytest.mark.parametrize("host", ["path", "http", "git"], indirect=True)
def test_data_go_before_the_code_or_neither_goes(
    host: Host, templates: dict[str, Path], shell: Callable[..., Shell]
) -> None:
    top = shell(**host.environ)
    shutil.copytree(templates["sha1"] / "served.git", top.cwd / "served.git")
    served = top.at("served.git")
    top.git("clone", "-q", f"datmo::{host.url(served.cwd)}", "work")
    work = top.at("work")
    annotate(work)
    before = served.git("for-each-ref")
    work.git("push", "--dry-run", "origin", "main")
    assert served.git("for-each-ref") == before
    served.write(
        "hooks/update", '#!/bin/sh\ncase "$1" in refs/heads/main) ;; *) exit 1;; esac\n'
    ).chmod(0o755)
    done = work.run("git", "push", "--porcelain", "origin", "main", code=1)
    assert done.stderr.count("fatal: ") == 1, str(done)
    assert "[remote rejected] (not pushed, since git-datmo could not share its data)" in done.stdout
    assert served.git("for-each-ref") == before
    served.write("hooks/update", FIRST_RECORDS).chmod(0o755)
    work.git("push", "-q", "origin", "main")
    for ref in ("refs/heads/main", "refs/notes/datmo"):
        assert served.git("rev-parse", ref) == work.git("rev-parse", ref)


def test_data_go_where_the_code_goes(
    http_host: HttpHost, templates: dict[str, Path], shell: Callable[..., Shell]
) -> None:
    """Set `pushInsteadOf` to another kind of URL, in both directions, and back."""
    top = shell()
    for name in ("read.git", "write.git"):
        shutil.copytree(templates["sha1"] / "served.git", top.cwd / name)
    places = {"http": http_host.url, "path": str}
    for number, (reading, writing) in enumerate(
        (("http", "path"), ("path", "http"), ("http", "http"))
    ):
        work = top.at(f"work-{number}")
        top.git("init", "-q", work.cwd)
        work.git("config", f"url.{places[reading](top.cwd / 'read.git')}.insteadOf", "short:repo")
        work.git(
            "config", f"url.{places[writing](top.cwd / 'write.git')}.pushInsteadOf", "short:repo"
        )
        read, write = top.at("read.git"), top.at("write.git")
        assert work.git("ls-remote", "datmo::short:repo", "main").endswith("refs/heads/main")
        work.git("fetch", "-q", "--depth=1", "datmo::short:repo", "main:got")
        work.git("checkout", "-q", "-B", "main", "got")
        work.run("git", "datmo", "init")
        before = read.git("for-each-ref")
        annotate(work)
        work.git("push", "-q", "datmo::short:repo", f"main:refs/heads/pushed-{number}")
        assert read.git("for-each-ref") == before
        assert write.git("rev-parse", f"pushed-{number}") == work.git("rev-parse", "main")
        assert (
            work.git("rev-parse", "refs/datmo/records")
            in write.git("rev-list", "refs/datmo/records").split()
        )


@pytest.mark.parametrize("over", ["path", "http"])
def test_push_without_changes_sends_as_many_requests_as_plain_git(
    http_host: HttpHost, templates: dict[str, Path], shell: Callable[..., Shell], over: str
) -> None:
    top = shell()
    shutil.copytree(templates["sha1"] / "served.git", top.cwd / "served.git")
    url = http_host.url(top.cwd / "served.git") if over == "http" else str(top.cwd / "served.git")
    top.git("clone", "-q", f"datmo::{url}", "work")
    top.git("clone", "-q", url, "plain")
    annotate(top.at("work"))
    top.at("work").git("push", "-q")
    # Each service says that it was started, and which.
    for service in ("receive", "upload"):
        script = f'#!/bin/sh\necho {service} >>"{top.cwd}/asked"\nexec git-{service}-pack "$@"\n'
        top.write(service, script).chmod(0o755)
    asked = []
    for name in ("plain", "work"):
        clone = top.at(name)
        for service in ("receive", "upload"):
            clone.git("config", f"remote.origin.{service}pack", top.cwd / service)
        clone.git("fetch", "-q")
        clone.git("reset", "-q", "--hard", "origin/main")
        before = len(http_host.exchanges)
        clone.write("news", name)
        clone.git("add", "news")
        clone.git("commit", "-q", "-m", "news")
        (top.cwd / "asked").unlink(missing_ok=True)
        clone.git("push", "-q", "origin", "HEAD:main")
        requests = [
            (each.method, each.path.partition("served.git")[2])
            for each in http_host.exchanges[before:]
        ]
        asked.append(requests or (top.cwd / "asked").read_text())
    assert asked[0] == asked[1]
