"""Store and place filtered files as git does (git-crypt, Git LFS; gitattributes, `filter`)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from git_datmo.errors import Incomplete
from git_datmo.git.command import Git
from git_datmo.git.config import Config
from git_datmo.git.safe_paths import show
from git_datmo.model import Oid
from git_datmo.repository.workspace import Workspace

ATTRIBUTES = b".gitattributes"
LFS, LFS_POINTER = "lfs", b"version https://git-lfs.github.com/spec/"


def filtered_paths(ws: Workspace, git: Git, paths: Sequence[bytes]) -> dict[bytes, str]:
    """Return the paths with a filter, and the filter's name. `git` determines the folder."""
    # Most repositories have no attributes, and `check-attr` for every path takes long.
    if not any(path.endswith(ATTRIBUTES) for path in paths) and not _has_attributes_elsewhere(ws):
        return {}
    names = b"".join(path + b"\0" for path in paths)
    fields = git.run("check-attr", "-z", "--stdin", "filter", stdin=names).split(b"\0")[:-1]
    answers = zip(fields[::3], fields[2::3], strict=True)
    return {
        path: value.decode("utf-8", "replace")
        for path, value in answers
        if value not in (b"unspecified", b"unset")
    }


def _has_attributes_elsewhere(ws: Workspace) -> bool:
    config = ws.environ.get("XDG_CONFIG_HOME") or os.path.join(
        ws.environ.get("HOME", ""), ".config"
    )
    places = (ws.repo.common_dir / "info" / "attributes", Path(config) / "git" / "attributes")
    return bool(ws.repo.config.get("core.attributesfile")) or any(
        place.exists() for place in places
    )


def cleaned_files(ws: Workspace, filtered: Mapping[bytes, str]) -> dict[bytes, Oid]:
    """Return the blobs of filtered files, as git has or would add them, if this clone has the
    filter.

    A file that git considers unchanged is not filtered again.
    """
    has = {
        name: bool(
            _setting(ws.repo.config, name, "clean") or _setting(ws.repo.config, name, "process")
        )
        for name in {*filtered.values()}
    }
    # Without the filter, the file is stored as it is in the working tree.
    wanted = [path for path, name in filtered.items() if has[name]]
    if not wanted:
        return {}
    git = ws.repo.git
    changed = set(git.run("diff-files", "-z", "--name-only", "--no-ext-diff").split(b"\0"))
    known = {}
    # For unchanged files, the index has the result of the filter already.
    for line in git.run("ls-files", "-s", "-z").split(b"\0")[:-1]:
        about, _, path = line.partition(b"\t")
        known[path] = Oid.parse(about.split()[1].decode())
    found = {path: known[path] for path in wanted if path in known and path not in changed}
    for path in wanted:
        if path not in found:
            # `--path` makes git apply the filter that the attributes of the path name
            # (git-hash-object).
            said = git.run("hash-object", "-w", b"--path=" + path, "--", path)
            found[path] = Oid.parse(said.decode().strip())
    return found


def smudge(ws: Workspace, folder: Path, paths: Iterable[bytes]) -> None:
    """Replace placed filtered files in `folder` by what git would check out.

    Raises `Incomplete` for a filter that this clone has not set up.
    """
    listed = list(paths)
    git = replace(ws.repo.git, git_dir=ws.repo.git_dir, work_tree=folder)
    for path, name in filtered_paths(ws, git, listed).items():
        full = os.path.join(os.fsencode(folder), path)
        if (
            os.path.islink(full)
            or not os.path.isfile(full)
            # A file that is no pointer has its content already.
            or (name == LFS and not _is_pointer(full))
        ):
            continue
        if not (
            _setting(ws.repo.config, name, "smudge") or _setting(ws.repo.config, name, "process")
        ):
            raise Incomplete(
                f"{show(path)} needs git's filter '{name}', which is not set up in this clone",
                f"set up filter.{name}.clean and filter.{name}.smudge as the project says, then"
                " run this again",
            )
        _smudge(git, path, full)


def _smudge(git: Git, path: bytes, full: bytes) -> None:
    """Replace a file by what the clone's filter makes of it.

    If the filter fails, the file keeps its stored content.
    """
    # `cat-file --filters` reads only objects, so the file becomes a blob first.
    blob = git.run("hash-object", "-w", "--no-filters", "--", full).strip()
    # The folder is on the same file system, so that the rename is atomic.
    with tempfile.TemporaryDirectory(dir=os.path.dirname(full)) as folder:
        made = os.path.join(os.fsencode(folder), b"made")
        with (
            open(made, "wb") as file,
            git.start(
                "cat-file", "--filters", b"--path=" + path, blob, stdin=None, stdout=file.fileno()
            ) as child,
        ):
            child.wait()
        if child.returncode:
            raise Incomplete(f"git's filter of {show(path)} failed", "git's message is above")
        # The filter's output has the mode of a new file, which would lose the executable bit.
        os.chmod(made, os.stat(full).st_mode & 0o777)
        os.replace(made, full)


def _is_pointer(full: bytes) -> bool:
    with open(full, "rb") as file:
        return file.read(len(LFS_POINTER)) == LFS_POINTER


def _setting(config: Config, name: str, key: str) -> str:
    return config.get(f"filter.{name}.{key}") or ""
