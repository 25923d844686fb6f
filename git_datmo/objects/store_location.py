"""Locate and create the store.

This module can be imported without the code for opening a store.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from git_datmo import fsio, locking, permissions
from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.git.config import read_config
from git_datmo.model import ObjectFormat
from git_datmo.permissions import parse_sharing

# Settings that make git leave the store's packs unchanged (git-config). `pack.window=0` disables
# the search for deltas. `pack.useSparse=false` lets a push omit objects that the remote has at any
# path. Without `core.multiPackIndex`, maintenance does not join packs, which would lose their
# promisor marks.
SETTINGS = {
    "gc.auto": "0",
    "maintenance.auto": "false",
    "core.multiPackIndex": "false",
    "pack.window": "0",
    "pack.useSparse": "false",
    "fetch.unpackLimit": "1",
    "transfer.unpackLimit": "1",
    "repack.writeBitmaps": "false",
    "core.looseCompression": "1",
    "fetch.writeCommitGraph": "false",
    "fetch.fsckObjects": "false",
    "push.followTags": "false",
    "push.gpgSign": "false",
    "push.recurseSubmodules": "no",
    "fetch.recurseSubmodules": "no",
    "advice.pushUpdateRejected": "false",
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
}

# Settings that make git accept missing objects which a promisor pack names (gitformat-pack). git
# must delete nothing, since no ref reaches the objects of the store (git-config). No command of
# git-datmo fetches from this remote.
PROMISES = {
    "remote.promised.promisor": "true",
    "remote.promised.skipFetchAll": "true",
    "extensions.preciousObjects": "true",
}

SHARED = "core.sharedrepository"
_FOLDERS = ("objects", "refs")


def store_path(common_dir: Path) -> Path:
    """Return the path of the store in a repository's common git directory."""
    return common_dir / "datmo" / "store.git"


def create_store(git: Git, path: Path, form: ObjectFormat) -> None:
    """Create the store, or complete the store of a killed command, and update its settings."""
    if not is_whole(path):
        permissions.make_folder(path.parent)
        with locking.locked(path.parent / "store.lock"):
            if not is_whole(path):
                _make_whole(git, path, form)
    own = Git(git.environ, path)
    _share(own, path, read_config(git).get(SHARED))
    have = own.text("config", "--local", "--list", "-z").split("\0")
    for key, value in {**SETTINGS, **PROMISES}.items():
        # A setting is written only where it differs: `git config` is one process each.
        if f"{key.lower()}\n{value}" not in have:
            own.run("config", key, value)


def is_whole(path: Path) -> bool:
    """Return True if git accepts `path` as a repository (gitrepository-layout).

    It must have a configuration too.
    """
    return (
        (path / "HEAD").exists()
        and (path / "config").exists()
        and all((path / d).is_dir() for d in _FOLDERS)
    )


def _make_whole(git: Git, path: Path, form: ObjectFormat) -> None:
    """Create the store under another name and rename it.

    So a killed command leaves no partial store. If the path already has an `objects` folder, it is
    completed. git does not change existing files.
    """
    bare = Git(git.environ)
    words = ("init", "-q", "--bare", f"--object-format={form.name}", "--template=", "--")
    if (path / "objects").is_dir():
        bare.run(*words, str(path))
        return
    fresh = path.with_name(path.name + ".new")
    for folder in (path, fresh):
        shutil.rmtree(folder, ignore_errors=True)
    bare.run(*words, str(fresh))
    os.rename(fresh, path)
    fsio.sync_folder(path.parent)


def _share(own: Git, path: Path, wanted: str) -> None:
    """Apply the code repository's `core.sharedRepository` and adjust file modes."""
    local = [setting.value for setting in read_config(own).local() if setting.key == SHARED]
    if parse_sharing(local[-1] if local else "") != parse_sharing(wanted):
        # Write the setting last: if the command is killed before, the next command repeats this
        # step.
        permissions.adjust_tree(path.parent)
        own.run("config", SHARED, wanted or "umask")


def check_store(path: Path) -> Path:
    """Return `path`. Raises `DatmoError` if it has no store."""
    if not is_whole(path):
        raise DatmoError("this repository has no datmo store yet", "make it with 'git datmo init'")
    return path
