"""Compute the tree that a commit of the code of a run would have.

With it the experiment is found again once the code is committed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from git_datmo.errors import GitFailed
from git_datmo.git.command import Git
from git_datmo.model import Oid
from git_datmo.repository.workspace import Workspace


def code_tree(ws: Workspace) -> Oid | None:
    """Return the tree of the tracked files as they are now; None if git cannot write it.

    Git cannot write a tree while a merge is unresolved. The user's index stays unchanged.
    """
    index = ws.repo.git_dir / "index"
    with tempfile.TemporaryDirectory(prefix="git-datmo-index-") as folder:
        copy = Path(folder) / "index"
        if index.exists():
            # With the stat data of the index, git reads only files that changed.
            shutil.copyfile(index, copy)
        return _write(replace(ws.repo.git, index_file=copy), ("add", "-u"), b"")


def with_files(ws: Workspace, tree: Oid, paths: Iterable[bytes]) -> Oid | None:
    """Return `tree` with the current content of `paths`; None if git cannot write it."""
    names = b"".join(path + b"\0" for path in sorted(set(paths)))
    with tempfile.TemporaryDirectory(prefix="git-datmo-index-") as folder:
        git = replace(ws.repo.git, index_file=Path(folder) / "index")
        git.run("read-tree", str(tree))
        return _write(git, ("update-index", "--add", "--remove", "-z", "--stdin"), names)


def _write(git: Git, change: tuple[str, ...], stdin: bytes) -> Oid | None:
    """Run a command that changes the index, and return the resulting tree; None if git fails."""
    try:
        git.run(*change, stdin=stdin)
        return Oid.parse(git.run("write-tree").decode().strip())
    except GitFailed:
        return None
