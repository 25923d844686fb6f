"""Put an export on a branch of a remote. Working tree, index and refs of the clone stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.git.remote_commands import (
    Rejected,
    beside,
    fetch_refs,
    find_remote,
    probe,
    push_refs,
)
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.web.page_files import INDEX
from git_datmo.web.static_site import DATA, FIRST, ExportedSite

BRANCH = "gh-pages"
_OLD, _NEW = "refs/published/old", "refs/published/new"
# Tells GitHub to serve the files as they are.
_PLAIN = ".nojekyll"
_NOT_IN_NAMES = re.compile(r"[<>\n\0]")


@dataclass(frozen=True, slots=True)
class Published:
    """The remote and branch of a published page, its commit, and True if the commit is new."""

    remote: str
    branch: str
    commit: str
    is_new: bool


def publish_site(
    ws: Workspace, site: ExportedSite, remote_name: str, branch: str, progress: Progress = QUIET
) -> Published:
    """Push an export to a branch, on top of what the branch has.

    Files of the branch that are no part of an export stay. Raises `DatmoError` if the branch has
    another page.
    """
    ref = f"refs/heads/{branch}"
    _check_branch(ws.repo.git, ref, branch)
    remote = find_remote(ws.repo.config, remote_name or ws.repo.default_remote() or "", push=True)
    git = beside(ws.scratch.git, ws.repo.config, remote)
    tip = probe(git, remote, ref).refs.get(ref)
    if tip is not None:
        # The tip is enough to be the parent of the new commit.
        fetch_refs(git, remote, [f"+{ref}:{_OLD}"], progress, "--depth=1")
        _refuse_other_page(git, branch)
    stream = b"".join(_import_stream(ws, site, has_old=tip is not None))
    git.run("fast-import", "--quiet", stdin=stream)
    trees = [git.text("rev-parse", f"{name}^{{tree}}") for name in _names(has_old=tip is not None)]
    commit = git.text("rev-parse", _NEW)
    # Exports of the same records are equal, and must not fill the branch with commits.
    if tip is not None and trees[0] == trees[1]:
        return Published(remote.address, branch, str(tip), is_new=False)
    try:
        push_refs(git, remote, [f"{_NEW}:{ref}"], progress)
    except Rejected as error:
        if not error.moved:
            raise
        raise DatmoError(
            f"'{remote.address}' moved '{branch}' meanwhile", "run the command again"
        ) from error
    return Published(remote.address, branch, commit, is_new=True)


def _names(*, has_old: bool) -> tuple[str, ...]:
    return (_OLD, _NEW) if has_old else (_NEW,)


def _check_branch(git: Git, ref: str, branch: str) -> None:
    """Raise `DatmoError` for a name that no branch can have."""
    if git.finish("check-ref-format", ref).returncode:
        raise DatmoError(f"'{branch}' is no name of a branch", f"give one like '{BRANCH}'")


def _refuse_other_page(git: Git, branch: str) -> None:
    """Raise `DatmoError` if the branch has a page that git-datmo did not write."""
    names = git.text("ls-tree", "-r", "--name-only", _OLD, "--", INDEX, FIRST).splitlines()
    if INDEX in names and FIRST not in names:
        raise DatmoError(
            f"the branch '{branch}' has an '{INDEX}' that is no export of git-datmo",
            "name another branch with '--branch'",
        )


def _import_stream(ws: Workspace, site: ExportedSite, *, has_old: bool) -> Iterator[bytes]:
    """Yield the commands that make the commit (git-fast-import)."""
    name, mail = (_NOT_IN_NAMES.sub("", each) for each in (ws.person.name, ws.person.email))
    message = b"Publish experiments\n"
    yield f"commit {_NEW}\ncommitter {name} <{mail}> {int(ws.clock())} +0000\n".encode()
    yield b"data %d\n%s" % (len(message), message)
    if has_old:
        yield f"from {_OLD}\n".encode()
        # Documents of the earlier export go, and other files of the branch stay.
        yield f"D {DATA}\n".encode()
    # Paths of an export have neither blanks nor quotes.
    for path in (*site.files, _PLAIN):
        content = site.read(path) if path in site.files else b""
        yield b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)
