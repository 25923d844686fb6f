"""The tree that a commit of just the code that ran would have: it finds the experiment for that
commit."""

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
    """Return the tree of the tracked files as they are now; None where git cannot write it (a merge
    under way)."""
    index = ws.repo.git_dir / "index"
    with tempfile.TemporaryDirectory(prefix="git-datmo-index-") as folder:
        copy = Path(folder) / "index"
        if index.exists():
            shutil.copyfile(index, copy)
        return _write(replace(ws.repo.git, index_file=copy), ("add", "-u"), b"")


def with_files(ws: Workspace, tree: Oid, paths: Iterable[bytes]) -> Oid | None:
    """Return `tree` with files of the working tree as they are now in it."""
    names = b"".join(path + b"\0" for path in sorted(set(paths)))
    with tempfile.TemporaryDirectory(prefix="git-datmo-index-") as folder:
        git = replace(ws.repo.git, index_file=Path(folder) / "index")
        git.run("read-tree", str(tree))
        return _write(git, ("update-index", "--add", "--remove", "-z", "--stdin"), names)


def _write(git: Git, change: tuple[str, ...], stdin: bytes) -> Oid | None:
    try:
        git.run(*change, stdin=stdin)
        return Oid.parse(git.run("write-tree").decode().strip())
    except GitFailed:
        return None
