"""Test every kind of clone through the helper: whole, bare, mirror, linked worktree, submodule."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.servers.hosts import LocalHost
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell
from tests.support.side_by_side import make_sides, tell


def serve_copy(templates: dict[str, Path], top: Shell, *, object_format: str = "sha1") -> Shell:
    """Copy a server repository for the test, beside the library that is its submodule."""
    for name in ("served.git", "library.git"):
        shutil.copytree(templates[object_format] / name, top.cwd / name)
    return top.at("served.git")


def is_set_up(clone: Shell, url: str, remote: str = "origin") -> bool:
    settings = [clone.git("config", f"remote.{remote}.{key}") for key in ("url", "vcs")]
    return settings == [url, "datmo"] and "git-remote-datmo" in clone.git(
        "config", "alias.remote-datmo"
    )


def test_clone_by_helper_is_set_up_for_every_source(
    templates: dict[str, Path], shell: Callable[..., Shell]
) -> None:
    top = shell()
    served = serve_copy(templates, top)
    top.git("init", "-q", "--bare", "empty.git")
    top.git("clone", "-q", "-o", "hub", "datmo::served.git", "copy")
    copy = top.at("copy")
    assert is_set_up(copy, str(served.cwd), "hub")
    assert (copy.cwd / ".git/datmo/store.git/HEAD").exists()
    assert copy.git("fetch") == ""
    done = top.run("git", "clone", f"datmo::{top.cwd}/empty.git", "first")
    assert "You appear to have cloned an empty repository" in done.stderr
    first = top.at("first")
    assert is_set_up(first, f"{top.cwd}/empty.git")
    first.commit("code.py", "pass\n")
    first.git("push", "-q", "origin", "main")
    assert top.at("empty.git").git("rev-parse", "main") == first.git("rev-parse", "HEAD")
    assert top.run("git", "clone", "datmo::nothing", "nowhere", ok=False).returncode == 128
    assert not (top.cwd / "nowhere").exists()


def test_mirror_is_exact_and_can_be_mirrored_again(
    templates: dict[str, Path], shell: Callable[..., Shell]
) -> None:
    top = shell()
    served = serve_copy(templates, top)
    work = top.at("work")
    top.git("clone", "-q", f"datmo::{served.cwd}", "work")
    work.write("data/x", "x")
    datmo(work, "add-data", "data")
    work.commit("code.py", "print()\n")
    work.git("push", "-q")
    top.git("clone", "-q", "--mirror", f"datmo::{served.cwd}", "mirror.git")
    mirror = top.at("mirror.git")
    assert is_set_up(mirror, str(served.cwd))
    assert mirror.git("for-each-ref") == served.git("for-each-ref")
    assert "refs/datmo/keep/1" in served.git("for-each-ref")
    work.commit("code.py", "print(1)\n")
    work.git("push", "-q")
    mirror.git("remote", "update", "--prune")
    assert mirror.git("for-each-ref") == served.git("for-each-ref")
    assert "up-to-date" in mirror.run("git", "push").stderr
    # A bare clone has the refs that it asked for, and a plain fetch in it works as before.
    top.git("clone", "-q", "--bare", f"datmo::{served.cwd}", "bare.git")
    assert is_set_up(top.at("bare.git"), str(served.cwd))
    assert "-> FETCH_HEAD" in top.at("bare.git").run("git", "fetch").stderr
    top.git("init", "-q", "--bare", "new.git")
    mirror.git("push", "-q", "--mirror", f"datmo::{top.cwd}/new.git")
    assert top.at("new.git").git("for-each-ref") == served.git("for-each-ref")


@pytest.mark.parametrize("over", ["path", "http"])
def test_mirror_push_keeps_shared_refs(
    templates: dict[str, Path], shell: Callable[..., Shell], http_host: HttpHost, over: str
) -> None:
    top = shell()
    served = serve_copy(templates, top)
    url = http_host.url(served.cwd) if over == "http" else str(served.cwd)
    main = served.git("rev-parse", "main")
    top.git("clone", "-q", url, "plain")
    plain = top.at("plain")
    for ref in (
        "refs/datmo/records",
        "refs/notes/datmo",
        "refs/datmo/keep/1",
        "refs/heads/git-datmo/keep/1",
    ):
        served.git("update-ref", ref, main)
    before = served.git("for-each-ref")
    for remote in (f"datmo::{url}", "origin"):
        if remote == "origin":
            datmo(plain, "init")
        done = plain.run("git", "push", "--mirror", remote, code=1)
        assert (
            "a mirror push would lose data" if remote != "origin" else "would delete what git-datmo"
        ) in done.stderr
        assert served.git("for-each-ref") == before
    plain.run("git", "push", "origin", ":refs/datmo/keep/1", code=1)
    assert served.git("for-each-ref") == before
    # One of our refs that is rewritten to where it was not.
    done = plain.run("git", "push", f"datmo::{url}", "+HEAD~1:refs/notes/datmo", code=1)
    assert "a mirror push would lose data" in done.stderr
    assert served.git("for-each-ref") == before


def test_linked_worktrees_and_a_bare_path(
    templates: dict[str, Path], shell: Callable[..., Shell]
) -> None:
    top = shell()
    served = serve_copy(templates, top)
    top.git("clone", "-q", "datmo::served.git", "work")
    top.at("work").git("worktree", "add", "-q", "../linked", "-b", "linked")
    # As a graphical program starts it: PATH has git and no programs that pip installed.
    linked = top.at("linked").having(PATH=str(Path(shutil.which("git") or "").parent))
    assert shutil.which("git-remote-datmo", path=linked.env["PATH"]) is None
    linked.write("data/x", "x")
    linked.run(*_installed("git-datmo"), "add-data", "data")
    linked.write("sub/code.py", "pass\n")
    linked.git("add", "sub")
    linked.git("commit", "-q", "-m", "linked")
    linked.at("sub").git("push", "-q", "-u", "origin", "linked")
    linked.at("sub").git("pull", "-q")
    assert served.git("rev-parse", "linked") == linked.git("rev-parse", "HEAD")
    assert served.git("rev-parse", "refs/datmo/records") == linked.git(
        "rev-parse", "refs/datmo/records"
    )


def _installed(name: str) -> tuple[str, ...]:
    found = shutil.which(name)
    assert found
    return (found,)


def test_submodule_by_helper_url_is_set_up(
    templates: dict[str, Path], shell: Callable[..., Shell]
) -> None:
    """Update a submodule that is set up, and clone one by the helper's URL."""
    sides = make_sides(LocalHost("path"), templates["sha1"], shell)
    side = sides[1]
    tell(sides, "!. clone -q --recurse-submodules URL super")
    library = side.top.at("super/library")
    datmo(library, "init", "--helper")
    library.write("data/x", "x")
    datmo(library, "add-data", "data")
    library.commit("library.py", "print()\n")
    library.git("push", "-q", "origin", "HEAD:main")
    assert "refs/datmo/keep/1" in side.top.at("library.git").git("for-each-ref")
    tip = library.git("rev-parse", "HEAD")
    top = side.top.at("super")
    top.git("commit", "-q", "-am", "a newer library")
    library.git("checkout", "-q", "HEAD~1")
    library.git("update-ref", "-d", "refs/remotes/origin/main")
    assert (
        "Submodule path 'library': checked out"
        in top.run("git", "submodule", "update", "--remote").stdout
    )
    assert library.git("rev-parse", "HEAD") == tip
    url = f"datmo::{side.top.cwd}/library.git"
    top.git("-c", "protocol.datmo.allow=always", "submodule", "--quiet", "add", url, "second")
    assert is_set_up(top.at("second"), f"{side.top.cwd}/library.git")
    assert top.at("second").git("status", "--porcelain") == ""


