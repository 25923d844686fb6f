"""The user's repository: found once, then named by absolute paths."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from git_datmo.errors import DatmoError, find_owner_hint
from git_datmo.git.command import Git, run_git
from git_datmo.git.config import Config, read_config, set_waits
from git_datmo.model import FORMATS, ObjectFormat, Oid
from git_datmo.permissions import parse_sharing, share_folder

# The facts that `git rev-parse` knows of every repository, bare ones included.
_EVERYWHERE = ("--show-object-format", "--path-format=absolute", "--git-dir", "--git-common-dir")


@dataclass(frozen=True, slots=True)
class UserRepository:
    """The code repository, seen from one of its working trees.

    `prefix` is the folder in which the command was started, relative to the top: '' or ending in
    '/'.
    """

    git: Git
    git_dir: Path
    common_dir: Path
    top: Path | None
    prefix: str
    format: ObjectFormat
    config: Config

    @property
    def work_tree(self) -> Path:
        """Return the top of the working tree; raise `DatmoError` for a bare repository."""
        if self.top is None:
            raise DatmoError(
                "this operation must be run in a work tree", "change to a clone that has one"
            )
        return self.top

    def resolve(self, revision: str, kind: str = "commit") -> Oid:
        """Return the id of the object that a revision names; raise `DatmoError` for none."""
        done = self.git.finish(
            "rev-parse", "--verify", "-q", "--end-of-options", f"{revision}^{{{kind}}}"
        )
        if done.returncode and self._is_unborn(revision):
            raise DatmoError(
                "this repository has no commits yet", "make the first one with 'git commit'"
            )
        if done.returncode:
            raise DatmoError(f"bad revision '{revision}'", "'git datmo log' lists the experiments")
        return Oid.parse(done.stdout.decode().strip())

    def _is_unborn(self, revision: str) -> bool:
        """Return True if a revision starts from a HEAD that has no commit yet."""
        if not re.match(r"(HEAD|@)(?![\w.-])", revision):
            return False
        return bool(self.git.finish("rev-parse", "--verify", "-q", "HEAD").returncode)

    def patch_id(self, commit: Oid) -> str:
        """Return the id of a commit's change, which survives a rebase; '' for a merge or an
        empty commit."""
        diff = self.git.run(
            "diff-tree", "-p", "--no-ext-diff", "--no-textconv", "--root", str(commit)
        )
        return (
            self.git.run("patch-id", "--stable", stdin=diff).decode().partition(" ")[0]
            if diff
            else ""
        )

    def remotes(self) -> tuple[str, ...]:
        """Return the names of the remotes."""
        # `git remote` would list the same, but needs one more start of git.
        keys = (s.key for s in self.config.settings)
        names = (
            k[len("remote.") : -len(".url")]
            for k in keys
            if k.startswith("remote.") and k.endswith(".url")
        )
        return tuple(dict.fromkeys(names))

    def default_remote(self) -> str | None:
        """Return the remote that a bare `git push` uses (git-push, `remote.pushDefault`)."""
        names = self.remotes()
        branch = self.git.finish("symbolic-ref", "-q", "--short", "HEAD").stdout.decode().strip()
        for key in (f"branch.{branch}.pushremote", "remote.pushdefault", f"branch.{branch}.remote"):
            if self.config.get(key) in names:
                return self.config.get(key)
        return "origin" if "origin" in names else names[0] if len(names) == 1 else None


def discover(environ: Mapping[str, str], cwd: Path) -> UserRepository:
    """Find the repository around `cwd`, or the one that `GIT_DIR` names; raise `DatmoError` for
    none."""
    done = _rev_parse(environ, cwd, *_EVERYWHERE, "--show-toplevel", "--show-prefix")
    if done.returncode:
        # A bare repository has no top. Any other failure repeats, with its reason.
        done = _rev_parse(environ, cwd, *_EVERYWHERE)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        what = said[0].removeprefix("fatal: ") if said else "git rev-parse failed"
        raise DatmoError(
            what,
            find_owner_hint(said)
            or "run this inside a git repository, or make one with 'git init'",
        )
    form, *places = map(os.fsdecode, done.stdout.split(b"\n"))
    git_dir, common_dir = Path(places[0]), Path(places[1])
    top, prefix = (Path(places[2]), places[3]) if len(places) > 3 else (None, "")
    git = Git(environ, git_dir, top)
    config = read_config(git)
    set_waits(config, environ)
    # Before the first file is created, since its mode depends on the setting.
    sharing = parse_sharing(config.get("core.sharedrepository"))
    for folder in (git_dir, common_dir):
        share_folder(folder, sharing)
    return UserRepository(git, git_dir, common_dir, top, prefix, FORMATS[form], config)


def _rev_parse(
    environ: Mapping[str, str], cwd: Path, *words: str
) -> subprocess.CompletedProcess[bytes]:
    # A process may be in a folder that it has no right to enter again, as git allows too.
    where = None if cwd == Path.cwd() else cwd
    return run_git(["rev-parse", *words], {**environ, "LC_ALL": "C"}, where)