def test_remote_without_refspecs_is_fetched_from_as_before(
    templates: dict[str, Path], shell: Callable[..., Shell]
) -> None:
    """Clone with `--revision`, which leaves no refspec."""
    top = shell()
    served = serve_copy(templates, top)
    top.git("init", "-q", "work")
    work = top.at("work")
    work.git("config", "remote.origin.url", f"datmo::{served.cwd}")
    work.git("fetch", "-q", "origin", "main")
    assert is_set_up(work, str(served.cwd))
    fetched = work.run("git", "fetch")
    assert "HEAD       -> FETCH_HEAD" in fetched.stderr
    assert work.git("rev-parse", "FETCH_HEAD") == served.git("rev-parse", "main")


def test_remote_with_vcs_and_rewritten_url_works(
    templates: dict[str, Path], shell: Callable[..., Shell]
) -> None:
    """Check that a URL which git rewrote is not rewritten again, by the helper or its children."""
    top = shell()
    served = serve_copy(templates, top)
    work = top.at("work")
    top.git("init", "-q", "work")
    work.git("config", "remote.origin.url", "short:served")
    work.git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    work.git("config", "remote.origin.vcs", "datmo")
    work.git("config", f"url.{top.cwd}/.insteadOf", "short:")
    # The rewritten URL begins with this, too.
    work.git("config", "url.nowhere:.insteadOf", f"{top.cwd}/")
    served.cwd.rename(top.cwd / "served")
    work.git("pull", "-q", "origin", "main")
    work.commit("new", "new")
    work.git("push", "-q", "origin", "HEAD:main")
    assert top.at("served").git("rev-parse", "main") == work.git("rev-parse", "HEAD")
    assert work.git("config", "remote.origin.url") == "short:served"
